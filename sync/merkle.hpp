#pragma once

/// The tree over the log (RFC 9162 section 2.1): hashes, proofs and their checks. All pure; any thread.
///
/// A perfect subtree is named (level, position): it covers the leaves [position·2^level, (position+1)·2^level). The
/// hashes of all perfect subtrees of a log are its nodes; whoever has them makes every proof in a few look-ups.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace dudao {

Hash leaf_hash(BytesView entry);
Hash node_hash(const Hash& left, const Hash& right);

using NodeReader = std::function<Result<Hash>(int level, std::int64_t position)>;
using NodeWriter = std::function<Status(int level, std::int64_t position, const Hash& hash)>;

/// Appends leaf number `index` to a log of `index` leaves: writes the leaf and every perfect subtree that it completes.
Status append_leaf(std::int64_t index, const Hash& leaf, const NodeReader& read, const NodeWriter& write);

/// Root of the first `size` leaves; of none: SHA-256 of nothing.
Result<Hash> tree_root(std::int64_t size, const NodeReader& read);

/// Proof that a leaf is in the tree of `size` leaves (RFC 9162 section 2.1.3.1). REQUIRES: 0 <= index < size.
Result<std::vector<Hash>> inclusion_proof(std::int64_t index, std::int64_t size, const NodeReader& read);
/// The root that the proof leads to (section 2.1.3.2); the caller compares. Error: kProofForm (wrong number of hashes,
/// index not below size).
Result<Hash> root_of_inclusion(const Hash& leaf, std::int64_t index, std::int64_t size, std::span<const Hash> proof);

/// Proof that the tree of `second` leaves continues that of `first` (section 2.1.4.1). REQUIRES: 0 < first <= second.
Result<std::vector<Hash>> consistency_proof(std::int64_t first, std::int64_t second, const NodeReader& read);
/// Errors: kProofForm, kProofWrong.
Status check_consistency(std::int64_t first, std::int64_t second, const Hash& first_root, const Hash& second_root,
                         std::span<const Hash> proof);

/// The fewest hashes from which whoever holds the leaves [first, first+count) computes the root: the perfect subtrees
/// left of the range, then those right of it, each from left to right. REQUIRES: 0 <= first, 0 < count, first+count <=
/// size.
Result<std::vector<Hash>> range_proof(std::int64_t first, std::int64_t count, std::int64_t size,
                                      const NodeReader& read);
/// What a range proof and its leaves make known.
struct ProvenRange {
  Hash root{};
  std::vector<std::vector<Hash>> inclusion;  ///< an ordinary proof for each leaf
};
/// Error: kProofForm.
Result<ProvenRange> expand_range(std::int64_t first, std::int64_t size, std::span<const Hash> leaves,
                                 std::span<const Hash> proof);

}  // namespace dudao
