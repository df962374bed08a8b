#pragma once

/// The tree over the log (RFC 9162 section 2.1): hashes, proofs and their checks. All pure; any thread.
///
/// A perfect subtree is named (level, position): it covers the leaves [position·2^level, (position+1)·2^level). The
/// hashes of all perfect subtrees of a log are its nodes; whoever has them makes every proof in a few look-ups.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <map>
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

/// The roots of the largest perfect subtrees of a log of `size` leaves, from left to right: enough to go on from there.
Result<std::vector<Hash>> tree_peaks(std::int64_t size, const NodeReader& read);

/// Leaves of a log that somebody holds, of a batch that ended at `size`.
struct HeldRange {
  std::int64_t first = 0, count = 0, size = 0;
};
/// The fewest hashes with which whoever has the peaks of a log of `from` leaves and holds some of those that follow
/// knows its peaks, and roots and proofs at the end of each batch of theirs: that the log goes on as it was, and where
/// their leaves stand in it, both at once. REQUIRES: from <= to; ranges as GrownTree::grow checks them.
Result<std::vector<Hash>> growth_proof(std::int64_t from, std::int64_t to, std::span<const HeldRange> held,
                                       const NodeReader& read);

/// What a growth proof makes known.
class GrownTree {
 public:
  /// `leaves`: of all ranges, one after the other. Error: kProofForm (too few or too many hashes; ranges that are out
  /// of order, overlap, or lie outside [from, to)).
  static Result<GrownTree> grow(std::int64_t from, std::span<const Hash> peaks, std::int64_t to,
                                std::span<const HeldRange> held, std::span<const Hash> leaves,
                                std::span<const Hash> proof);
  /// For tree_root(), tree_peaks() and range_proof(). Error: kProofForm for a node that is not known.
  NodeReader reader() const;

 private:
  /// With its parent, where that is known from it.
  void add(int level, std::int64_t position, Hash hash);
  std::map<std::pair<int, std::int64_t>, Hash> nodes_;
};

}  // namespace dudao
