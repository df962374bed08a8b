/// dudao-audit: checks what an office publishes and what a device holds, offline, trusting nobody but a fingerprint
/// that its user got elsewhere. Exit code 0: everything agrees; 1: something was changed or does not prove what it
/// claims; 2: the input cannot be read, or the command line is wrong.

#include "platform/desktop/files.hpp"
#include "schema/draw.hpp"
#include "sync/cbor.hpp"
#include "sync/checkpoint.hpp"
#include "sync/ledger_file.hpp"
#include "sync/merkle.hpp"
#include "sync/payloads.hpp"
#include "sync/receipt.hpp"
#include "sync/statement.hpp"
#include "tools/console/console.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace dudao {
namespace {

using nlohmann::json;

constexpr int kSound = 0;
constexpr int kTampered = 1;
constexpr int kUnreadable = 2;
constexpr std::size_t kMaxLedgerBytes = std::size_t{4} << 30U;
constexpr std::size_t kMaxDrawFileBytes = std::size_t{256} << 20U;
constexpr std::size_t kMaxReceiptBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxCheckpointBytes = std::size_t{16} << 10U;

/// Digits as people pass them on: blanks, colons and hyphens between them do not count.
std::optional<Bytes> hex_of(std::string_view typed) {
  std::string digits;
  for (const char c : typed)
    if (c != ' ' && c != ':' && c != '-' && c != '\n' && c != '\r') digits += c;
  return from_hex(digits);
}

std::string_view type_name(StatementType type) {
  switch (type) {
    case StatementType::kChangeSet:
      return "change set";
    case StatementType::kEnrolment:
      return "enrolment";
    case StatementType::kRevocation:
      return "revocation";
    case StatementType::kKeyRotation:
      return "key rotation";
    case StatementType::kSyncRequest:
      return "sync request";
    case StatementType::kFeedPage:
      return "feed page";
    case StatementType::kDraw:
      return "draw";
    case StatementType::kOfficeDecision:
      return "office decision";
    case StatementType::kGenesis:
      return "genesis";
    case StatementType::kEnrolmentRequest:
      return "enrolment request";
  }
  return "unknown";
}

/// The records of a ledger file in order; `record` stands behind the kind. Errors: CBOR errors, and what `take`
/// returns.
Status each_record(BytesView ledger,
                   const std::function<Status(std::int64_t kind, std::uint64_t parts, CborReader& record)>& take) {
  CborReader in(ledger);
  while (!in.at_end()) {
    DUDAO_TRY(const BytesView item, in.item());
    CborReader record(item);
    DUDAO_TRY(const std::uint64_t parts, record.array());
    DUDAO_TRY(const std::int64_t kind, record.integer());
    DUDAO_CHECK(take(kind, parts, record));
  }
  return {};
}

/// The statements of a ledger file in order. Errors: CBOR errors, kLedgerFile, and what `take` returns.
Status each_statement(BytesView ledger, const std::function<Status(std::int64_t index, BytesView bytes)>& take) {
  std::int64_t index = 0;
  return each_record(ledger, [&](std::int64_t kind, std::uint64_t parts, CborReader& record) -> Status {
    if (kind != 1) return {};
    if (parts != 2) return fail(Code::kLedgerFile, "entry " + std::to_string(index));
    DUDAO_TRY(const BytesView bytes, record.bytes());
    return take(index++, bytes);
  });
}

/// What the ledger says of the batch that brought the statement at this place. Absent: no batch did.
Result<std::optional<BatchHead>> batch_of(BytesView ledger, std::int64_t index) {
  std::optional<BatchHead> found;
  DUDAO_CHECK(each_record(ledger, [&](std::int64_t kind, std::uint64_t, CborReader& record) -> Status {
    if (kind != 2 || found) return {};
    DUDAO_TRY(const std::int64_t size, record.integer());
    DUDAO_TRY(const std::int64_t registered_utc_ms, record.integer());
    if (size > index) found = BatchHead{size, registered_utc_ms / 1000};
    return {};
  }));
  return found;
}

/// What became of one thing that was asked about.
struct Verdict {
  int code = kSound;
  json facts;
};

/// What was checked and what was found, as sentences and as JSON.
class Findings {
 public:
  explicit Findings(const Console& console) : console_(console) {}
  bool say(bool agrees, std::string text) {
    lines_.push_back({agrees, std::move(text)});
    return agrees;
  }
  bool sound() const {
    return std::all_of(lines_.begin(), lines_.end(), [](const Line& line) { return line.agrees; });
  }
  /// Prints everything and the verdict in words; `facts` goes into the JSON beside it.
  Verdict conclude(std::string_view what, json facts = json::object()) const {
    json all = json::array();
    for (const Line& line : lines_) {
      console_.say((line.agrees ? console_.tr("  ok     ", "  相符   ") : console_.tr("  WRONG  ", "  不符   ")) +
                   line.text);
      all.push_back({{"agrees", line.agrees}, {"text", line.text}});
    }
    console_.say(
        sound() ? console_.tr("Sound: ", "完好：") + std::string(what) +
                      console_.tr(" is what it claims to be.", " 与其所称相符。")
                : console_.tr("NOT SOUND: ", "不可信：") + std::string(what) +
                      console_.tr(
                          " was changed or does not prove what it claims. Keep it, and tell whoever gave it to you.",
                          " 已被改动或不能证明其所称内容。请保留，并告知提供者。"));
    facts["sound"] = sound();
    facts["checks"] = std::move(all);
    return {sound() ? kSound : kTampered, std::move(facts)};
  }

 private:
  struct Line {
    bool agrees;
    std::string text;
  };
  const Console& console_;
  std::vector<Line> lines_;
};

struct Inputs {
  std::vector<std::string> paths;
  std::string ledger;
  std::string office_key;
  std::string key;
  std::string origin;
  std::string draw;
  std::int64_t device = 0;
  bool contents = false;
};

class Audit {
 public:
  Audit(Console& console, const Inputs& in) : console_(console), in_(in) {}

  /// One verdict for each `files` of the paths, in their order. Of several the exit code is 1 if any is not sound, else
  /// 2 if any cannot be read.
  int each(std::size_t files, const std::function<Verdict(std::span<const std::string>)>& judge) const {
    const std::span<const std::string> paths = in_.paths;
    if (paths.size() == files) return told(judge(paths));
    if (paths.size() % files != 0)
      return told(unreadable(
          Error{Code::kOptionWrong, console_.tr("each receipt needs its statement", "每份回执须配一份声明")}));
    json all = json::array();
    bool changed = false;
    bool readable = true;
    for (std::size_t at = 0; at < paths.size(); at += files) {
      console_.say(paths[at]);
      Verdict one = judge(paths.subspan(at, files));
      changed |= one.code == kTampered;
      readable &= one.code != kUnreadable;
      one.facts["file"] = paths[at];
      all.push_back(std::move(one.facts));
    }
    return told({changed ? kTampered : readable ? kSound : kUnreadable, {{"verdicts", std::move(all)}}});
  }
  int told(const Verdict& verdict) const {
    console_.print(verdict.facts);
    return verdict.code;
  }

  Verdict ledger(const std::string& path) {
    const auto file = read(path, kMaxLedgerBytes);
    if (!file) return unreadable(file.error());
    const auto pinned = thumbprint();
    if (!pinned) return unreadable(pinned.error());
    const LedgerReport report = check_ledger(*file, *pinned);
    // What does not even begin like a ledger cannot have been tampered with as one.
    if (file->size() < 2 || (*file)[0] != 0x82 || (*file)[1] != 0x00) return unreadable(Error{Code::kLedgerFile, path});
    Findings findings(console_);
    json facts = {{"origin", report.origin},           {"statements", report.statements},
                  {"change_sets", report.change_sets}, {"decisions", report.decisions},
                  {"devices", report.devices},         {"revocations", report.revocations},
                  {"draw_steps", report.draws},        {"batches", report.batches}};
    if (report.office_key) {
      facts["office_key"] = to_hex(report.office_key->thumbprint());
      console_.say(console_.tr("Ledger of ", "账本：") + report.origin);
      console_.say(console_.tr("  statements ", "  声明 ") + std::to_string(report.statements) +
                   console_.tr("; change sets of devices ", "；设备变更集 ") + std::to_string(report.change_sets) +
                   console_.tr(", office decisions ", "，督导办决定 ") + std::to_string(report.decisions) +
                   console_.tr(", devices ", "，设备 ") + std::to_string(report.devices) +
                   console_.tr(", revocations ", "，吊销 ") + std::to_string(report.revocations) +
                   console_.tr(", steps of draws ", "，抽查步骤 ") + std::to_string(report.draws) +
                   console_.tr(", batches ", "，批次 ") + std::to_string(report.batches));
      findings.say(
          true, *pinned ? console_.tr("the office's key is the one that you were given", "督导办密钥与您所持指纹相符")
                        : console_.tr("the file says that the office's key is ", "文件所称督导办密钥为 ") +
                              to_hex(report.office_key->thumbprint()) +
                              console_.tr("; compare it with what you know from elsewhere (--office-key)",
                                          "；请与您从他处得知的指纹比较（--office-key）"));
    }
    json problems = json::array();
    for (const LedgerProblem& problem : report.problems) {
      std::string text = problem.index ? console_.tr("statement ", "第 ") + std::to_string(*problem.index) +
                                             console_.tr(": ", " 号声明：")
                                       : std::string();
      findings.say(false, text + console_.words(problem.error));
      json one = {{"code", static_cast<int>(problem.error.code)}, {"detail", problem.error.detail}};
      if (problem.index) one["index"] = *problem.index;
      problems.push_back(std::move(one));
    }
    facts["problems"] = std::move(problems);
    if (report.sound()) {
      findings.say(true, console_.tr("every statement is signed by the author whom the log itself introduced",
                                     "每份声明均由账本登记的作者签名"));
      findings.say(true, console_.tr("every author's chain is without gap or fork", "每位作者的声明链无缺口、无分叉"));
      findings.say(true, console_.tr("every batch and the checkpoint over all of it are signed by the office",
                                     "每个批次及覆盖全部的检查点均由督导办签名"));
    }
    return findings.conclude(console_.tr("the ledger", "账本"), std::move(facts));
  }

  Verdict statement(const std::string& path) {
    const auto bytes = read(path, kMaxStatementBytes);
    if (!bytes) return unreadable(bytes.error());
    const auto parsed = parse_statement(*bytes);
    if (!parsed) return judged(parsed.error());
    Findings findings(console_);
    json facts = describe(*parsed, bytes->size());
    const auto key = key_of(*parsed);
    if (!key) return judged(key.error());
    if (!*key) {
      // Form alone proves nothing; whoever reads "sound" must be able to rely on it.
      console_.warn(console_.tr("Not checked: the signature, since no key was given. Give --ledger or --key.",
                                "未核验签名：没有给出密钥。请使用 --ledger 或 --key。"));
      facts["sound"] = nullptr;
      return {kUnreadable, std::move(facts)};
    }
    const Status signature = verify_statement(*parsed, **key);
    findings.say(signature.has_value(), signature
                                            ? console_.tr("signed by the key with fingerprint ", "签名密钥指纹 ") +
                                                  to_hex((*key)->thumbprint())
                                            : console_.words(signature.error()));
    if (parsed->type == StatementType::kChangeSet || parsed->type == StatementType::kOfficeDecision) {
      const auto change_set = read_change_set(parsed->payload);
      if (change_set)
        list_changes(*change_set, facts);
      else
        findings.say(false, console_.words(change_set.error()));
    } else if (const Status content = read_content(*parsed); !content) {
      findings.say(false, console_.words(content.error()));
    }
    if (!in_.ledger.empty()) {
      const auto index = index_in_ledger(parsed->id);
      if (!index) return judged(index.error());
      findings.say(index->has_value(), *index ? console_.tr("stands in the ledger at place ", "位于账本第 ") +
                                                    std::to_string(**index) + console_.tr("", " 号")
                                              : console_.tr("does not stand in the ledger", "不在账本中"));
    }
    return findings.conclude(console_.tr("the statement", "声明"), std::move(facts));
  }

  Verdict receipt(const std::string& receipt_path, const std::string& statement_path) {
    const auto receipt_bytes = read(receipt_path, kMaxReceiptBytes);
    if (!receipt_bytes) return unreadable(receipt_bytes.error());
    const auto statement_bytes = read(statement_path, kMaxStatementBytes);
    if (!statement_bytes) return unreadable(statement_bytes.error());
    const auto key = office_key();
    if (!key) return judged(key.error());
    const auto parsed = parse_statement(*statement_bytes);
    if (!parsed) return judged(parsed.error());
    Findings findings(console_);
    json facts = describe(*parsed, statement_bytes->size());
    const auto proven = verify_receipt(*receipt_bytes, *statement_bytes, *key);
    if (!proven) {
      findings.say(false, console_.words(proven.error()));
      return findings.conclude(console_.tr("the receipt", "回执"), std::move(facts));
    }
    facts["receipt"] = {{"issuer", proven->issuer},
                        {"index", proven->index},
                        {"size", proven->size},
                        {"registered_utc", utc_text(proven->registered_utc_s * 1000)}};
    findings.say(true, console_.tr("the office ", "督导办 ") + proven->issuer +
                           console_.tr(" signed that it holds exactly this statement", " 已签名确认收存此份声明"));
    findings.say(true, console_.tr("registered on ", "登记时间 ") + utc_text(proven->registered_utc_s * 1000) +
                           console_.tr(" at place ", "，位置 ") + std::to_string(proven->index) +
                           console_.tr(" of a log of ", "，当时日志长度 ") + std::to_string(proven->size));
    if (!in_.ledger.empty()) {
      const auto index = index_in_ledger(parsed->id);
      if (!index) return judged(index.error());
      findings.say(*index == proven->index,
                   *index == proven->index
                       ? console_.tr("the ledger holds the statement at that place", "账本中该位置即为此声明")
                       : console_.tr("the ledger does not hold the statement at that place", "账本中该位置不是此声明"));
      // The size is not signed with the root, and a batch that the ledger leaves out passes for part of the next.
      const auto file = ledger_file();
      const auto batch = file ? batch_of(**file, proven->index) : fail(file.error());
      if (!batch) return judged(batch.error());
      const bool same =
          *batch && (*batch)->size == proven->size && (*batch)->registered_utc_s == proven->registered_utc_s;
      findings.say(
          same, same ? console_.tr("the ledger says the same of the batch in which it came", "账本所载批次与回执一致")
                     : console_.tr("the ledger says something else of the batch in which it came: its end or its time",
                                   "账本所载批次的长度或时间与回执不一致"));
      // The same record may stand at the same place of another log.
      const auto root = root_at(**file, proven->size);
      if (!root) return judged(root.error());
      const bool of_this_log = *root && **root == proven->root;
      findings.say(of_this_log, of_this_log
                                    ? console_.tr("the receipt was signed for this very log", "回执正是为此日志签发")
                                    : console_.tr("the receipt was signed for another log than this ledger's",
                                                  "回执所属日志与此账本不是同一日志"));
    }
    return findings.conclude(console_.tr("the receipt", "回执"), std::move(facts));
  }

  /// A checkpoint that somebody noted, alone or against the ledger that should continue it.
  Verdict checkpoint(const std::string& path) {
    const auto note = read(path, kMaxCheckpointBytes);
    if (!note) return unreadable(note.error());
    const auto key = office_key();
    if (!key) return judged(key.error());
    const auto origin = log_name();
    if (!origin) return judged(origin.error());
    Findings findings(console_);
    const auto opened = open_checkpoint(text(*note), *origin, *key);
    if (!opened) {
      findings.say(false, console_.words(opened.error()));
      return findings.conclude(console_.tr("the checkpoint", "检查点"));
    }
    findings.say(true, console_.tr("the office signed that its log ", "督导办已签名：日志 ") + opened->origin +
                           console_.tr(" held statements: ", " 当时的声明数为 ") + std::to_string(opened->size));
    if (!in_.ledger.empty()) {
      const auto file = ledger_file();
      if (!file) return unreadable(file.error());
      const auto root = root_at(**file, opened->size);
      if (!root) return judged(root.error());
      const bool continued = *root && **root == opened->root;
      findings.say(continued, continued ? console_.tr("the ledger begins with just these", "账本正以这些声明开头")
                                        : console_.tr("the ledger does not continue the log that was signed",
                                                      "账本并非该日志的延续"));
    }
    return findings.conclude(console_.tr("the checkpoint", "检查点"),
                             {{"origin", opened->origin}, {"size", opened->size}, {"root", to_hex(opened->root)}});
  }

  Verdict chain() {
    Findings findings(console_);
    json facts = {{"statements", json::array()}};
    std::optional<PublicKey> key;
    std::optional<Hash> head;
    std::uint64_t seq = 0;
    bool first = true;
    // One broken link is one finding; what follows is judged from there.
    const auto take = [&](BytesView bytes, const std::string& place) -> Status {
      DUDAO_TRY(const Statement parsed, parse_statement(bytes));
      if (parsed.type == StatementType::kEnrolment && first && !head) {
        DUDAO_TRY(const Enrolment enrolment, read_enrolment(parsed.payload));
        DUDAO_TRY(key, PublicKey::from_raw(enrolment.algorithm, enrolment.public_key));
        head = parsed.id;
        return {};
      }
      if (parsed.type != StatementType::kChangeSet) return fail(Code::kStatementType, place);
      if (!key) return fail(Code::kStatementKey, console_.tr("no key given for ", "没有密钥：") + place);
      const Status own = verify_statement(parsed, *key);
      if (!own) findings.say(false, place + ": " + console_.words(own.error()));
      DUDAO_TRY(const ChainLink link, read_chain_link(parsed.payload));
      const bool follows = first && !head ? true : link.seq == seq + 1 && head && link.prev == *head;
      findings.say(follows, place + console_.tr(": number ", "：序号 ") + std::to_string(link.seq) + ", " +
                                utc_text(parsed.issued_utc_s * 1000) +
                                (follows ? std::string()
                                         : console_.tr(", does not continue the one before it", "，与前一份不衔接")));
      facts["statements"].push_back({{"seq", link.seq}, {"id", to_hex(parsed.id)}, {"follows", follows}});
      first = false;
      seq = link.seq;
      head = parsed.id;
      return {};
    };
    if (!in_.ledger.empty()) {
      if (in_.device <= 0)
        return unreadable(
            Error{Code::kDeviceUnknown, console_.tr("give --device with its number", "请用 --device 给出设备编号")});
      const auto file = ledger_file();
      if (!file) return unreadable(file.error());
      const std::string issuer = "d" + std::to_string(in_.device);
      bool known = false;
      KeyId kid{};
      const Status walked = each_statement(**file, [&](std::int64_t index, BytesView bytes) -> Status {
        const auto parsed = parse_statement(bytes);
        // A damaged statement of this author shows as a gap; the command `ledger` names it.
        if (!parsed) return {};
        if (parsed->type == StatementType::kEnrolment) {
          const auto enrolment = read_enrolment(parsed->payload);
          if (!enrolment || enrolment->device != in_.device) return {};
          DUDAO_TRY(const PublicKey own, PublicKey::from_raw(enrolment->algorithm, enrolment->public_key));
          kid = key_id(own);
          known = true;
          return take(bytes, std::to_string(index));
        }
        if (!known || parsed->type != StatementType::kChangeSet || parsed->kid != kid) return {};
        return take(bytes, console_.tr("place ", "位置 ") + std::to_string(index));
      });
      if (!walked) return judged(walked.error());
      if (!known) return unreadable(Error{Code::kDeviceUnknown, issuer});
    } else {
      if (in_.paths.empty())
        return unreadable(Error{Code::kFileMissing, console_.tr("give statements in order, or --ledger and --device",
                                                                "请依次给出声明，或使用 --ledger 与 --device")});
      if (!in_.key.empty()) {
        auto given = typed_key();
        if (!given) return unreadable(given.error());
        key = std::move(*given);
      }
      for (const std::string& path : in_.paths) {
        const auto bytes = read(path, kMaxStatementBytes);
        if (!bytes) return unreadable(bytes.error());
        if (const Status taken = take(*bytes, path); !taken) return judged(taken.error());
      }
    }
    if (first) findings.say(true, console_.tr("nothing was sealed by this author yet", "该作者尚无签署的声明"));
    return findings.conclude(console_.tr("the chain", "声明链"), std::move(facts));
  }

  Verdict draw() {
    PublishedDraw published;
    std::set<std::string> there;
    const Status gathered = in_.ledger.empty() ? draw_from_files(published, there) : draw_from_ledger(published, there);
    if (!gathered) return unreadable(gathered.error());
    Findings findings(console_);
    json facts = {{"revealed", there.contains("secret") && there.contains("entropy")}};
    if (!there.contains("secret") || !there.contains("entropy")) {
      const auto inputs = read_draw(published.files);
      if (!inputs)
        findings.say(false, console_.words(inputs.error()));
      else
        findings.say(true, console_.tr("the frozen files of draw ", "抽查 ") + inputs->manifest.draw +
                               console_.tr(" are those that the manifest fixes: ", " 的冻结文件与清单相符：") +
                               std::to_string(inputs->frame.size()) + console_.tr(" schools, ", " 所学校，") +
                               std::to_string(inputs->pool.size()) + console_.tr(" inspectors", " 名督学"));
      console_.say(
          console_.tr("Secret and event are not published yet, so the draw itself cannot be recomputed. Keep these "
                      "files and check again after the reveal.",
                      "秘密与公共事件尚未公布，暂不能重算抽取结果。请保留这些文件，公布后再核验。"));
      return findings.conclude(console_.tr("what was published of the draw", "已公布的抽查文件"), std::move(facts));
    }
    const DrawReport report = verify_draw(published);
    for (const DrawReport::Line& line : report.lines) findings.say(line.agrees, line.text);
    if (report.draw) {
      json schools = json::array();
      for (const DrawnStratum& stratum : report.draw->strata()) {
        for (const DrawnSchool& school : stratum.schools) {
          if (school.state != DrawnState::kSelected) continue;
          const DrawInputs& inputs = report.draw->inputs();
          json team = json::array();
          std::string names;
          const auto lead = report.draw->lead_of(school);
          for (const std::uint32_t member : school.team) {
            const std::string& name = inputs.pool[member].inspector;
            team.push_back(name);
            names += (names.empty() ? "" : ", ") + name;
          }
          json one = {{"stratum", stratum.stratum}, {"school", inputs.frame[school.school].school}, {"team", team}};
          if (lead) one["lead"] = inputs.pool[*lead].inspector;
          console_.say("  " + stratum.stratum + "  " + inputs.frame[school.school].school + "  " + names +
                       (lead ? console_.tr("; led by ", "；组长 ") + inputs.pool[*lead].inspector : std::string()));
          schools.push_back(std::move(one));
        }
      }
      facts["schools"] = std::move(schools);
    }
    return findings.conclude(console_.tr("the draw", "抽查"), std::move(facts));
  }

 private:
  Result<Bytes> read(const std::string& path, std::size_t most) {
    auto bytes = files_.read(path, most);
    if (!bytes && bytes.error().detail.empty()) bytes.error().detail = path;
    return bytes;
  }

  Verdict unreadable(const Error& error) const {
    console_.warn(console_.words(error));
    return {kUnreadable, Console::described(error)};
  }
  /// What does not prove what it claims is tampered with; what cannot be read is unreadable.
  Verdict judged(const Error& error) const {
    Verdict verdict = unreadable(error);
    if (info(error.code).error_class == ErrorClass::kTampered) verdict.code = kTampered;
    return verdict;
  }

  /// The file of --ledger, read once however many things are asked about.
  Result<const Bytes*> ledger_file() {
    if (!ledger_) {
      DUDAO_TRY(ledger_, read(in_.ledger, kMaxLedgerBytes));
    }
    return &*ledger_;
  }
  /// The log's name as typed, or as the ledger's genesis has it.
  Result<std::string> log_name() {
    if (!in_.origin.empty()) return in_.origin;
    if (in_.ledger.empty())
      return fail(Code::kOptionWrong,
                  console_.tr("give the log's name: --origin or --ledger", "请用 --origin 或 --ledger 给出日志名称"));
    DUDAO_TRY(const Bytes* file, ledger_file());
    std::string origin;
    DUDAO_CHECK(each_statement(*file, [&](std::int64_t index, BytesView bytes) -> Status {
      if (index != 0) return {};
      DUDAO_TRY(const Statement statement, parse_statement(bytes));
      DUDAO_TRY(const Genesis genesis, read_genesis(statement.payload));
      origin = genesis.origin;
      return {};
    }));
    return origin;
  }
  /// The root over the first `size` statements of the ledger; nothing if it holds fewer.
  static Result<std::optional<Hash>> root_at(BytesView ledger, std::int64_t size) {
    std::map<std::pair<int, std::int64_t>, Hash> nodes;
    const NodeReader node = [&](int level, std::int64_t position) -> Result<Hash> {
      return nodes.at({level, position});
    };
    std::int64_t held = 0;
    DUDAO_CHECK(each_statement(ledger, [&](std::int64_t index, BytesView bytes) -> Status {
      if (index >= size) return {};
      held = index + 1;
      return append_leaf(index, leaf_hash(bytes), node,
                         [&](int level, std::int64_t position, const Hash& hash) -> Status {
                           nodes[{level, position}] = hash;
                           return {};
                         });
    }));
    if (held < size) return std::optional<Hash>();
    return tree_root(size, node).map([](const Hash& root) { return std::optional<Hash>(root); });
  }

  Result<std::optional<Hash>> thumbprint() const {
    if (in_.office_key.empty()) return std::optional<Hash>();
    const auto bytes = hex_of(in_.office_key);
    const auto hash = bytes ? to_array<32>(*bytes) : std::nullopt;
    if (!hash)
      return fail(Code::kKeyNotValid,
                  console_.tr("--office-key takes 64 hex digits", "--office-key 应为 64 位十六进制数"));
    return hash;
  }

  /// Of --key: 64 hex digits are an Ed25519 key, 128 a P-256 one.
  Result<PublicKey> typed_key() const {
    const auto raw = hex_of(in_.key);
    if (!raw || (raw->size() != 32 && raw->size() != 64))
      return fail(Code::kKeyNotValid,
                  console_.tr("--key takes 64 or 128 hex digits", "--key 应为 64 或 128 位十六进制数"));
    return PublicKey::from_raw(raw->size() == 32 ? Algorithm::kEd25519 : Algorithm::kEs256, *raw);
  }

  /// The key of --key, or of the head of --ledger; it must be the pinned one when there is a pin.
  Result<PublicKey> office_key() {
    DUDAO_TRY(const auto pinned, thumbprint());
    auto key = [&]() -> Result<PublicKey> {
      if (!in_.key.empty()) return typed_key();
      if (in_.ledger.empty())
        return fail(Code::kOptionWrong,
                    console_.tr("give the office's key: --key or --ledger", "请用 --key 或 --ledger 给出督导办密钥"));
      DUDAO_TRY(const Bytes* file, ledger_file());
      std::optional<PublicKey> found;
      DUDAO_CHECK(each_statement(*file, [&](std::int64_t index, BytesView bytes) -> Status {
        if (index != 0) return {};
        DUDAO_TRY(const Statement statement, parse_statement(bytes));
        DUDAO_TRY(const Genesis genesis, read_genesis(statement.payload));
        DUDAO_TRY(found, PublicKey::from_raw(genesis.algorithm, genesis.public_key));
        return verify_statement(statement, *found);
      }));
      if (!found) return fail(Code::kLedgerFile, "no genesis");
      return *std::move(found);
    }();
    if (key && pinned && key->thumbprint() != *pinned) return fail(Code::kOfficeNotPinned, to_hex(key->thumbprint()));
    return key;
  }

  /// The key that should have signed the statement: typed, the statement's own for those that introduce themselves, or
  /// the one that the ledger introduced. Nothing when no source was given.
  Result<std::optional<PublicKey>> key_of(const Statement& statement) {
    if (!in_.key.empty())
      return typed_key().map([](PublicKey&& key) { return std::optional<PublicKey>(std::move(key)); });
    if (in_.ledger.empty()) return std::optional<PublicKey>();
    DUDAO_TRY(const PublicKey office, office_key());
    if (key_id(office) == statement.kid) return std::optional<PublicKey>(office);
    DUDAO_TRY(const auto* devices, introduced(office));
    const auto found = devices->find(statement.kid);
    if (found == devices->end()) return fail(Code::kStatementKey, to_hex(statement.kid));
    return std::optional<PublicKey>(found->second);
  }

  /// Keys of devices that the ledger's enrolments introduce.
  Result<const std::map<KeyId, PublicKey>*> introduced(const PublicKey& office) {
    if (devices_) return &*devices_;
    DUDAO_TRY(const Bytes* file, ledger_file());
    std::map<KeyId, PublicKey> found;
    DUDAO_CHECK(each_statement(*file, [&](std::int64_t, BytesView bytes) -> Status {
      const auto parsed = parse_statement(bytes);
      if (!parsed || parsed->type != StatementType::kEnrolment) return {};
      DUDAO_CHECK(verify_statement(*parsed, office));
      DUDAO_TRY(const Enrolment enrolment, read_enrolment(parsed->payload));
      DUDAO_TRY(PublicKey key, PublicKey::from_raw(enrolment.algorithm, enrolment.public_key));
      found.insert_or_assign(key_id(key), std::move(key));
      return {};
    }));
    devices_ = std::move(found);
    return &*devices_;
  }

  Result<std::optional<std::int64_t>> index_in_ledger(const Hash& id) {
    if (!places_) {
      DUDAO_TRY(const Bytes* file, ledger_file());
      std::map<Hash, std::int64_t> found;
      DUDAO_CHECK(each_statement(*file, [&](std::int64_t index, BytesView bytes) -> Status {
        if (const auto parsed = parse_statement(bytes)) found.insert_or_assign(parsed->id, index);
        return {};
      }));
      places_ = std::move(found);
    }
    const auto place = places_->find(id);
    return place == places_->end() ? std::optional<std::int64_t>() : place->second;
  }

  /// That the content is what the type calls for; change sets and decisions aside, whose rows are listed.
  static Status read_content(const Statement& statement) {
    const auto read = [](const auto& content) { return content ? Status() : Status(fail(content.error())); };
    switch (statement.type) {
      case StatementType::kEnrolment:
        return read(read_enrolment(statement.payload));
      case StatementType::kRevocation:
        return read(read_revocation(statement.payload));
      case StatementType::kSyncRequest:
        return read(read_sync_request(statement.payload));
      case StatementType::kFeedPage:
        return read(read_feed_page(statement.payload));
      case StatementType::kDraw:
        return read(read_draw_step(statement.payload));
      case StatementType::kGenesis:
        return read(read_genesis(statement.payload));
      case StatementType::kEnrolmentRequest:
        return read(read_enrolment_request(statement.payload));
      case StatementType::kChangeSet:
      case StatementType::kOfficeDecision:
        return {};
      case StatementType::kKeyRotation:
        break;
    }
    return fail(Code::kStatementType, std::string(type_name(statement.type)));
  }

  json describe(const Statement& statement, std::size_t size) const {
    console_.say(console_.tr("Type ", "类型 ") + std::string(type_name(statement.type)) +
                 console_.tr(", by ", "，作者 ") + std::string(statement.issuer) + console_.tr(", about ", "，主题 ") +
                 std::string(statement.subject) + console_.tr(", signed on ", "，签名时间 ") +
                 utc_text(statement.issued_utc_s * 1000) + console_.tr(" by its author's clock, ", "（作者时钟），") +
                 std::to_string(size) + console_.tr(" bytes", " 字节"));
    console_.say("  id " + to_hex(statement.id));
    return {{"type", type_name(statement.type)},
            {"issuer", statement.issuer},
            {"subject", statement.subject},
            {"issued_utc", utc_text(statement.issued_utc_s * 1000)},
            {"id", to_hex(statement.id)},
            {"key_id", to_hex(statement.kid)},
            {"bytes", size}};
  }

  static json value_of(const ValueView& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (const auto* text = std::get_if<std::string_view>(&value)) return *text;
    if (const auto* bytes = std::get_if<BytesView>(&value)) return to_hex(*bytes);
    return nullptr;
  }

  void list_changes(const ChangeSet& change_set, json& facts) const {
    facts["seq"] = change_set.seq;
    facts["prev"] = to_hex(change_set.prev);
    if (!change_set.actor.empty()) {
      facts["actor"] = change_set.actor;
      facts["action"] = change_set.action;
      console_.say(console_.tr("  decided by ", "  决定人 ") + std::string(change_set.actor) + ": " +
                   std::string(change_set.action));
    }
    json tables = json::array();
    for (const TableChanges& changes : change_set.changes.tables) {
      const std::string name(changes.table->name);
      console_.say("  " + name + console_.tr(": new ", "：新增 ") + std::to_string(changes.inserted_rows()) +
                   console_.tr(", changed ", "，修改 ") + std::to_string(changes.updated.size()));
      json one = {{"table", name}, {"inserted", changes.inserted_rows()}, {"updated", changes.updated.size()}};
      if (in_.contents) {
        one["rows"] = json::array();
        for (std::size_t n = 0; n < changes.inserted_rows(); ++n) {
          json row = json::object();
          for (std::size_t column = 0; column < changes.table->columns.size(); ++column)
            row[changes.table->columns[column].name] = value_of(changes.row(n)[column]);
          console_.say("    + " + row.dump(-1, ' ', false, json::error_handler_t::replace));
          one["rows"].push_back(std::move(row));
        }
        for (const RowUpdate& update : changes.updated) {
          json row = json::object();
          for (std::size_t column = 0; column < update.key.size(); ++column)
            row[changes.table->columns[column].name] = value_of(update.key[column]);
          for (const auto& [column, value] : update.cells) row[changes.table->columns[column].name] = value_of(value);
          console_.say("    ~ " + row.dump(-1, ' ', false, json::error_handler_t::replace));
          one["rows"].push_back(std::move(row));
        }
      }
      tables.push_back(std::move(one));
    }
    facts["tables"] = std::move(tables);
  }

  Status draw_from_files(PublishedDraw& published, std::set<std::string>& there) {
    namespace fs = std::filesystem;
    std::vector<std::string> paths;
    for (const std::string& given : in_.paths) {
      std::error_code ignored;
      if (!fs::is_directory(given, ignored)) {
        paths.push_back(given);
        continue;
      }
      for (const char* name :
           {"manifest", "frame", "pool", "recuse", "commitment", "secret", "entropy", "result", "recused-later"}) {
        const std::string path = (fs::path(given) / name).string() + ".txt";
        if (files_.exists(path)) paths.push_back(path);
      }
    }
    for (const std::string& path : paths) {
      const std::string name = fs::path(path).stem().string();
      DUDAO_TRY(const Bytes bytes, read(path, kMaxDrawFileBytes));
      DUDAO_CHECK(put_draw_file(published, name, std::string(text(bytes)), path));
      there.insert(name);
    }
    for (const char* name : {"manifest", "frame", "pool", "recuse", "commitment"})
      if (!there.contains(name)) return fail(Code::kFileMissing, std::string(name) + ".txt");
    return {};
  }

  static Status put_draw_file(PublishedDraw& published, std::string_view name, std::string content,
                              const std::string& path) {
    std::string line = content;
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    if (name == "manifest")
      published.files.manifest = std::move(content);
    else if (name == "frame")
      published.files.frame = std::move(content);
    else if (name == "pool")
      published.files.pool = std::move(content);
    else if (name == "recuse")
      published.files.recuse = std::move(content);
    else if (name == "result")
      published.result = std::move(content);
    else if (name == "recused-later")
      published.recused_later = std::move(content);
    else if (name == "entropy")
      published.entropy = std::move(line);
    else if (name == "commitment") {
      const auto bytes = hex_of(line);
      const auto hash = bytes ? to_array<32>(*bytes) : std::nullopt;
      if (!hash) return fail(Code::kDrawCommitment, path);
      published.commitment = *hash;
    } else if (name == "secret") {
      const auto bytes = hex_of(line);
      if (!bytes) return fail(Code::kDrawCommitment, path);
      published.secret = *bytes;
    } else {
      return fail(Code::kDrawFileName, path);
    }
    return {};
  }

  /// The draw as its own steps in the log tell it. The log holds the result's fingerprint only, so the result itself is
  /// recomputed and compared by whoever has it.
  Status draw_from_ledger(PublishedDraw& published, std::set<std::string>& there) {
    DUDAO_TRY(const PublicKey office, office_key());
    DUDAO_TRY(const Bytes* file, ledger_file());
    DUDAO_CHECK(each_statement(*file, [&](std::int64_t index, BytesView bytes) -> Status {
      const auto parsed = parse_statement(bytes);
      if (!parsed || parsed->type != StatementType::kDraw) return {};
      DUDAO_CHECK(verify_statement(*parsed, office));
      DUDAO_TRY(const DrawStep step, read_draw_step(parsed->payload));
      if (step.draw != in_.draw) return {};
      switch (step.stage) {
        case DrawStage::kFile: {
          std::string& part = step.file == "frame"         ? published.files.frame
                              : step.file == "pool"        ? published.files.pool
                              : step.file == kRecusedLater ? published.recused_later
                                                           : published.files.recuse;
          if (step.part == 0) part.clear();
          part.append(step.content);
          there.insert(std::string(step.file));
          break;
        }
        case DrawStage::kCommit: {
          published.files.manifest = step.content;
          const auto commitment = to_array<32>(step.commitment);
          if (!commitment) return fail(Code::kDrawCommitment, std::to_string(index));
          published.commitment = *commitment;
          there.insert("commitment");
          break;
        }
        case DrawStage::kReveal:
          published.secret = to_bytes(step.secret);
          published.entropy = step.entropy;
          there.insert("secret");
          there.insert("entropy");
          break;
        case DrawStage::kVoid:
          console_.say(console_.tr("The office declared this draw void: ", "督导办已宣布此次抽查作废：") +
                       std::string(step.reason));
          break;
      }
      return {};
    }));
    if (!there.contains("commitment")) return fail(Code::kDrawNotThere, in_.draw);
    return {};
  }

  Console& console_;
  const Inputs& in_;
  DesktopFiles files_;
  std::optional<Bytes> ledger_;
  std::optional<std::map<KeyId, PublicKey>> devices_;
  std::optional<std::map<Hash, std::int64_t>> places_;  ///< of the ledger's statements, by id
};

int run(int argc, char** argv) {
  Console console("dudao-audit",
                  "Checks statements, receipts, ledgers and draws offline, trusting nobody. Exit code 0: sound; 1: "
                  "changed; 2: cannot be read.",
                  "离线核验声明、回执、账本与抽查，不依赖任何一方。退出码 0 完好；1 被改动；2 无法读取。", argc, argv);
  Inputs in;
  Audit audit(console, in);
  const auto office_key = [&](CLI::App* command) {
    command->add_option("--office-key", in.office_key,
                        console.tr("Fingerprint of the office's key as you know it from elsewhere (64 hex digits)",
                                   "您从他处得知的督导办密钥指纹（64 位十六进制）"));
  };
  const auto ledger_file = [&](CLI::App* command) {
    return command->add_option("--ledger", in.ledger, console.tr("Ledger file of the office", "督导办账本文件"))
        ->type_name("FILE");
  };
  const auto key = [&](CLI::App* command) {
    command->add_option("--key", in.key, console.tr("Public key, hex digits", "公钥，十六进制"))->type_name("HEX");
  };

  CLI::App* ledger = console.command(
      console.app(), "ledger", "Check a whole ledger: signatures, chains, batches, checkpoint",
      "核验整个账本：签名、声明链、批次、检查点",
      [&] { return audit.each(1, [&](auto files) { return audit.ledger(files[0]); }); },
      "dudao-audit ledger office.ledger --office-key 3f9a…\ndudao-audit ledger office.ledger --json");
  ledger->add_option("files", in.paths, console.tr("Ledger files", "账本文件"))->required();
  office_key(ledger);

  CLI::App* statement = console.command(
      console.app(), "statement", "Check one signed statement and say what is in it", "核验一份声明并说明其内容",
      [&] { return audit.each(1, [&](auto files) { return audit.statement(files[0]); }); },
      "dudao-audit statement 7.statement --ledger office.ledger --contents\n"
      "dudao-audit statement *.statement --ledger office.ledger");
  statement->add_option("files", in.paths, console.tr("Statements", "声明文件"))->required();
  statement->add_flag("--contents", in.contents, console.tr("Print every row", "列出每一条记录"));
  ledger_file(statement);
  key(statement);
  office_key(statement);

  CLI::App* receipt = console.command(
      console.app(), "receipt", "Check that a receipt proves that the office holds a statement",
      "核验回执能否证明督导办收存了声明",
      [&] { return audit.each(2, [&](auto files) { return audit.receipt(files[0], files[1]); }); },
      "dudao-audit receipt 7.receipt 7.statement --ledger office.ledger --office-key 3f9a…");
  receipt
      ->add_option("files", in.paths, console.tr("Receipt, then its statement; the next two", "先回执，后声明；可多对"))
      ->required();
  ledger_file(receipt);
  key(receipt);
  office_key(receipt);

  CLI::App* checkpoint = console.command(
      console.app(), "checkpoint", "Check a checkpoint, and that a ledger continues it", "核验检查点及账本是否为其延续",
      [&] { return audit.each(1, [&](auto files) { return audit.checkpoint(files[0]); }); },
      "dudao-audit checkpoint march.checkpoint --ledger office.ledger --office-key 3f9a…");
  checkpoint->add_option("files", in.paths, console.tr("Checkpoints", "检查点文件"))->required();
  checkpoint->add_option("--origin", in.origin, console.tr("Name of the log", "日志名称"));
  ledger_file(checkpoint);
  key(checkpoint);
  office_key(checkpoint);

  CLI::App* chain = console.command(
      console.app(), "chain", "Check that a device's statements follow one another without gap or fork",
      "核验一台设备的声明前后衔接、无缺口无分叉", [&] { return audit.told(audit.chain()); },
      "dudao-audit chain --ledger office.ledger --device 3\ndudao-audit chain --key 8a1f… 1.statement 2.statement");
  chain->add_option("files", in.paths, console.tr("Statements in order", "按顺序排列的声明"));
  ledger_file(chain);
  key(chain);
  office_key(chain);
  chain->add_option("--device", in.device, console.tr("Number of the device", "设备编号"));

  CLI::App* draw = console.command(
      console.app(), "draw", "Recompute a random draw from what was published", "依据公布的文件重算随机抽查",
      [&] { return audit.told(audit.draw()); },
      "dudao-audit draw published/\ndudao-audit draw manifest.txt frame.txt pool.txt recuse.txt commitment.txt "
      "secret.txt "
      "entropy.txt\ndudao-audit draw --ledger office.ledger --draw DUDAO-2026-03");
  CLI::Option* paths = draw->add_option(
      "paths", in.paths,
      console.tr("A folder, or files named manifest, frame, pool, recuse, commitment, secret, entropy, result, "
                 "recused-later (.txt)",
                 "文件夹，或名为 manifest、frame、pool、recuse、commitment、secret、entropy、result、recused-later 的 "
                 ".txt 文件"));
  CLI::Option* from_ledger = ledger_file(draw)->excludes(paths);
  draw->add_option("--draw", in.draw, console.tr("Code of the draw in the ledger", "账本中抽查的编号"))
      ->needs(from_ledger);
  from_ledger->needs(draw->get_option("--draw"));
  office_key(draw);
  draw->callback([&in] {
    if (in.paths.empty() && in.ledger.empty()) throw CLI::RequiredError("paths or --ledger");
  });
  return console.run();
}

}  // namespace
}  // namespace dudao

// Only what fails before anything was done can escape, such as memory for the options.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return dudao::run(argc, argv); }
