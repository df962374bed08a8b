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

/// From the leaf up, at which side the path's hashes stand; a path folds alike in all trees that agree in this.
std::string path_sides(std::int64_t index, std::int64_t size) {
  if (size == 1) return {};
  std::int64_t k = 1;
  while (k * 2 < size) k *= 2;
  return index < k ? path_sides(index, k) + "r" : path_sides(index - k, size - k) + "l";
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

TEST_CASE("a growth proof gives the peaks, and root and place of every range that is held") {
  const Tree tree(26);
  for (std::int64_t from = 0; from <= 26; ++from) {
    const auto peaks = tree_peaks(from, tree.read).value();
    for (std::int64_t to = from; to <= 26; ++to) {
      for (std::int64_t first = from; first <= to; ++first) {
        for (std::int64_t count = first == to ? 0 : 1; first + count <= to; count += 3) {
          // One range, or two in the same batch, or none.
          std::vector<HeldRange> held;
          std::vector<Hash> leaves;
          if (count > 0) held.push_back({first, count, first + count + (to - first - count) / 2});
          if (const std::int64_t next = first + count + 1; count > 0 && next < held[0].size)
            held.push_back({next, 1, held[0].size});
          for (const HeldRange& range : held)
            for (const Hash& leaf : tree.leaves(range.first, range.count)) leaves.push_back(leaf);
          const auto proof = growth_proof(from, to, held, tree.read).value();
          const auto grown = GrownTree::grow(from, peaks, to, held, leaves, proof).value();
          CHECK(tree_root(to, grown.reader()).value() == tree_root(to, tree.read).value());
          CHECK(tree_peaks(to, grown.reader()).value() == tree_peaks(to, tree.read).value());
          for (const HeldRange& range : held)
            CHECK(range_proof(range.first, range.count, range.size, grown.reader()).value() ==
                  range_proof(range.first, range.count, range.size, tree.read).value());
          auto other = proof;
          other.push_back(leaf_hash(view("x")));
          CHECK_FALSE(GrownTree::grow(from, peaks, to, held, leaves, other));
          if (proof.empty()) continue;
          other = proof;
          other.back()[7] ^= 1;
          CHECK(tree_root(to, GrownTree::grow(from, peaks, to, held, leaves, other)->reader()).value() !=
                tree_root(to, tree.read).value());
          other.pop_back();
          CHECK_FALSE(GrownTree::grow(from, peaks, to, held, leaves, other));
        }
      }
    }
  }
}

TEST_CASE("ranges that a growth proof cannot have are refused") {
  const Tree tree(9);
  const auto refused = [&](std::vector<HeldRange> held, std::int64_t from = 4, std::int64_t to = 9) {
    const auto grown = GrownTree::grow(from, tree_peaks(4, tree.read).value(), to, held, tree.leaves(0, 9), {});
    return !grown && grown.error().code == Code::kProofForm &&
           grown.error().detail == (held.empty() ? "sizes" : "range");
  };
  CHECK(refused({{3, 1, 9}}));
  CHECK(refused({{5, 0, 9}}));
  CHECK(refused({{5, -1, 9}}));
  CHECK(refused({{5, 2, 6}}));
  CHECK(refused({{5, 2, 10}}));
  CHECK(refused({{5, 2, 9}, {6, 1, 9}}));
  CHECK(refused({{7, 1, 9}, {5, 1, 9}}));
  CHECK(refused({{INT64_MAX, INT64_MAX, 9}}));
  CHECK(refused({{5, 1, INT64_MIN}}));
  CHECK(growth_proof(4, 9, std::vector<HeldRange>{{3, 1, 9}}, tree.read).error().detail == "range");
  CHECK(refused({}, 4, 3));
  // Nor with the hashes that would lead there.
  for (std::size_t hashes = 0; hashes <= 4; ++hashes) {
    const std::vector<Hash> some(hashes, leaf_hash(view("x")));
    CHECK_FALSE(GrownTree::grow(4, tree_peaks(4, tree.read).value(), 3, {}, {}, some));
    CHECK_FALSE(GrownTree::grow(-1, {}, 3, {}, {}, some));
  }
  CHECK(refused({}, -1, 3));
  const auto far = GrownTree::grow(4, tree_peaks(4, tree.read).value(), INT64_MAX, {}, {}, {});
  CHECK(far.error().detail == "too short");
}

TEST_CASE("a growth proof takes as many peaks, leaves and hashes as it needs, and not one more or less") {
  const Tree tree(9);
  const std::vector<HeldRange> held{{6, 2, 9}};
  const auto peaks = tree_peaks(5, tree.read).value();
  const auto leaves = tree.leaves(6, 2);
  const auto proof = growth_proof(5, 9, held, tree.read).value();
  const auto longer = [](std::vector<Hash> hashes) {
    hashes.push_back(leaf_hash(view("x")));
    return hashes;
  };
  const auto shorter = [](std::vector<Hash> hashes) {
    hashes.pop_back();
    return hashes;
  };
  const auto detail = [&](const std::vector<Hash>& of_peaks, const std::vector<Hash>& of_leaves,
                          const std::vector<Hash>& of_proof) {
    const auto grown = GrownTree::grow(5, of_peaks, 9, held, of_leaves, of_proof);
    return grown ? std::string("taken") : grown.error().detail;
  };
  CHECK(detail(peaks, leaves, proof) == "taken");
  CHECK(detail(longer(peaks), leaves, proof) == "too long");
  CHECK(detail(peaks, longer(leaves), proof) == "too long");
  CHECK(detail(peaks, leaves, longer(proof)) == "too long");
  CHECK(detail(shorter(peaks), leaves, proof) == "too short");
  CHECK(detail(peaks, shorter(leaves), proof) == "too short");
  CHECK(detail(peaks, leaves, shorter(proof)) == "too short");
  // What is under the peaks stays unknown.
  const auto grown = GrownTree::grow(5, peaks, 9, held, leaves, proof).value();
  CHECK(grown.reader()(0, 6).value() == leaves[0]);
  CHECK(grown.reader()(0, 1).error().code == Code::kProofForm);
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
        CHECK(proven.inclusion.size() == static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < count; ++i)
          CHECK(proven.inclusion[static_cast<std::size_t>(i)] == inclusion_proof(first + i, size, tree.read).value());
        proof.push_back(root);
        CHECK_FALSE(expand_range(first, size, tree.leaves(first, count), proof));
      }
    }
  }
  const auto leaves = tree.leaves(0, 5);
  const std::span<const Hash> some(leaves);
  CHECK(expand_range(3, 5, some.first(1), some.first(1)).error().detail == "too short");
  for (std::size_t hashes = 0; hashes <= 4; ++hashes) {
    CHECK(expand_range(3, 5, leaves, some.first(hashes)).error().detail == "range");
    CHECK(expand_range(4, 5, some.first(2), some.first(hashes)).error().detail == "range");
    CHECK(expand_range(2, 5, {}, some.first(hashes)).error().detail == "range");
    CHECK(expand_range(-1, 5, some.first(2), some.first(hashes)).error().detail == "range");
  }
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
  BatchReceipt miscounted = read;
  miscounted.count = 5;
  CHECK(expand_receipts(miscounted, entries, "office.example/log", key.public_key()).error().code ==
        Code::kReceiptForm);
  CHECK_FALSE(expand_receipts(read, entries, "another.example/log", key.public_key()));
  BatchReceipt cut = read;
  cut.proof.pop_back();
  CHECK(expand_receipts(cut, entries, "office.example/log", key.public_key()).error().code == Code::kProofForm);
}

TEST_CASE("of a receipt no changed bit is accepted but another size that folds the same path") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  std::size_t other_sizes = 0;
  for (const std::int64_t size : {6, 11}) {
    Tree tree(static_cast<int>(size));
    const BatchHead head{size, 1'790'000'000};
    const Hash root = tree_root(size, tree.read).value();
    const Bytes signature = key.sign(batch_to_be_signed(head, root, "office.example/log", key.public_key()));
    for (std::int64_t index = 0; index < size; ++index) {
      const BatchReceipt batch{head, signature, index, 1, range_proof(index, 1, size, tree.read).value()};
      const Bytes& entry = tree.entries[static_cast<std::size_t>(index)];
      Bytes receipt = expand_receipts(batch, {entry}, "office.example/log", key.public_key())->receipts.front();
      std::vector<std::int64_t> accepted;
      for (std::size_t bit = 0; bit < receipt.size() * 8; ++bit) {
        receipt[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        if (const auto verified = verify_receipt(receipt, entry, key.public_key())) {
          CHECK(verified->index == index);
          CHECK(verified->registered_utc_s == head.registered_utc_s);
          CHECK(verified->issuer == "office.example/log");
          accepted.push_back(verified->size);
        }
        receipt[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      }
      // One bit of a size below 24 is one bit of its only byte.
      std::vector<std::int64_t> alike;
      for (const std::int64_t bit : {1, 2, 4, 8, 16})
        if ((size ^ bit) < 24 && (size ^ bit) > index && path_sides(index, size ^ bit) == path_sides(index, size))
          alike.push_back(size ^ bit);
      CHECK(accepted == alike);
      other_sizes += accepted.size();
    }
  }
  CHECK(other_sizes > 0);
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
}

TEST_CASE("a checkpoint may carry more lines and other people's signatures, each of the form that they have") {
  const PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const std::string dash = "\xe2\x80\x94 ";
  const auto open = [&](const std::string& note) {
    return open_checkpoint(note, "office.example/log", key.public_key());
  };
  const auto refused = [&](const std::string& note) {
    const auto opened = open(note);
    return opened ? Code::kInternal : opened.error().code;
  };
  const Checkpoint checkpoint{"office.example/log", 0, sha256(BytesView())};
  const std::string note = sign_checkpoint(checkpoint, key.public_key(), [&](BytesView message) -> Result<Bytes> {
                             return key.sign(message);
                           }).value();
  const Signer away = [](BytesView) -> Result<Bytes> { return fail(Code::kKeyStoreLocked); };
  CHECK(sign_checkpoint(checkpoint, key.public_key(), away).error().code == Code::kKeyStoreLocked);
  CHECK(open(note)->size == 0);  // an empty log has one, too
  CHECK(open(note + dash + "witness.example AAAAAAAA\n"));
  CHECK(open(note + dash + "witness.example AAAAAAA=\n"));
  for (const char* other : {"witness.example AAAAAA==\n", "witness.example !!!!!!!!\n", "AAAAAAAA\n",
                            "wit\xffness.example AAAAAAAA\n", "witness.example AAAAAAAA"})
    CHECK(refused(note + dash + other) == Code::kCheckpointForm);
  CHECK(refused(note + "witness.example AAAAAAAA\n") == Code::kCheckpointForm);
  // An older or newer key of the log itself, and somebody whose key's number happens to be the same, say nothing to us.
  CHECK(open(note + dash + "office.example/log AAAAAAAA\n"));
  const std::string own = note.substr(note.rfind(' ') + 1);
  CHECK(open(note + dash + "witness.example " + own.substr(0, 8) + "\n"));
  CHECK(refused(note + dash + "office.example/log " + own.substr(0, 8) + "\n") == Code::kCheckpointSignature);

  // Signed as if it were the log's own, whatever it says.
  const auto signed_note = [&](const std::string& text) {
    const std::string standard = sign_checkpoint(checkpoint, key.public_key(), [&](BytesView) -> Result<Bytes> {
                                   return key.sign(view(text));
                                 }).value();
    return text + standard.substr(standard.find("\n\n") + 1);
  };
  const std::string root = to_base64(checkpoint.root);
  CHECK(open(signed_note("office.example/log\n7\n" + root + "\nan extension\n"))->size == 7);
  for (const std::string& text :
       {"office.example/log\n-7\n" + root + "\n", "office.example/log\n07\n" + root + "\n",
        "office.example/log\n7 \n" + root + "\n", "office.example/log\n99999999999999999999\n" + root + "\n",
        std::string("office.example/log\n7\nAAAA\n"), std::string("office.example/log\n7\n")})
    CHECK(refused(signed_note(text)) == Code::kCheckpointForm);
  CHECK(refused("office.example/log\n7\n" + root + "\n\n") == Code::kCheckpointForm);
  CHECK(refused("office.example/log\n7\n" + root + "\n\n" + dash + "witness.example AAAAAAAA\n") ==
        Code::kCheckpointSignature);

  // As long as a note may be, and one byte longer.
  const auto padded = [&](std::size_t bytes) {
    const std::string tail = " AAAAAAAA\n";
    return note + dash + std::string(bytes - note.size() - dash.size() - tail.size(), 'w') + tail;
  };
  CHECK(open(padded(16'384)));
  CHECK(refused(padded(16'385)) == Code::kCheckpointForm);
}

TEST_CASE("a receipt's parts are what they must be, even where the log's own key signed otherwise") {
  const Tree tree(2);
  const Hash root = tree_root(2, tree.read).value();
  PrivateKey key = PrivateKey::generate(Algorithm::kEd25519);
  const auto number = [](std::int64_t value) {
    CborWriter out;
    out.integer(value);
    return std::move(out).take();
  };
  const auto word = [](std::string_view value) {
    CborWriter out;
    out.text(value);
    return std::move(out).take();
  };
  struct Entry {
    Bytes label, value;
  };
  struct Parts {
    Entry algorithm, tree, issuer, issued;
    Entry other;
    Bytes after_header = {};
    Bytes after_proof = {};
  };
  const Parts good{.algorithm = {number(1), number(-8)},
                   .tree = {number(395), number(1)},
                   .issuer = {number(1), word("office.example/log")},
                   .issued = {number(6), number(1'790'000'000)},
                   .other = {word("another's label"), word("another's value")}};
  // Taken is kInternal.
  const auto verdict = [&](const auto& bend) {
    Parts parts = good;
    bend(parts);
    CborWriter header;
    const auto entry = [&](const Entry& of) {
      header.raw(of.label);
      header.raw(of.value);
    };
    header.map(4);
    entry(parts.algorithm);
    entry(parts.other);
    entry(parts.tree);
    header.integer(15);
    header.map(3);
    entry(parts.issuer);
    entry(parts.issued);
    header.text("another's claim");
    header.null();
    header.raw(parts.after_header);
    CborWriter proof;
    proof.array(3);
    proof.integer(2);
    proof.integer(0);
    proof.array(1);
    proof.bytes(tree.leaves(1, 1).front());
    proof.raw(parts.after_proof);
    CborWriter out;
    out.tag(kCoseSign1Tag);
    out.array(4);
    out.bytes(header.written());
    out.map(1);
    out.integer(396);
    out.map(1);
    out.integer(-1);
    out.array(1);
    out.bytes(proof.written());
    out.null();
    out.bytes(key.sign(sig_structure(header.written(), {}, root)));
    const auto read = verify_receipt(out.written(), tree.entries[0], key.public_key());
    if (!read) return read.error().code;
    CHECK(read->issuer == "office.example/log");
    CHECK(read->registered_utc_s == 1'790'000'000);
    return Code::kInternal;
  };
  const auto algorithm = [&](std::int64_t value) {
    return verdict([&](Parts& parts) { parts.algorithm.value = number(value); });
  };
  CHECK(algorithm(-8) == Code::kInternal);
  CHECK(algorithm(-19) == Code::kInternal);
  CHECK(algorithm(-7) == Code::kReceiptForm);
  CHECK(algorithm(-9) == Code::kReceiptForm);
  CHECK(verdict([&](Parts& parts) { parts.tree.value = number(2); }) == Code::kReceiptForm);
  CHECK(verdict([&](Parts& parts) { parts.after_header = number(0); }) == Code::kCborTrailing);
  CHECK(verdict([&](Parts& parts) { parts.after_proof = number(0); }) == Code::kCborTrailing);
  // What is not ours is passed over, whatever its label; what is ours is there, once, and of its kind.
  CHECK(verdict([&](Parts& parts) { parts.other.label = number(99); }) == Code::kInternal);
  CHECK(verdict([&](Parts& parts) { parts.other.label = number(1); }) == Code::kCborKeys);
  CHECK(verdict([&](Parts& parts) { parts.algorithm.label = number(99); }) == Code::kReceiptForm);
  CHECK(verdict([&](Parts& parts) { parts.tree.label = number(99); }) == Code::kReceiptForm);
  CHECK(verdict([&](Parts& parts) { parts.algorithm.value = word("EdDSA"); }) == Code::kCborType);
  CHECK(verdict([&](Parts& parts) { parts.tree.value = word("RFC9162"); }) == Code::kCborType);
  CHECK(verdict([&](Parts& parts) { parts.issuer.value = number(1); }) == Code::kCborType);
  CHECK(verdict([&](Parts& parts) { parts.issued.value = word("today"); }) == Code::kCborType);

  key = PrivateKey::generate(Algorithm::kEs256);
  CHECK(algorithm(-7) == Code::kInternal);
  CHECK(algorithm(-9) == Code::kInternal);
  CHECK(algorithm(-8) == Code::kReceiptForm);
  CHECK(algorithm(-19) == Code::kReceiptForm);
}

TEST_CASE("a batch receipt's numbers fit each other, and its hashes are hashes") {
  const auto read = [](const BatchReceipt& batch) {
    CborWriter out;
    write_batch_receipt(out, batch);
    CborReader in(out.written());
    return read_batch_receipt(in).has_value();
  };
  const Bytes signature(64, 1);
  CHECK(read({{4, 0}, signature, 0, 4, {}}));  // all of the log, at the earliest time
  CHECK(read({{4, 9}, signature, 3, 1, {}}));
  CHECK_FALSE(read({{4, 9}, signature, -1, 1, {}}));
  CHECK_FALSE(read({{4, 9}, signature, 0, 0, {}}));
  CHECK_FALSE(read({{4, 9}, signature, 0, 5, {}}));
  CHECK_FALSE(read({{4, 9}, signature, 1, 4, {}}));
  CHECK_FALSE(read({{INT64_MIN, 9}, signature, 0, 1, {}}));
  CHECK_FALSE(read({{4, -1}, signature, 0, 4, {}}));
  CHECK_FALSE(read({{4, 9}, Bytes(63, 1), 0, 4, {}}));

  const auto hashes = [](std::size_t count, std::size_t bytes) {
    CborWriter out;
    out.array(count);
    for (std::size_t i = 0; i < count; ++i) out.bytes(Bytes(bytes, 1));
    CborReader in(out.written());
    const auto found = read_hashes(in, 2);
    return found ? static_cast<int>(found->size()) : -1;
  };
  CHECK(hashes(2, 32) == 2);
  CHECK(hashes(3, 32) == -1);
  CHECK(hashes(1, 31) == -1);
  CHECK(hashes(1, 33) == -1);
}
