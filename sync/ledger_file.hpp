#pragma once

/// The ledger as a file that anybody can check (sync/PROTOCOL.md, section "Ledger file"): a CBOR sequence of
///
///     [0, {1: "dudao-ledger-1", 2: origin, 3: algorithm, 4: office key}]
///     [1, statement] …  then  [2, size, registered UTC ms, signature over the batch]   for each group commit, in whole
///     seconds [3, checkpoint]
///
/// Whoever reads it needs nothing else, and trusts nobody but the office key that they were given elsewhere.

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

Bytes write_ledger_head(std::string_view origin, const PublicKey& office_key);
Bytes write_ledger_entry(BytesView statement);
Bytes write_ledger_batch(std::int64_t size, std::int64_t registered_utc_ms, BytesView signature);
Bytes write_ledger_end(std::string_view checkpoint);

/// Something that is not as it must be. index: log index of the statement, or absent.
struct LedgerProblem {
  std::optional<std::int64_t> index;
  Error error;
};

/// What a check found. Sound means: no problem.
struct LedgerReport {
  std::string origin;
  std::optional<PublicKey> office_key;
  std::int64_t statements = 0;
  std::int64_t change_sets = 0;
  std::int64_t decisions = 0;
  std::int64_t devices = 0;
  std::int64_t revocations = 0;
  std::int64_t draws = 0;
  std::int64_t batches = 0;
  std::vector<LedgerProblem> problems;  ///< the first hundred
  /// Of the tree at the end of each batch, by its size: what a receipt of that size must have been signed for.
  std::map<std::int64_t, Hash> roots;
  bool sound() const { return problems.empty(); }
};

/// Derives everything again: form and signature of every statement under the key that the log itself introduced for its
/// author, every author's chain, every batch's root and signature, times that never run backwards, nothing past a
/// revocation's cut, and the checkpoint over the whole. `pinned` is the thumbprint of the office's key as known from
/// elsewhere; without it the report says whose key the file claims. Never fails: what is wrong is in the report.
LedgerReport check_ledger(BytesView file, const std::optional<Hash>& pinned);

}  // namespace dudao
