/// After a story: what must be true whatever happened (the promises of the design, and what follows from them).

#include "sync/author.hpp"
#include "sync/ledger_file.hpp"
#include "sync/receipt.hpp"
#include "tests/simulation/world.hpp"

#include <algorithm>

namespace dudao::simulation {

class Checker {
 public:
  explicit Checker(World& world) : w_(world) {}

  void check() {
    read_office();
    check_log();
    check_receipts();
    check_delivered();
    for (Agent& device : w_.devices_) {
      // Whoever changes a device's records by hand loses what they promise; the office and everybody else do not.
      const bool by_hand = w_.by_hand_.contains(device.number);
      if (!by_hand) check_end(device);
      if (!by_hand) check_saves(device);
      check_outbox(device, by_hand);
      if (!device.end && !by_hand) check_rows(device);
    }
    must(w_.office_->rebuild(), "P6 the rows follow from the ledger");
    must(rows_of(*w_.office_) == rows_, "P6 the rows follow from the ledger", "rebuilding changed rows");
    count();
  }

 private:
  static void must(bool holds, std::string promise, std::string what) {
    if (!holds) throw Broken{std::move(promise), std::move(what)};
  }
  static void must(const Status& status, std::string promise) {
    if (!status) throw Broken{std::move(promise), status.error().message()};
  }
  template <class T>
  static T must(Result<T> result, std::string promise) {
    if (!result) throw Broken{std::move(promise), result.error().message()};
    return *std::move(result);
  }

  void read_office() {
    must(w_.office_->read([&](Store& store) -> Status {
      DUDAO_TRY(const std::int64_t size, store.size());
      for (std::int64_t i = 0; i < size; ++i) {
        DUDAO_TRY(auto entry, store.entry(i));
        if (!entry) return fail(Code::kLedgerBroken, std::to_string(i));
        index_of_.emplace(entry->id, i);
        ledger_.push_back(std::move(*entry));
      }
      return {};
    }),
         "reading the ledger");
    for (Quarantined& each : must(w_.office_->quarantine(), "reading quarantine")) {
      const Hash id = each.id;
      quarantine_.emplace(id, std::move(each));
    }
    for (Device& each : must(w_.office_->devices(), "reading the registry")) {
      const std::int64_t number = each.no;
      registry_.emplace(number, std::move(each));
    }
    rows_ = rows_of(*w_.office_);
  }

  void check_log() {
    Bytes file;
    must(w_.office_->export_ledger([&](BytesView piece) -> Status {
      append(file, piece);
      return {};
    }),
         "exporting the ledger");
    const LedgerReport report = check_ledger(file, w_.office_->key().thumbprint());
    for (const LedgerProblem& problem : report.problems)
      must(false, "P8 the ledger is sound",
           std::to_string(problem.index.value_or(-1)) + ": " + problem.error.message());
    roots_ = report.roots;
    must(index_of_.size() == ledger_.size(), "P4 nothing is registered twice", "two entries with one id");
    std::map<std::int64_t, std::uint64_t> heads;
    for (const LedgerEntry& entry : ledger_) {
      if (entry.author == kOfficeAuthor) continue;
      must(entry.seq == heads[entry.author] + 1, "P3 chains have no gaps",
           "device " + std::to_string(entry.author) + " number " + std::to_string(entry.seq));
      heads[entry.author] = entry.seq;
    }
    must(static_cast<std::int64_t>(ledger_.size()) >= w_.office_size_, "P5 what the office said it holds is durable",
         std::to_string(ledger_.size()) + " after " + std::to_string(w_.office_size_));
  }

  void check_receipts() {
    for (const auto& [id, told] : w_.receipts_) {
      const auto found = index_of_.find(id);
      must(found != index_of_.end(), "P5 what was acknowledged is in the ledger", to_hex(id));
      must(found->second == told.index, "P5 a receipt names its place in the log", to_hex(id));
      const auto receipt =
          must(verify_receipt(told.receipt, ledger_[static_cast<std::size_t>(told.index)].bytes, w_.office_->key()),
               "P5 every receipt verifies");
      must(receipt.index == told.index && receipt.size <= static_cast<std::int64_t>(ledger_.size()),
           "P5 a receipt names its place in the log", to_hex(id));
      const auto root = roots_.find(receipt.size);
      must(root != roots_.end() && root->second == receipt.root, "P5 a receipt is of this log and no other",
           to_hex(id));
    }
  }

  void check_delivered() {
    std::map<std::pair<std::int64_t, std::uint64_t>, int> branches;
    for (const auto& [id, from] : w_.delivered_) {
      const auto& [number, seq] = from;
      const std::string name = "device " + std::to_string(number) + " statement " + std::to_string(seq);
      const bool kept = index_of_.contains(id) || quarantine_.contains(id);
      // A gap is said to the device, which sends the whole again; in these stories only a device has one that was
      // copied or changed by hand.
      if (!w_.copied_.contains(number) && !w_.by_hand_.contains(number))
        must(kept, "P7 nothing is dropped in silence", name);
      if (kept) ++branches[from];
    }
    for (const auto& [from, count] : branches)
      if (count > 1)
        must(registry_.at(from.first).state != DeviceState::kActive, "P3 two with one number prove a clone",
             "device " + std::to_string(from.first));
    for (const auto& [number, device] : registry_) {
      if (device.state == DeviceState::kForked)
        must(w_.copied_.contains(number), "nobody is called a clone who is none", "device " + std::to_string(number));
      if (device.state == DeviceState::kRevoked)
        must(w_.revoked_.contains(number), "nobody is revoked whom nobody revoked", "device " + std::to_string(number));
    }
    for (const auto& [id, kept] : quarantine_)
      must(w_.copied_.contains(kept.device) || w_.revoked_.contains(kept.device),
           "an honest device has nothing in quarantine",
           "device " + std::to_string(kept.device) + " " + std::to_string(kept.code));
  }

  /// How synchronising ended must have a cause in what happened.
  void check_end(Agent& device) {
    if (!device.end) return;
    const Code code = device.end->code;
    const bool copied = w_.copied_.contains(device.number);
    const bool explained = (code == Code::kDeviceRevoked && w_.revoked_.contains(device.number)) ||
                           (code == Code::kDeviceForked && copied) || (code == Code::kDeviceBehind && copied);
    must(explained, "whoever can reach the office comes to an end with it", device.name + ": " + device.end->message());
  }

  void check_saves(Agent& device) {
    const std::string promise = "P1 a save that returned survives";
    std::map<std::int64_t, std::int64_t> sealed_in;
    {
      auto q = must(device.db->query("SELECT n, sealed_in FROM journal ORDER BY n"), promise);
      while (must(q.step(), promise)) sealed_in[q.integer(0)] = q.null(1) ? 0 : q.integer(1);
    }
    // What each statement must say: of several edits of a cell the last.
    std::map<std::int64_t, std::map<std::tuple<int, Bytes, std::size_t>, Value>> wanted;
    for (const Save& save : device.memory.saves) {
      const auto found = sealed_in.find(save.step);
      must(found != sealed_in.end(), promise, device.name + " step " + std::to_string(save.step));
      if (!device.end)
        must(found->second != 0, "P2 every change stands in a change set",
             device.name + " step " + std::to_string(save.step));
      if (found->second == 0) continue;
      for (const Fact& fact : save.facts) wanted[found->second][{fact.table, fact.key, fact.column}] = fact.value;
    }
    for (const auto& [seq, cells] : wanted) check_statement(device, static_cast<std::uint64_t>(seq), cells);
  }

  void check_statement(Agent& device, std::uint64_t seq,
                       const std::map<std::tuple<int, Bytes, std::size_t>, Value>& wanted) {
    const std::string promise = "P2 every change stands in a change set";
    const auto kept = must(statement_of(*device.db, seq), promise);
    const Statement statement = must(parse_statement(kept.statement), promise);
    const ChangeSet change_set = must(read_change_set(statement.payload), promise);
    std::map<std::tuple<int, Bytes, std::size_t>, Value> said;
    for (const TableChanges& table : change_set.changes.tables) {
      const std::size_t keys = table.table->key_columns;
      for (std::size_t n = 0; n < table.inserted_rows(); ++n) {
        const auto row = table.row(n);
        for (std::size_t i = keys; i < row.size(); ++i)
          said[{table.table->id, encode_key(row.first(keys)), i}] = to_value(row[i]);
      }
      for (const RowUpdate& update : table.updated)
        for (const auto& [column, value] : update.cells)
          said[{table.table->id, encode_key(update.key), column}] = to_value(value);
    }
    for (const auto& [cell, value] : wanted) {
      const auto found = said.find(cell);
      const Table& table = *find_table(std::get<0>(cell));
      // Edits that cancel each other out leave nothing to tell.
      if (found == said.end()) continue;
      must(found->second == value, promise,
           device.name + " statement " + std::to_string(seq) + " " + std::string(table.name) + "." +
               table.columns[std::get<2>(cell)].name);
    }
  }

  void check_outbox(Agent& device, bool by_hand) {
    for (const OutboxEntry& entry : must(outbox(*device.db, false), "reading the outbox")) {
      const std::string name = device.name + " statement " + std::to_string(entry.seq);
      if (!device.end && !by_hand) must(entry.log_index.has_value(), "P4 what can be sent arrives", name);
      if (!entry.log_index) continue;
      must(index_of_.contains(entry.id) && index_of_.at(entry.id) == *entry.log_index,
           "P5 what was acknowledged is in the ledger", name);
      const LedgerEntry& there = ledger_[static_cast<std::size_t>(*entry.log_index)];
      // A refusal may have been said in an answer that was lost after the receipt was written by another machine.
      must(entry.refusal == there.refusal, "P7 a refusal is seen at both ends",
           name + ": " + std::to_string(entry.refusal.value_or(0)) + " here, " +
               std::to_string(there.refusal.value_or(0)) + " there");
      if (!there.refusal || by_hand) continue;
      const CodeInfo* code = find_code(*there.refusal);
      must(code && code->error_class != ErrorClass::kTampered && code->error_class != ErrorClass::kBug,
           "an honest device is not accused",
           name + ": " + std::to_string(*there.refusal) + " " + there.refusal_detail);
    }
  }

  /// Rows of the office in the inspector's scope, worked out here in another way than the feed does.
  bool in_scope(const Agent& device, const Table& table, const std::vector<Value>& cells, bool ever) const {
    const auto text = [&](std::size_t i) {
      const auto* value = std::get_if<std::string>(&cells[i]);
      return value ? *value : std::string();
    };
    const auto member = [&](const Bytes& visit, const std::string& inspector) {
      const ValueView key[] = {BytesView(visit), std::string_view(inspector)};
      const ValueView sealed_key[] = {std::string_view(inspector), BytesView(visit)};
      const auto sealed = rows_.find({find_table("sealed_assignment")->id, encode_key(sealed_key)});
      if (sealed != rows_.end() && std::holds_alternative<std::monostate>(sealed->second[4])) return false;
      const auto found = rows_.find({find_table("team_member")->id, encode_key(key)});
      return found != rows_.end() && (ever || std::holds_alternative<std::monostate>(found->second[3]));
    };
    const auto some_visit = [&](const std::function<bool(const Bytes&, const std::vector<Value>&)>& good) {
      const int visits = find_table("visit")->id;
      for (const auto& [key, row] : rows_)
        if (key.first == visits && member(std::get<Bytes>(row[0]), device.inspector) &&
            good(std::get<Bytes>(row[0]), row))
          return true;
      return false;
    };
    switch (table.scope) {
      case Scope::kEverybody:
        return true;
      case Scope::kOffice:
        return false;
      case Scope::kVisit:
        return member(std::get<Bytes>(cells[0]), device.inspector);
      case Scope::kInspector:
        if (text(0) == device.inspector) return true;
        return table.name == "inspector" && some_visit([&](const Bytes& visit, const std::vector<Value>&) {
                 const ValueView key[] = {BytesView(visit), std::get<std::string_view>(as_view(cells[0]))};
                 return rows_.contains({find_table("team_member")->id, encode_key(key)});
               });
      case Scope::kSchool: {
        const ValueView key[] = {std::string_view(device.inspector), std::get<std::string_view>(as_view(cells[0]))};
        return rows_.contains({find_table("zone")->id, encode_key(key)}) ||
               some_visit([&](const Bytes&, const std::vector<Value>& visit) { return visit[1] == cells[0]; });
      }
    }
    return false;
  }

  void check_rows(Agent& device) {
    const std::string promise = "P6 devices end equal to the office";
    const Rows here = rows_of(*device.db, false);
    for (const auto& [key, cells] : rows_) {
      const Table& table = *find_table(key.first);
      if (!in_scope(device, table, cells, false)) continue;
      const auto found = here.find(key);
      must(found != here.end(), promise, device.name + " has no " + name_of(key, rows_));
      for (std::size_t i = 0; i < cells.size(); ++i)
        must(found->second[i] == cells[i], promise,
             device.name + " " + name_of(key, rows_) + "." + table.columns[i].name + ": " + shown(found->second[i]) +
                 " here, " + shown(cells[i]) + " at the office");
    }
    for (const auto& [key, cells] : here) {
      const Table& table = *find_table(key.first);
      must(in_scope(device, table, cells, true), "P10 nobody gets what is outside their scope",
           device.name + " has " + name_of(key, here));
      must(rows_.contains(key) || !in_scope(device, table, cells, false), promise,
           device.name + " has " + name_of(key, here) + ", which the office has not");
    }
  }

  static std::string shown(const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* text = std::get_if<std::string>(&value)) return "\"" + *text + "\"";
    if (const auto* bytes = std::get_if<Bytes>(&value)) return to_hex(*bytes);
    return "nothing";
  }

  void count() {
    auto& sizes = w_.tally_.sizes;
    sizes["statements in ledgers"] += ledger_.size();
    sizes["receipts given"] += w_.receipts_.size();
    sizes["statements in quarantine"] += quarantine_.size();
    for (const auto& [key, cells] : rows_) ++sizes["rows of " + std::string(find_table(key.first)->name)];
    if (const auto received = sizes.find("rows of submission"); received != sizes.end())
      w_.tally_.transitions[{VisitState::kSubmitted, VisitEvent::kReceive, Actor::kOffice}] = received->second;
    for (const LedgerEntry& entry : ledger_)
      if (entry.refusal) ++sizes["statements refused"];
  }

  World& w_;
  std::vector<LedgerEntry> ledger_;
  std::map<Hash, std::int64_t> index_of_;
  std::map<std::int64_t, Hash> roots_;  ///< of the log, by its size at the end of each batch
  std::map<Hash, Quarantined> quarantine_;
  std::map<std::int64_t, Device> registry_;
  Rows rows_;
};

void World::check() { Checker(*this).check(); }

}  // namespace dudao::simulation
