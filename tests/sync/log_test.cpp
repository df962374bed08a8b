#include "sync/checkpoint.hpp"
#include "sync/merkle.hpp"
#include "sync/receipt.hpp"

#include <map>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

struct Tree {
  std::map<std::pair<int, std::int64_t>, Hash> nodes;
  std::vector<Bytes> entries;
  NodeReader read = [this](int level, std::int64_t position) -> Result<Hash> {
    const auto found = nodes.find({level, position});
    if (found == nodes.end()) return fail(Code::kInternal, "node");
    return found->second;
  };
  void add(Bytes entry) {
    const auto index = static_cast<std::int64_t>(entries.size());
    REQUIRE(append_leaf(index, leaf_hash(entry), read,
                        [this](int level, std::int64_t position, const Hash& hash) -> Status {
                          nodes[{level, position}] = hash;
                          return {};
                        }));
    entries.push_back(std::move(entry));
  }
  explicit Tree(int size) {
    for (int i = 0; i < size; ++i) add(to_bytes(view("entry " + std::to_string(i))));
  }
  std::vector<Hash> leaves(std::int64_t first, std::int64_t count) const {
    std::vector<Hash> out;
    for (std::int64_t i = first; i < first + count; ++i) out.push_back(leaf_hash(entries[static_cast<std::size_t>(i)]));
    return out;
  }
};

/// RFC 9162's definition, written down as it stands, to check the clever way against.
Hash slow_root(const std::vector<Hash>& leaves, std::size_t begin, std::size_t n) {
  if (n == 0) return sha256(BytesView());
  if (n == 1) return leaves[begin];
  std::size_t k = 1;
  while (k * 2 < n) k *= 2;
  return node_hash(slow_root(leaves, begin, k), slow_root(leaves, begin + k, n - k));
}

}  // namespace

TEST_CASE("the tree's root is RFC 9162's for every size") {
  const Tree tree(70);
  const auto leaves = tree.leaves(0, 70);
  for (std::int64_t size = 0; size <= 70; ++size)
    CHECK(tree_root(size, tree.read).value() == slow_root(leaves, 0, static_cast<std::size_t>(size)));
  // The reference tree of Certificate Transparency: root of the empty string's leaf.
  CHECK(to_hex(leaf_hash({})) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST_CASE("every inclusion proof holds, and none holds for another leaf, place or with a changed bit") {
  const Tree tree(40);
  for (std::int64_t size = 1; size <= 40; ++size) {
    const Hash root = tree_root(size, tree.read).value();
    for (std::int64_t index = 0; index < size; ++index) {
      auto proof = inclusion_proof(index, size, tree.read).value();
      const Hash leaf = tree.leaves(index, 1).front();
      CHECK(root_of_inclusion(leaf, index, size, proof).value() == root);
      CHECK(root_of_inclusion(leaf_hash(view("other")), index, size, proof).value() != root);
      const auto elsewhere = root_of_inclusion(leaf, index ^ 1, size, proof);
      CHECK((size == 1 || !elsewhere || *elsewhere != root));
      for (Hash& hash : proof) {
        hash[5] ^= 4;
        CHECK(root_of_inclusion(leaf, index, size, proof).value() != root);
        hash[5] ^= 4;
      }
      auto longer = proof;
      longer.push_back(leaf);
      CHECK_FALSE(root_of_inclusion(leaf, index, size, longer));
      if (!proof.empty()) {
        proof.pop_back();
        CHECK_FALSE(root_of_inclusion(leaf, index, size, proof));
      }
    }
    CHECK_FALSE(root_of_inclusion(root, size, size, {}));
    CHECK_FALSE(root_of_inclusion(root, -1, size, {}));
  }
}

TEST_CASE("every consistency proof holds, and none with a changed bit or for another root") {
  const Tree tree(33);
  for (std::int64_t second = 1; second <= 33; ++second) {
    const Hash second_root = tree_root(second, tree.read).value();
    for (std::int64_t first = 1; first <= second; ++first) {
      const Hash first_root = tree_root(first, tree.read).value();
      auto proof = consistency_proof(first, second, tree.read).value();
      CHECK(check_consistency(first, second, first_root, second_root, proof));
      CHECK_FALSE(check_consistency(first, second, leaf_hash(view("x")), second_root, proof));
      CHECK_FALSE(check_consistency(first, second, first_root, leaf_hash(view("x")), proof));
      for (Hash& hash : proof) {
        hash[31] ^= 128;
        CHECK_FALSE(check_consistency(first, second, first_root, second_root, proof));
        hash[31] ^= 128;
      }
      proof.push_back(first_root);
      CHECK_FALSE(check_consistency(first, second, first_root, second_root, proof));
    }
  }
}

TEST_CASE("a range proof gives the root and each leaf's own proof") {
  const Tree tree(25);
  for (std::int64_t size = 1; size <= 25; ++size) {
    const Hash root = tree_root(size, tree.read).value();
    for (std::int64_t first = 0; first < size; ++first) {
      for (std::int64_t count = 1; first + count <= size; ++count) {
        auto proof = range_proof(first, count, size, tree.read).value();
        const auto proven = expand_range(first, size, tree.leaves(first, count), proof).value();
        CHECK(proven.root == root);
        for (std::int64_t i = 0; i < count; ++i)
          CHECK(proven.inclusion[static_cast<std::size_t>(i)] == inclusion_proof(first + i, size, tree.read).value());
        proof.push_back(root);
        CHECK_FALSE(expand_range(first, size, tree.leaves(first, count), proof));
      }
    }
  }
  CHECK_FALSE(expand_range(3, 5, Tree(5).leaves(0, 5), {}));
}

TEST_CASE("receipts of a batch are standard receipts, equal at every retry, and prove nothing else") {
  Tree tree(11);
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const BatchHead head{11, 1'790'000'000};
  const Hash root = tree_root(11, tree.read).value();
  const Bytes signature = key.sign(batch_to_be_signed(head, root, "office.example/log", key.public_key()));
  const BatchReceipt batch{head, signature, 6, 4, range_proof(6, 4, 11, tree.read).value()};
  CborWriter out;
  write_batch_receipt(out, batch);
  CborReader in(out.written());
  const BatchReceipt read = read_batch_receipt(in).value();
  const std::vector<BytesView> entries(tree.entries.begin() + 6, tree.entries.begin() + 10);
  const auto expanded = expand_receipts(read, entries, "office.example/log", key.public_key());
  REQUIRE(expanded);
  CHECK(expanded->root == root);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto receipt = verify_receipt(expanded->receipts[i], entries[i], key.public_key());
    REQUIRE(receipt);
    CHECK(receipt->index == static_cast<std::int64_t>(6 + i));
    CHECK(receipt->size == 11);
    CHECK(receipt->registered_utc_s == 1'790'000'000);
    CHECK_FALSE(verify_receipt(expanded->receipts[i], entries[(i + 1) % 4], key.public_key()));
    CHECK_FALSE(
        verify_receipt(expanded->receipts[i], entries[i], PrivateKey::generate(Algorithm::kEd25519).public_key()));
    // Another part of the same batch gives the same receipt.
    const BatchReceipt alone{head, signature, static_cast<std::int64_t>(6 + i), 1,
                             range_proof(static_cast<std::int64_t>(6 + i), 1, 11, tree.read).value()};
    CHECK(expand_receipts(alone, {entries[i]}, "office.example/log", key.public_key())->receipts.front() ==
          expanded->receipts[i]);
  }
  CHECK_FALSE(expand_receipts(read, {entries.begin(), entries.begin() + 3}, "office.example/log", key.public_key()));
  CHECK_FALSE(expand_receipts(read, entries, "another.example/log", key.public_key()));
  Bytes receipt = expanded->receipts[0];
  std::size_t harmless = 0;
  for (std::size_t bit = 0; bit < receipt.size() * 8; ++bit) {
    receipt[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    // Size and index are not signed; some other pairs fold the same path (the checkpoint settles the size).
    if (const auto verified = verify_receipt(receipt, entries[0], key.public_key())) {
      CHECK((verified->size != 11 || verified->index != 6));
      ++harmless;
    }
    receipt[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  CHECK(harmless < 8);
}

TEST_CASE("a checkpoint is text that only the log's key can have signed") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const Signer signer = [&](BytesView message) -> Result<Bytes> { return key.sign(message); };
  const Checkpoint checkpoint{"office.example/log", 1234, leaf_hash(view("root"))};
  std::string note = sign_checkpoint(checkpoint, key.public_key(), signer).value();
  const auto opened = open_checkpoint(note, "office.example/log", key.public_key());
  REQUIRE(opened);
  CHECK(opened->size == 1234);
  CHECK(opened->root == checkpoint.root);
  CHECK(open_checkpoint(note, "other", key.public_key()).error().code == Code::kCheckpointOrigin);
  CHECK(open_checkpoint(note, "office.example/log", PrivateKey::generate(Algorithm::kEd25519).public_key())
            .error()
            .code == Code::kCheckpointSignature);
  for (std::size_t i = 0; i < note.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      note[i] = static_cast<char>(note[i] ^ (1 << bit));
      CHECK_FALSE(open_checkpoint(note, "office.example/log", key.public_key()));
      note[i] = static_cast<char>(note[i] ^ (1 << bit));
    }
  }
  for (std::size_t n = 0; n < note.size(); ++n)
    CHECK_FALSE(open_checkpoint(note.substr(0, n), "office.example/log", key.public_key()));
  // A witness signed too.
  CHECK(open_checkpoint(note + "\xe2\x80\x94 witness.example AAAAAAAA\n", "office.example/log", key.public_key()));
}
