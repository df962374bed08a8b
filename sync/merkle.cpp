#include "sync/merkle.hpp"

#include "platform/crypto.hpp"

#include <bit>
#include <map>

namespace dudao {
namespace {

/// Largest power of two below n, for n > 1.
std::int64_t split(std::int64_t n) {
  return std::int64_t{1} << (std::bit_width(static_cast<std::uint64_t>(n - 1)) - 1);
}

bool perfect(std::int64_t n) { return std::has_single_bit(static_cast<std::uint64_t>(n)); }

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

/// RFC 9162 section 2.1.4.1, SUBPROOF.
Status prove_consistency(std::int64_t first, std::int64_t begin, std::int64_t n, bool whole, const NodeReader& read,
                         std::vector<Hash>& out) {
  if (first == n) {
    if (whole) return {};
    DUDAO_TRY(const Hash hash, subtree(begin, n, read));
    out.push_back(hash);
    return {};
  }
  const std::int64_t left = split(n);
  if (first <= left) {
    DUDAO_CHECK(prove_consistency(first, begin, left, whole, read, out));
    DUDAO_TRY(const Hash hash, subtree(begin + left, n - left, read));
    out.push_back(hash);
    return {};
  }
  DUDAO_CHECK(prove_consistency(first - left, begin + left, n - left, false, read, out));
  DUDAO_TRY(const Hash hash, subtree(begin, left, read));
  out.push_back(hash);
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
      while (fn % 2 == 0 && fn != 0) {
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

Result<std::vector<Hash>> consistency_proof(std::int64_t first, std::int64_t second, const NodeReader& read) {
  std::vector<Hash> proof;
  DUDAO_CHECK(prove_consistency(first, 0, second, true, read, proof));
  return proof;
}

Status check_consistency(std::int64_t first, std::int64_t second, const Hash& first_root, const Hash& second_root,
                         std::span<const Hash> proof) {
  if (first <= 0 || first > second) return fail(Code::kProofForm, "sizes");
  if (first == second) {
    if (!proof.empty()) return fail(Code::kProofForm, "too long");
    return first_root == second_root ? Status() : fail(Code::kProofWrong);
  }
  // SPEC: RFC 9162 section 2.1.4.2.
  std::vector<Hash> path(proof.begin(), proof.end());
  if (perfect(first)) path.insert(path.begin(), first_root);
  if (path.empty()) return fail(Code::kProofForm, "too short");
  std::int64_t fn = first - 1;
  std::int64_t sn = second - 1;
  while (fn % 2 == 1) {
    fn >>= 1;
    sn >>= 1;
  }
  Hash fr = path.front();
  Hash sr = path.front();
  for (std::size_t i = 1; i < path.size(); ++i) {
    const Hash& c = path[i];
    if (sn == 0) return fail(Code::kProofForm, "too long");
    if (fn % 2 == 1 || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      while (fn % 2 == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      sr = node_hash(sr, c);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return fail(Code::kProofForm, "too short");
  if (fr != first_root || sr != second_root) return fail(Code::kProofWrong);
  return {};
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

}  // namespace dudao
