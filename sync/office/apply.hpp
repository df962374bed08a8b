#pragma once

/// From a registered statement to the rows that follow from it. Pure: the same ledger gives the same rows, which is
/// what rebuilding relies on.

#include "schema/checklist.hpp"
#include "sync/office/store.hpp"
#include "sync/payloads.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace dudao {

/// Where a statement stands in the log.
struct Registration {
  std::int64_t index = 0;
  std::int64_t author = kOfficeAuthor;
  std::int64_t registered_utc_ms = 0;
  std::uint64_t seq = 0;  ///< the author's own number; 0 for types without one
};

/// Applies statements in the order of the log, each inside the transaction that the caller has open. Keeps parsed
/// checklists in memory. One thread at a time.
class Applier {
 public:
  explicit Applier(Store& store) : store_(store) {}

  /// Absent: applied. Present: a rule refused it, or the part of it that is about one visit, and nothing of that
  /// changed but the author's chain, which goes on, and the places in the feed of the rows that it spoke of; the caller
  /// keeps the reason with the entry. Error: database errors only.
  /// `change_set` is what the payload says, where the caller has read it already.
  Result<std::optional<Error>> apply(const Statement& statement, const Registration& where,
                                     const ChangeSet* change_set = nullptr);

  /// For when a transaction that may have read a checklist was undone.
  void forget_checklists() { checklists_.clear(); }

 private:
  Result<std::optional<Error>> apply_now(const Statement& statement, const Registration& where,
                                         const ChangeSet* change_set);
  Status show_again(const Statement& statement, const Registration& where);
  Status apply_enrolment(BytesView payload, const Statement& statement, const Registration& where);
  Status apply_revocation(BytesView payload);
  Status apply_draw_step(BytesView payload, const Registration& where);
  Result<std::optional<Error>> apply_change_set(const ChangeSet& change_set, const Registration& where);
  Result<Checklist> checklist_for(const StoredRow& visit);

  friend class DeviceChanges;
  Store& store_;
  std::map<std::pair<std::string, std::int64_t>, Checklist> checklists_;
};

}  // namespace dudao
