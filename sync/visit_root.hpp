#pragma once

/// What the lead signs at submission: one hash over everything that was recorded on the visit. Both ends compute it
/// from their own rows, so that neither can later hold another content under the same signature.

#include "platform/bytes.hpp"
#include "schema/tables.hpp"
#include "sync/cbor.hpp"

#include <array>
#include <span>

namespace dudao {

/// The tables that the root covers, in order. Within each: the rows of the visit in key order, all columns.
inline constexpr std::array<std::string_view, 8> kRootTables = {
    "answer", "finding", "note", "feedback", "signature", "class_draw", "reinspection_result", "highlight"};

/// Feed every row of kRootTables, table by table, rows in key order.
class VisitRoot {
 public:
  void add(const Table& table, std::span<const ValueView> row);
  void add(const Table& table, std::span<const Value> row);
  /// SHA-256 over the running hash of all rows and their number.
  Hash finish() const;

 private:
  void add_written();
  Hash running_{};
  CborWriter row_;
  std::int64_t rows_ = 0;
};

/// What the feedback on a visit speaks of; neither the feedback itself, nor the signatures under it.
inline constexpr std::array<std::string_view, 6> kFeedbackTables = {
    "answer", "finding", "note", "class_draw", "reinspection_result", "highlight"};
/// What feedback and the signatures under it are bound to. `root`: over kFeedbackTables.
Hash document_hash(BytesView visit, const Hash& root, std::string_view feedback_text);

/// The root of a visit in a device's own database, over all of kRootTables or only over some of them, in their order.
/// Errors: database errors.
Result<Hash> visit_root(Database& db, BytesView visit, std::span<const std::string_view> tables = kRootTables);

}  // namespace dudao
