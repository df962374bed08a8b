/// tests/vectors: one file, one defect, for this program and for anybody else's. The manifest says what each file is
/// and with which number it is refused; 0 is accepted.

#include "sync/cbor.hpp"
#include "sync/checkpoint.hpp"
#include "sync/ledger_file.hpp"
#include "sync/merkle.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"
#include "sync/statement.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using nlohmann::json;

namespace {

const std::string kFolder = DUDAO_SOURCE_DIR "/tests/vectors/";
const std::string kOrigin = "example.dudao/2026";

struct Vector {
  std::string name;
  std::string kind;  ///< cbor, statement, receipt, checkpoint or ledger
  Bytes bytes;
  std::string statement;  ///< receipts: name of the statement's file
};

struct Keys {
  PublicKey office, device;
};

/// Number with which the program refuses it; 0 when it takes it.
int verdict(const std::string& kind, BytesView bytes, BytesView statement, const Keys& keys) {
  const auto number = [](const auto& result) { return result ? 0 : static_cast<int>(result.error().code); };
  if (kind == "cbor") {
    CborReader in(bytes);
    const auto item = in.item();
    return item ? number(in.finish()) : number(item);
  }
  if (kind == "statement") {
    const auto opened = open_statement(bytes, StatementType::kChangeSet, keys.device);
    return opened ? number(read_change_set(opened->payload)) : number(opened);
  }
  if (kind == "receipt") return number(verify_receipt(bytes, statement, keys.office));
  if (kind == "checkpoint") return number(open_checkpoint(text(bytes), kOrigin, keys.office));
  REQUIRE(kind == "ledger");
  const LedgerReport report = check_ledger(bytes, keys.office.thumbprint());
  return report.sound() ? 0 : static_cast<int>(report.problems.front().error.code);
}

// ---- how they are made

PrivateKey key_of(std::uint8_t byte) {
  auto key = PrivateKey::from_secret(Algorithm::kEd25519, Bytes(32, byte));
  REQUIRE(key);
  return *std::move(key);
}

struct Header {
  std::int64_t alg = -8;
  Bytes kid;
  std::string iss = "d1", sub = "1";
  std::int64_t iat = 1'767'232'803, typ = 65001;
  bool with_iat = true;
};

Bytes cose(const Header& header, BytesView payload, const PrivateKey& signer, bool tagged = true, int parts = 4) {
  CborWriter bytes;
  bytes.map(4);
  bytes.integer(1);
  bytes.integer(header.alg);
  bytes.integer(4);
  bytes.bytes(header.kid);
  bytes.integer(15);
  bytes.map(header.with_iat ? 3 : 2);
  bytes.integer(1);
  bytes.text(header.iss);
  bytes.integer(2);
  bytes.text(header.sub);
  if (header.with_iat) {
    bytes.integer(6);
    bytes.integer(header.iat);
  }
  bytes.integer(16);
  bytes.integer(header.typ);
  CborWriter out;
  if (tagged) out.tag(18);
  out.array(static_cast<std::size_t>(parts));
  out.bytes(bytes.written());
  out.map(0);
  out.bytes(payload);
  out.bytes(signer.sign(sig_structure(bytes.written(), {}, payload)));
  if (parts == 5) out.null();
  return std::move(out).take();
}

std::vector<Vector> make_vectors() {
  std::vector<Vector> out;
  const PrivateKey office = key_of(1);
  const PrivateKey device = key_of(2);
  const PrivateKey stranger = key_of(3);
  const auto add = [&](std::string name, std::string kind, Bytes bytes, std::string statement = {}) {
    out.push_back({std::move(name), std::move(kind), std::move(bytes), std::move(statement)});
  };
  const auto hex = [](const std::string& digits) { return *from_hex(digits); };

  add("cbor-good", "cbor", hex("a201020346010203040506"));
  add("cbor-cut", "cbor",
      hex("43"
          "0102"));
  add("cbor-longer-form", "cbor", hex("1817"));
  add("cbor-indefinite", "cbor", hex("9f00ff"));
  add("cbor-float", "cbor", hex("f93c00"));
  add("cbor-keys-unsorted", "cbor", hex("a202000100"));
  add("cbor-key-twice", "cbor", hex("a201000100"));
  add("cbor-not-utf8", "cbor", hex("62c328"));
  add("cbor-trailing", "cbor", hex("0000"));
  add("cbor-huge-length", "cbor", hex("5b7fffffffffffffff"));
  add("cbor-nested", "cbor", Bytes(1'000, 0x81));

  const auto from_office = [&](StatementType type, const std::string& sub, const Bytes& payload, std::int64_t iat) {
    Header header{-8, to_bytes(key_id(office.public_key())), kOrigin, sub, iat, static_cast<std::int64_t>(type), true};
    return cose(header, payload, office);
  };
  Genesis genesis{kOrigin, Algorithm::kEd25519, office.public_key().raw(), 1'767'225'600'000};
  const Bytes first = from_office(StatementType::kGenesis, kOrigin, write_genesis(genesis), 1'767'225'600);
  Enrolment enrolment{1, Algorithm::kEd25519, device.public_key().raw(), "D001", "平板", 1'830'301'200, "clerk"};
  const Bytes second = from_office(StatementType::kEnrolment, "d1", write_enrolment(enrolment), 1'767'229'200);

  const auto change_set = [&](std::uint64_t seq, const Hash& prev, const std::string& note) {
    ChangesBuilder rows;
    rows.insert("note", {Bytes(16, 0xaa), std::int64_t{1}, static_cast<std::int64_t>(seq), Value(), note, Value(),
                         std::string("D001"), std::int64_t{1'767'232'800'000}, std::int64_t{480}, std::int64_t{5'000}});
    ChangeSet set;
    set.seq = seq;
    set.prev = prev;
    set.hlc = seq << 16;
    set.schema_version = 1;
    set.changes = rows.changes();
    return write_change_set(set);
  };
  Header mine;
  mine.kid = to_bytes(key_id(device.public_key()));
  const Bytes payload = change_set(1, parse_statement(second)->id, "校门有保安");
  const Bytes third = cose(mine, payload, device);
  add("statement-good", "statement", third);
  const auto with = [&](const std::function<void(Header&)>& change) {
    Header header = mine;
    change(header);
    return cose(header, payload, device);
  };
  add("statement-alg-19", "statement", with([](Header& h) { h.alg = -19; }));
  add("statement-alg-other", "statement", with([](Header& h) { h.alg = -7; }));
  add("statement-alg-unknown", "statement", with([](Header& h) { h.alg = -35; }));
  add("statement-kid-other", "statement", with([](Header& h) { h.kid = Bytes(16, 7); }));
  add("statement-kid-short", "statement", with([](Header& h) { h.kid.pop_back(); }));
  add("statement-typ-other", "statement", with([](Header& h) { h.typ = 65006; }));
  add("statement-typ-unknown", "statement", with([](Header& h) { h.typ = 60; }));
  add("statement-iss-empty", "statement", with([](Header& h) { h.iss.clear(); }));
  add("statement-iat-negative", "statement", with([](Header& h) { h.iat = -1; }));
  add("statement-iat-missing", "statement", with([](Header& h) { h.with_iat = false; }));
  add("statement-untagged", "statement", cose(mine, payload, device, false));
  add("statement-five-parts", "statement", cose(mine, payload, device, true, 5));
  add("statement-stranger", "statement", cose(mine, payload, stranger));
  Bytes bent = third;
  bent[bent.size() - 100] ^= 1;
  add("statement-content-changed", "statement", bent);
  bent = third;
  bent.back() ^= 1;
  add("statement-signature-changed", "statement", bent);
  bent = third;
  bent.pop_back();
  add("statement-cut", "statement", bent);
  bent = third;
  bent.push_back(0xf6);
  add("statement-trailing", "statement", bent);
  ChangeSet newer;
  newer.seq = 1;
  newer.schema_version = kSchemaVersion + 1;
  add("change-set-newer-schema", "statement", cose(mine, write_change_set(newer), device));
  newer.schema_version = 1;
  newer.seq = 0;
  add("change-set-number-0", "statement", cose(mine, write_change_set(newer), device));
  CborWriter unknown;
  unknown.map(6);
  unknown.integer(1);
  unknown.integer(1);
  unknown.integer(2);
  unknown.bytes(Bytes(32, 0));
  unknown.integer(3);
  unknown.array(2);
  unknown.integer(0);
  unknown.bytes(Bytes(32, 0));
  unknown.integer(4);
  unknown.integer(1);
  unknown.integer(5);
  unknown.integer(1);
  unknown.integer(6);
  unknown.array(1);
  unknown.array(4);
  unknown.integer(99);
  unknown.integer(0);
  unknown.array(0);
  unknown.array(0);
  add("change-set-unknown-table", "statement", cose(mine, unknown.written(), device));

  const auto with_note = [&](Value n, Value words) {
    ChangesBuilder rows;
    rows.insert("note", {Bytes(16, 0xaa), std::int64_t{1}, std::move(n), Value(), std::move(words), Value(),
                         std::string("D001"), std::int64_t{1'767'232'800'000}, std::int64_t{480}, std::int64_t{5'000}});
    ChangeSet set;
    set.seq = 1;
    set.schema_version = 1;
    set.changes = rows.changes();
    return cose(mine, write_change_set(set), device);
  };
  add("change-set-key-of-another-kind", "statement", with_note(std::string("1"), std::string("x")));
  add("change-set-cell-of-another-kind", "statement", with_note(std::int64_t{1}, Bytes{0x78}));

  // A log of three, then four entries.
  const Bytes fourth = cose(
      [&] {
        Header header = mine;
        header.sub = "2";
        return header;
      }(),
      change_set(2, parse_statement(third)->id, "食堂整洁"), device);
  std::map<std::pair<int, std::int64_t>, Hash> nodes;
  const NodeReader read = [&](int level, std::int64_t position) { return Result<Hash>(nodes.at({level, position})); };
  std::int64_t index = 0;
  for (const Bytes& entry : {first, second, third, fourth})
    REQUIRE(
        append_leaf(index++, leaf_hash(entry), read, [&](int level, std::int64_t position, const Hash& hash) -> Status {
          nodes[{level, position}] = hash;
          return {};
        }));
  const auto batch = [&](std::int64_t size, std::int64_t registered_utc_s, const PrivateKey& signer) {
    BatchReceipt receipt;
    receipt.head = {size, registered_utc_s};
    receipt.signature =
        signer.sign(batch_to_be_signed(receipt.head, *tree_root(size, read), kOrigin, office.public_key()));
    receipt.first = 2;
    receipt.count = 1;
    receipt.proof = *range_proof(2, 1, size, read);
    return receipt;
  };
  const auto good = expand_receipts(batch(4, 1'767'236'400, office), {third}, kOrigin, office.public_key());
  REQUIRE(good);
  const Bytes receipt = good->receipts.front();
  add("receipt-good", "receipt", receipt, "statement-good");
  add("receipt-of-another", "receipt", receipt, "statement-alg-19");
  // A path hash, the signature, the time in the signed header, the payload.
  for (const auto& [name, from_end] :
       {std::pair<const char*, std::size_t>{"receipt-signature-changed", 1}, {"receipt-path-changed", 70}}) {
    Bytes changed = receipt;
    changed[changed.size() - from_end] ^= 1;
    add(name, "receipt", changed, "statement-good");
  }
  bent = receipt;
  bent[10] ^= 1;
  add("receipt-header-changed", "receipt", bent, "statement-good");
  bent = receipt;
  bent.pop_back();
  add("receipt-cut", "receipt", bent, "statement-good");
  add("receipt-is-a-statement", "receipt", third, "statement-good");

  const auto note = [&](const std::string& origin, const PrivateKey& signer, std::uint8_t flip = 0) {
    Checkpoint checkpoint{origin, 4, *tree_root(4, read)};
    checkpoint.root[0] ^= flip;
    return *sign_checkpoint(checkpoint, signer.public_key(),
                            [&](BytesView m) { return Result<Bytes>(signer.sign(m)); });
  };
  const std::string checkpoint = note(kOrigin, office);
  add("checkpoint-good", "checkpoint", to_bytes(view(checkpoint)));
  add("checkpoint-other-origin", "checkpoint", to_bytes(view(note("other.dudao/2026", office))));
  add("checkpoint-stranger", "checkpoint", to_bytes(view(note(kOrigin, stranger))));
  std::string changed = checkpoint;
  changed.replace(changed.find("\n4\n"), 3, "\n5\n");
  add("checkpoint-size-changed", "checkpoint", to_bytes(view(changed)));
  changed = checkpoint;
  changed.replace(changed.find("\n4\n"), 3, "\n04\n");
  add("checkpoint-size-padded", "checkpoint", to_bytes(view(changed)));
  changed = checkpoint.substr(0, checkpoint.find("\n\n") + 2);
  add("checkpoint-unsigned", "checkpoint", to_bytes(view(changed)));

  const auto ledger = [&](const std::vector<Bytes>& entries, const BatchReceipt& batched, const std::string& end) {
    Bytes file = write_ledger_head(kOrigin, office.public_key());
    for (const Bytes& entry : entries) append(file, write_ledger_entry(entry));
    append(file, write_ledger_batch(batched.head.size, batched.head.registered_utc_s * 1'000, batched.signature));
    append(file, write_ledger_end(end));
    return file;
  };
  const BatchReceipt whole = batch(4, 1'767'236'400, office);
  add("ledger-good", "ledger", ledger({first, second, third, fourth}, whole, checkpoint));
  add("ledger-entries-swapped", "ledger", ledger({first, second, fourth, third}, whole, checkpoint));
  add("ledger-entry-missing", "ledger", ledger({first, second, third}, whole, checkpoint));
  add("ledger-entry-twice", "ledger", ledger({first, second, third, third, fourth}, whole, checkpoint));
  add("ledger-unknown-author", "ledger", ledger({first, third, second, fourth}, whole, checkpoint));
  add("ledger-no-genesis", "ledger", ledger({second, third, fourth}, whole, checkpoint));
  add("ledger-batch-stranger", "ledger",
      ledger({first, second, third, fourth}, batch(4, 1'767'236'400, stranger), checkpoint));
  add("ledger-checkpoint-of-another-root", "ledger",
      ledger({first, second, third, fourth}, whole, note(kOrigin, office, 1)));
  Bytes between = write_ledger_head(kOrigin, office.public_key());
  for (const Bytes& entry : {first, second, third, fourth}) append(between, write_ledger_entry(entry));
  append(between, write_ledger_batch(4, 1'767'236'400'001, whole.signature));
  append(between, write_ledger_end(checkpoint));
  add("ledger-batch-between-seconds", "ledger", between);
  bent = ledger({first, second, third, fourth}, whole, checkpoint);
  bent.resize(bent.size() - checkpoint.size());
  add("ledger-cut", "ledger", bent);
  return out;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  INFO(path);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

Bytes unhex(std::string text) {
  std::erase(text, '\n');
  const auto bytes = from_hex(text);
  REQUIRE(bytes);
  return *bytes;
}

}  // namespace

TEST_CASE("each vector is accepted or refused with the number that the manifest gives") {
  const json manifest = json::parse(slurp(kFolder + "manifest.json"));
  const auto key = [&](const char* name) {
    auto out = PublicKey::from_raw(Algorithm::kEd25519, unhex(manifest.at(name).get<std::string>()));
    REQUIRE(out);
    return *std::move(out);
  };
  const Keys keys{key("office_public_key"), key("device_public_key")};
  CHECK(manifest.at("origin") == kOrigin);
  std::set<std::string> listed = {"manifest.json", "README.md"};
  for (const json& vector : manifest.at("vectors")) {
    const std::string name = vector.at("file");
    INFO(name);
    listed.insert(name);
    const Bytes bytes = unhex(slurp(kFolder + name));
    const Bytes statement =
        vector.contains("statement") ? unhex(slurp(kFolder + vector["statement"].get<std::string>())) : Bytes();
    const int found = verdict(vector.at("kind"), bytes, statement, keys);
    CHECK(found == vector.at("error"));
    CHECK((name.find("good") != std::string::npos || name.find("alg-19") != std::string::npos) == (found == 0));
  }
  for (const auto& file : std::filesystem::directory_iterator(kFolder)) CHECK(listed.contains(file.path().filename()));
}

// For whoever changes the protocol: makes the files anew.
TEST_CASE("write the vectors", "[.write]") {
  const PrivateKey office = key_of(1);
  const PrivateKey device = key_of(2);
  const Keys keys{office.public_key(), device.public_key()};
  json manifest = {{"origin", kOrigin},
                   {"office_public_key", to_hex(keys.office.raw())},
                   {"device_public_key", to_hex(keys.device.raw())},
                   {"vectors", json::array()}};
  const auto vectors = make_vectors();
  for (const Vector& vector : vectors) {
    std::string hex = to_hex(vector.bytes);
    std::ofstream out(kFolder + vector.name + ".hex");
    for (std::size_t at = 0; at < hex.size(); at += 96) out << hex.substr(at, 96) << "\n";
    json entry = {{"file", vector.name + ".hex"}, {"kind", vector.kind}};
    BytesView statement;
    for (const Vector& other : vectors)
      if (!vector.statement.empty() && other.name == vector.statement) {
        statement = other.bytes;
        entry["statement"] = other.name + ".hex";
      }
    entry["error"] = verdict(vector.kind, vector.bytes, statement, keys);
    manifest["vectors"].push_back(std::move(entry));
  }
  std::ofstream(kFolder + "manifest.json") << manifest.dump(1) << "\n";
}
