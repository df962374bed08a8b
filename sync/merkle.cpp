#include "sync/merkle.hpp"

#include "platform/crypto.hpp"

#include <algorithm>
#include <bit>
#include <map>

namespace dudao {
namespace {

/// Largest power of two below n, for n > 1.
std::int64_t split(std::int64_t n) {
  return std::int64_t{1} << (std::bit_width(static_cast<std::uint64_t>(n - 1)) - 1);
}

bool perfect(std::int64_t n) { return std::has_single_bit(static_cast<std::uint64_t>(n)); }

/// 64 for 0, which is a multiple of everything.
int level_of(std::int64_t n) { return std::countr_zero(static_cast<std::uint64_t>(n)); }

/// Hash of the leaves [begin, begin+n); begin is a multiple of the next power of two, as everywhere in this tree.
Result<Hash> subtree(std::int64_t begin, std::int64_t n, const NodeReader& read) {
  if (n == 0) return sha256(BytesView());
  if (perfect(n)) return read(level_of(n), begin / n);
  const std::int64_t left = split(n);
  DUDAO_TRY(const Hash a, subtree(begin, left, read));
  DUDAO_TRY(const Hash b, subtree(begin + left, n - left, read));
  return node_hash(a, b);
}

Status prove_inclusion(std::int64_t index, std::int64_t begin, std::int64_t n, const NodeReader& read,
                       std::vector<Hash>& out) {
  if (n == 1) return {};
  const std::int64_t left = split(n);
  const bool right_side = index >= begin + left;
  DUDAO_CHECK(right_side ? prove_inclusion(index, begin + left, n - left, read, out)
                         : prove_inclusion(index, begin, left, read, out));
  DUDAO_TRY(const Hash other, right_side ? subtree(begin, left, read) : subtree(begin + left, n - left, read));
  out.push_back(other);
  return {};
}

/// Walks the tree of [begin, begin+n) and calls outside(begin, n) for each largest subtree without a leaf of [first,
/// last).
template <class Outside>
Status walk_outside(std::int64_t begin, std::int64_t n, std::int64_t first, std::int64_t last, const Outside& outside) {
  if (begin + n <= first || begin >= last) return outside(begin, n);
  if (n == 1) return {};
  const std::int64_t left = split(n);
  DUDAO_CHECK(walk_outside(begin, left, first, last, outside));
  return walk_outside(begin + left, n - left, first, last, outside);
}

/// Calls each(level, position) for the fewest perfect subtrees that make up [begin, end), from left to right.
template <class Each>
Status walk_cover(std::int64_t begin, std::int64_t end, const Each& each) {
  while (begin < end) {
    const int widest = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(end - begin))) - 1;
    const int level = std::min(widest, level_of(begin));
    DUDAO_CHECK(each(level, begin >> level));
    begin += std::int64_t{1} << level;
  }
  return {};
}

/// Walks from where the log was to where it is: held(begin, end) for leaves of a range, unknown(level, position) for
/// what lies between them, cut so that the tree can be closed at the end of each batch.
template <class Held, class Unknown>
Status walk_growth(std::int64_t from, std::int64_t to, std::span<const HeldRange> ranges, const Held& held,
                   const Unknown& unknown) {
  std::vector<std::int64_t> cuts{from, to};
  std::int64_t end = from;
  for (const HeldRange& range : ranges) {
    if (range.first < end || range.count < 1 || range.size > to || range.count > range.size ||
        range.first > range.size - range.count)
      return fail(Code::kProofForm, "range");
    end = range.first + range.count;
    cuts.insert(cuts.end(), {range.first, end, range.size});
  }
  std::sort(cuts.begin(), cuts.end());
  std::size_t next = 0;
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    if (cuts[i - 1] == cuts[i]) continue;
    while (next < ranges.size() && ranges[next].first + ranges[next].count <= cuts[i - 1]) ++next;
    const bool is_held = next < ranges.size() && ranges[next].first <= cuts[i - 1];
    DUDAO_CHECK(is_held ? held(cuts[i - 1], cuts[i]) : walk_cover(cuts[i - 1], cuts[i], unknown));
  }
  return {};
}

}  // namespace

Hash leaf_hash(BytesView entry) {
  const std::uint8_t prefix = 0;
  return sha256({BytesView(&prefix, 1), entry});
}

Hash node_hash(const Hash& left, const Hash& right) {
  const std::uint8_t prefix = 1;
  return sha256({BytesView(&prefix, 1), left, right});
}

Status append_leaf(std::int64_t index, const Hash& leaf, const NodeReader& read, const NodeWriter& write) {
  DUDAO_CHECK(write(0, index, leaf));
  Hash hash = leaf;
  std::int64_t position = index;
  for (int level = 0; position % 2 == 1; ++level, position /= 2) {
    DUDAO_TRY(const Hash left, read(level, position - 1));
    hash = node_hash(left, hash);
    DUDAO_CHECK(write(level + 1, position / 2, hash));
  }
  return {};
}

Result<Hash> tree_root(std::int64_t size, const NodeReader& read) { return subtree(0, size, read); }

Result<std::vector<Hash>> inclusion_proof(std::int64_t index, std::int64_t size, const NodeReader& read) {
  std::vector<Hash> proof;
  DUDAO_CHECK(prove_inclusion(index, 0, size, read, proof));
  return proof;
}

Result<Hash> root_of_inclusion(const Hash& leaf, std::int64_t index, std::int64_t size, std::span<const Hash> proof) {
  if (index < 0 || index >= size) return fail(Code::kProofForm, "index");
  // SPEC: RFC 9162 section 2.1.3.2.
  std::int64_t fn = index;
  std::int64_t sn = size - 1;
  Hash r = leaf;
  for (const Hash& p : proof) {
    if (sn == 0) return fail(Code::kProofForm, "too long");
    if (fn % 2 == 1 || fn == sn) {
      r = node_hash(p, r);
      while (fn % 2 == 0) {  // It ends: fn is not 0, since sn was not.
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = node_hash(r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return fail(Code::kProofForm, "too short");
  return r;
}

Result<std::vector<Hash>> range_proof(std::int64_t first, std::int64_t count, std::int64_t size,
                                      const NodeReader& read) {
  std::vector<Hash> proof;
  DUDAO_CHECK(walk_outside(0, size, first, first + count, [&](std::int64_t begin, std::int64_t n) -> Status {
    DUDAO_TRY(const Hash hash, subtree(begin, n, read));
    proof.push_back(hash);
    return {};
  }));
  return proof;
}

Result<ProvenRange> expand_range(std::int64_t first, std::int64_t size, std::span<const Hash> leaves,
                                 std::span<const Hash> proof) {
  const auto count = static_cast<std::int64_t>(leaves.size());
  if (first < 0 || count == 0 || first > size - count) return fail(Code::kProofForm, "range");
  std::map<std::pair<std::int64_t, std::int64_t>, Hash> known;  // (begin, n) → hash
  std::size_t used = 0;
  DUDAO_CHECK(walk_outside(0, size, first, first + count, [&](std::int64_t begin, std::int64_t n) -> Status {
    if (used == proof.size()) return fail(Code::kProofForm, "too short");
    known[{begin, n}] = proof[used++];
    return {};
  }));
  if (used != proof.size()) return fail(Code::kProofForm, "too long");
  const std::function<Hash(std::int64_t, std::int64_t)> hash_of = [&](std::int64_t begin, std::int64_t n) -> Hash {
    if (const auto found = known.find({begin, n}); found != known.end()) return found->second;
    if (n == 1) return leaves[static_cast<std::size_t>(begin - first)];
    const std::int64_t left = split(n);
    const Hash hash = node_hash(hash_of(begin, left), hash_of(begin + left, n - left));
    known[{begin, n}] = hash;
    return hash;
  };
  ProvenRange out;
  out.root = hash_of(0, size);
  for (std::int64_t index = first; index < first + count; ++index) {
    // The path downwards, then turned round: siblings from the leaf up.
    std::vector<Hash> path;
    std::int64_t begin = 0;
    std::int64_t n = size;
    while (n > 1) {
      const std::int64_t left = split(n);
      if (index < begin + left) {
        path.push_back(hash_of(begin + left, n - left));
        n = left;
      } else {
        path.push_back(hash_of(begin, left));
        begin += left;
        n -= left;
      }
    }
    out.inclusion.emplace_back(path.rbegin(), path.rend());
  }
  return out;
}

Result<std::vector<Hash>> tree_peaks(std::int64_t size, const NodeReader& read) {
  std::vector<Hash> out;
  DUDAO_CHECK(walk_cover(0, size, [&](int level, std::int64_t position) -> Status {
    DUDAO_TRY(const Hash hash, read(level, position));
    out.push_back(hash);
    return {};
  }));
  return out;
}

Result<std::vector<Hash>> growth_proof(std::int64_t from, std::int64_t to, std::span<const HeldRange> held,
                                       const NodeReader& read) {
  std::vector<Hash> proof;
  DUDAO_CHECK(walk_growth(
      from, to, held, [](std::int64_t, std::int64_t) { return Status(); },
      [&](int level, std::int64_t position) -> Status {
        DUDAO_TRY(const Hash hash, read(level, position));
        proof.push_back(hash);
        return {};
      }));
  return proof;
}

Result<GrownTree> GrownTree::grow(std::int64_t from, std::span<const Hash> peaks, std::int64_t to,
                                  std::span<const HeldRange> held, std::span<const Hash> leaves,
                                  std::span<const Hash> proof) {
  if (from < 0 || from > to) return fail(Code::kProofForm, "sizes");
  GrownTree out;
  const auto next_of = [](std::span<const Hash>& some) -> Result<Hash> {
    if (some.empty()) return fail(Code::kProofForm, "too short");
    const Hash hash = some.front();
    some = some.subspan(1);
    return hash;
  };
  DUDAO_CHECK(walk_cover(0, from, [&](int level, std::int64_t position) -> Status {
    DUDAO_TRY(const Hash hash, next_of(peaks));
    out.add(level, position, hash);
    return {};
  }));
  DUDAO_CHECK(walk_growth(
      from, to, held,
      [&](std::int64_t begin, std::int64_t end) -> Status {
        for (; begin < end; ++begin) {
          DUDAO_TRY(const Hash hash, next_of(leaves));
          out.add(0, begin, hash);
        }
        return {};
      },
      [&](int level, std::int64_t position) -> Status {
        DUDAO_TRY(const Hash hash, next_of(proof));
        out.add(level, position, hash);
        return {};
      }));
  if (!peaks.empty() || !leaves.empty() || !proof.empty()) return fail(Code::kProofForm, "too long");
  return out;
}

void GrownTree::add(int level, std::int64_t position, Hash hash) {
  nodes_[{level, position}] = hash;
  for (; position % 2 == 1; ++level, position /= 2) {
    // The left one is known: nodes come from left to right and without a gap.
    hash = node_hash(nodes_.at({level, position - 1}), hash);
    nodes_[{level + 1, position / 2}] = hash;
  }
}

NodeReader GrownTree::reader() const {
  return [this](int level, std::int64_t position) -> Result<Hash> {
    const auto found = nodes_.find({level, position});
    if (found == nodes_.end()) return fail(Code::kProofForm, "node not known");
    return found->second;
  };
}

}  // namespace dudao
