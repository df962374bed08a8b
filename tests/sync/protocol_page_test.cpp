#include "schema/tables.hpp"
#include "sync/answer.hpp"
#include "sync/checkpoint.hpp"
#include "sync/ledger_file.hpp"
#include "sync/merkle.hpp"
#include "sync/pack.hpp"
#include "sync/pass.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"
#include "sync/statement.hpp"
#include "tests/support/text_file.hpp"

#include <iostream>
#include <map>
#include <regex>
#include <sstream>

#include <catch2/catch.hpp>

using namespace dudao;

namespace {

std::string read_page() { return test::read_text(DUDAO_SOURCE_DIR "/sync/PROTOCOL.md"); }

/// The page's blocks of hex or text by name: "```hex name" … "```".
std::map<std::string, std::string> read_blocks(const std::string& page) {
  std::map<std::string, std::string> blocks;
  std::istringstream in(page);
  std::string line;
  std::string name;
  while (std::getline(in, line)) {
    if (line.starts_with("```") && !name.empty()) {
      name.clear();
    } else if (line.starts_with("```hex ") || line.starts_with("```text ")) {
      name = line.substr(line.find(' ') + 1);
      REQUIRE(blocks.emplace(name, "").second);
    } else if (!name.empty()) {
      blocks[name] += line + "\n";
    }
  }
  return blocks;
}

std::string hex_block(BytesView bytes) {
  const std::string hex = to_hex(bytes);
  std::string out;
  for (std::size_t at = 0; at < hex.size(); at += 96) out += hex.substr(at, 96) + "\n";
  return out;
}

PrivateKey key_of(std::uint8_t byte) {
  auto key = PrivateKey::from_secret(Algorithm::kEd25519, Bytes(32, byte));
  REQUIRE(key);
  return *std::move(key);
}

Bytes sign(StatementType type, const std::string& issuer, const std::string& subject, std::int64_t issued_utc_s,
           const Bytes& payload, const PrivateKey& key) {
  auto bytes = sign_statement({type, issuer, subject, issued_utc_s}, payload, key.public_key(),
                              [&](BytesView message) { return Result<Bytes>(key.sign(message)); });
  REQUIRE(bytes);
  return *std::move(bytes);
}

Hash id_of(const Bytes& statement) { return parse_statement(statement)->id; }

/// The worked example, made by the program: what the page must show, in its order.
std::vector<std::pair<std::string, std::string>> worked_example() {
  std::vector<std::pair<std::string, std::string>> out;
  const auto hex = [&](const std::string& name, BytesView bytes) { out.emplace_back(name, hex_block(bytes)); };
  const std::string origin = "example.dudao/2026";
  const PrivateKey office = key_of(1);
  const PrivateKey device = key_of(2);
  hex("office-public-key", office.public_key().raw());
  hex("office-thumbprint", office.public_key().thumbprint());
  hex("device-public-key", device.public_key().raw());
  hex("device-thumbprint", device.public_key().thumbprint());

  Genesis genesis;
  genesis.origin = origin;
  genesis.algorithm = Algorithm::kEd25519;
  genesis.public_key = office.public_key().raw();
  genesis.created_utc_ms = 1'767'225'600'000;
  const Bytes first = sign(StatementType::kGenesis, origin, origin, 1'767'225'600, write_genesis(genesis), office);
  hex("genesis", first);

  Bytes code(16);
  for (std::size_t i = 0; i < code.size(); ++i) code[i] = static_cast<std::uint8_t>(i);
  const Hash proof = prove_code(sha256(code), device.public_key());
  hex("code-proof", proof);
  EnrolmentRequest asked;
  asked.algorithm = Algorithm::kEd25519;
  asked.public_key = device.public_key().raw();
  asked.device_name = "平板";
  asked.inspector = "D001";
  asked.code_proof = proof;
  asked.made_utc_ms = 1'767'229'200'000;
  hex("enrolment-request", sign(StatementType::kEnrolmentRequest, "new", to_hex(key_id(device.public_key())),
                                1'767'229'200, write_enrolment_request(asked), device));

  Enrolment enrolment;
  enrolment.device = 1;
  enrolment.algorithm = Algorithm::kEd25519;
  enrolment.public_key = device.public_key().raw();
  enrolment.inspector = "D001";
  enrolment.device_name = "平板";
  enrolment.expires_utc_s = 1'830'301'200;
  enrolment.actor = "one-time code";
  const Bytes second = sign(StatementType::kEnrolment, origin, "d1", 1'767'229'200, write_enrolment(enrolment), office);
  hex("enrolment", second);

  Bytes visit(16, 0xaa);
  ChangesBuilder rows;
  for (std::int64_t n = 1; n <= 2; ++n)
    rows.insert("note", {visit, std::int64_t{1}, n, Value(), std::string(n == 1 ? "校门有保安" : "食堂整洁"), Value(),
                         std::string("D001"), std::int64_t{1'767'232'800'000 + n * 1'000}, std::int64_t{480},
                         std::int64_t{5'000 + n * 1'000}});
  ChangeSet change_set;
  change_set.seq = 1;
  change_set.prev = id_of(second);
  change_set.hlc = std::uint64_t{1'767'232'803'000} << 16;
  change_set.schema_version = 1;
  change_set.changes = rows.changes();
  CborWriter changes;
  write_changes(changes, change_set.changes);
  hex("changes", changes.written());
  const Bytes third = sign(StatementType::kChangeSet, "d1", "1", 1'767'232'803, write_change_set(change_set), device);
  hex("change-set", third);
  const auto parsed = parse_statement(third);
  REQUIRE(parsed);
  hex("change-set-sig-structure", parsed->to_be_signed);
  hex("change-set-id", parsed->id);

  std::map<std::pair<int, std::int64_t>, Hash> nodes;
  const NodeReader read = [&](int level, std::int64_t position) { return Result<Hash>(nodes.at({level, position})); };
  std::int64_t index = 0;
  for (const Bytes& entry : {first, second, third}) {
    const Hash leaf = leaf_hash(entry);
    hex("leaf-" + std::to_string(index), leaf);
    REQUIRE(append_leaf(index++, leaf, read, [&](int level, std::int64_t position, const Hash& hash) -> Status {
      nodes[{level, position}] = hash;
      return {};
    }));
  }
  const Hash root = *tree_root(3, read);
  hex("root-3", root);
  BatchReceipt batch;
  batch.head = {3, 1'767'236'400};
  const Bytes to_be_signed = batch_to_be_signed(batch.head, root, origin, office.public_key());
  hex("batch-sig-structure", to_be_signed);
  batch.signature = office.sign(to_be_signed);
  batch.first = 2;
  batch.count = 1;
  batch.proof = *range_proof(2, 1, 3, read);
  const auto expanded = expand_receipts(batch, {third}, origin, office.public_key());
  REQUIRE(expanded);
  REQUIRE(verify_receipt(expanded->receipts.front(), third, office.public_key()));
  hex("receipt", expanded->receipts.front());
  Bytes note_signature;
  const auto note = sign_checkpoint({origin, 3, root}, office.public_key(), [&](BytesView message) -> Result<Bytes> {
    note_signature = office.sign(message);
    return note_signature;
  });
  REQUIRE(note);
  out.emplace_back("checkpoint", *note);

  SyncRequest request;
  request.device = 1;
  for (std::size_t i = 0; i < request.nonce.size(); ++i) request.nonce[i] = static_cast<std::uint8_t>(0xf0 + i);
  request.now_utc_ms = 1'767'236'400'000;
  request.head_seq = 1;
  request.head_id = parsed->id;
  request.feed_budget_bytes = 1u << 20;
  Bytes body = bare_statement(
      sign(StatementType::kSyncRequest, "d1", origin, 1'767'236'400, write_sync_request(request), device));
  append(body, pack_statements(std::vector<Bytes>{third}, 1, device.public_key()));
  hex("request-body", body);

  FeedPage page;
  page.device = 1;
  page.nonce = request.nonce;
  page.office_utc_ms = 1'767'236'400'250;
  page.to = 3;
  page.accepted_seq = 1;
  const Bytes page_bytes =
      bare_statement(sign(StatementType::kFeedPage, origin, "d1", 1'767'236'400, write_feed_page(page), office));
  SyncAnswer answer;
  answer.page = page_bytes;
  // The device has seen nothing of the log, so the growth proof is the one of the whole.
  LogGrowth& growth = answer.growth.emplace();
  growth.size = 3;
  growth.signature = note_signature;
  growth.proof = *growth_proof(0, 3, std::vector<HeldRange>{{2, 1, 3}}, read);
  batch.proof.clear();
  answer.receipts.emplace_back(1, batch);
  hex("answer-body", write_sync_answer(answer));
  ErrorAnswer refused{static_cast<std::uint16_t>(Code::kClockNotAgreed), "", 1'767'236'400'000, request.nonce};
  hex("error-body", write_error_answer(refused));

  Bytes ledger = write_ledger_head(origin, office.public_key());
  for (const Bytes& entry : {first, second, third}) append(ledger, write_ledger_entry(entry));
  append(ledger, write_ledger_batch(3, 1'767'236'400'000, batch.signature));
  append(ledger, write_ledger_end(*note));
  const LedgerReport sound = check_ledger(ledger, office.public_key().thumbprint());
  CHECK(sound.sound());
  hex("ledger", ledger);
  return out;
}

/// Every number that can come over the wire or out of a check.
std::string error_rows() {
  std::string out;
  for (std::uint16_t number = 3000; number < 4300; ++number)
    if (const CodeInfo* code = find_code(number))
      out += "| " + std::to_string(number) + " | " + std::string(code->name.substr(1)) + " | " +
             std::string(to_string(code->error_class)) + " | " + std::string(code->english) + " |\n";
  return out;
}

}  // namespace

TEST_CASE("the protocol page's worked example is what the program makes, to the byte") {
  const auto blocks = read_blocks(read_page());
  const auto example = worked_example();
  for (const auto& [name, content] : example) {
    INFO(name);
    REQUIRE(blocks.contains(name));
    CHECK(blocks.at(name) == content);
  }
  CHECK(blocks.size() == example.size());
}

TEST_CASE("the protocol page lists every error with its class and advice") {
  const std::string page = read_page();
  std::istringstream rows(error_rows());
  std::string row;
  std::size_t count = 0;
  while (std::getline(rows, row)) {
    INFO(row);
    CHECK(page.find(row + "\n") != std::string::npos);
    ++count;
  }
  const std::regex any_row("\n\\| [34][0-9]{3} \\| [A-Z]");
  CHECK(static_cast<std::size_t>(
            std::distance(std::sregex_iterator(page.begin(), page.end(), any_row), std::sregex_iterator())) == count);
}

TEST_CASE("the protocol page names the numbers of types and tables and the limits that the program has") {
  const std::string page = read_page();
  const auto says = [&](const std::string& text) {
    INFO(text);
    CHECK(page.find(text) != std::string::npos);
  };
  const std::pair<const char*, StatementType> types[] = {
      {"change set", StatementType::kChangeSet},     {"enrolment", StatementType::kEnrolment},
      {"revocation", StatementType::kRevocation},    {"key rotation", StatementType::kKeyRotation},
      {"sync request", StatementType::kSyncRequest}, {"feed page", StatementType::kFeedPage},
      {"draw step", StatementType::kDraw},           {"office decision", StatementType::kOfficeDecision},
      {"genesis", StatementType::kGenesis},          {"enrolment request", StatementType::kEnrolmentRequest}};
  for (const auto& [name, type] : types) says("| " + std::to_string(static_cast<int>(type)) + " | " + name + " |");
  for (const Table& table : synced_tables()) {
    std::string columns;
    for (const Column& column : table.columns) columns += (columns.empty() ? "" : " ") + column.name;
    says("| " + std::to_string(table.id) + " | `" + std::string(table.name) + "` | " +
         std::to_string(table.key_columns) + " | " + columns + " |");
  }
  says("| a statement | " + std::to_string(kMaxStatementBytes) + " bytes |");
  says("| a feed page | " + std::to_string(kMaxFeedPageBytes) + " bytes, " + std::to_string(kMaxFeedRows) + " rows |");
  says("| rows of any other statement | " + std::to_string(kMaxChangedRows) + " |");
  says("| body of a request or answer, compressed | " + std::to_string(kMaxSyncBodyBytes) + " bytes |");
  says("| the same, decompressed | " + std::to_string(kMaxSyncPlainBytes) + " bytes |");
  says("| statements in a request beside the sync request | " + std::to_string(kMaxStatementsPerRequest) + " |");
  says("| cells in a pack | " + std::to_string(kMaxPackedCells) + " |");
  says("| nesting of CBOR | " + std::to_string(kMaxCborDepth) + " |");
}

// For whoever changes the protocol: prints what the page must show.
TEST_CASE("print the blocks and rows of the protocol page", "[.print]") {
  for (const auto& [name, content] : worked_example())
    std::cout << "```" << (name == "checkpoint" ? "text " : "hex ") << name << "\n" << content << "```\n";
  for (const Table& table : synced_tables()) {
    std::cout << "| " << table.id << " | `" << table.name << "` | " << table.key_columns << " |";
    for (const Column& column : table.columns) std::cout << ' ' << column.name;
    std::cout << " |\n";
  }
  std::cout << error_rows();
}
