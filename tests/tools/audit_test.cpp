#include "schema/draw.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace dudao;
using namespace dudao::test;

namespace {

/// A draw of three schools as an office publishes it when all is over.
struct Published {
  TempFolder folder;
  Published() {
    const auto files = freeze_draw("T-2026-01", {{"A", 1}, {"B", 1}}, 2, "lottery of 2026-03-02",
                                   {{"S1", "A", 1, FrameStatus::kEligible},
                                    {"S2", "A", 3, FrameStatus::kEligible},
                                    {"S3", "B", 1, FrameStatus::kEligible},
                                    {"S4", "B", 1, FrameStatus::kClosed}},
                                   {{"I1", 5, true}, {"I2", 5, true}, {"I3", 5, false}}, {{"I1", "S3", 2}});
    REQUIRE(files);
    Hash secret;
    secret.fill(7);
    const std::string entropy = "9319./2.5.8.10.12./";
    const Hash manifest = manifest_hash(files->manifest);
    const Hash commitment = draw_commitment(manifest, secret);
    auto inputs = read_draw(*files);
    REQUIRE(inputs);
    auto draw = Draw::run(*std::move(inputs), *draw_seed(manifest, commitment, secret, entropy));
    REQUIRE(draw);
    spill(folder / "manifest.txt", files->manifest);
    spill(folder / "frame.txt", files->frame);
    spill(folder / "pool.txt", files->pool);
    spill(folder / "recuse.txt", files->recuse);
    spill(folder / "commitment.txt", to_hex(commitment) + "\n");
    spill(folder / "secret.txt", to_hex(secret) + "\n");
    spill(folder / "entropy.txt", entropy + "\n");
    spill(folder / "result.txt", draw->text());
  }
  Ran audit(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"draw", folder.path()});
    return run_program("dudao-audit", more);
  }
};

}  // namespace

TEST_CASE("the audit program recomputes a published draw and says so in words and as JSON") {
  const Published draw;
  const Ran said = draw.audit();
  CHECK(said.exit_code == 0);
  CHECK(said.out.find("Sound") != std::string::npos);
  CHECK(said.out.find("WRONG") == std::string::npos);
  const Ran chinese = draw.audit({"--lang", "zh"});
  CHECK(chinese.exit_code == 0);
  CHECK(chinese.out.find("完好") != std::string::npos);
  const Ran data = draw.audit({"--json"});
  CHECK(data.exit_code == 0);
  const auto document = nlohmann::json::parse(data.out);
  CHECK(document.at("sound") == true);
  CHECK(document.at("revealed") == true);
  CHECK(document.at("schools").size() == 2);
}

TEST_CASE("one changed byte in any published file of a draw is found") {
  for (const char* name : {"manifest", "frame", "pool", "recuse", "commitment", "secret", "entropy", "result"}) {
    const Published draw;
    const std::string path = draw.folder / (std::string(name) + ".txt");
    std::string content = slurp(path);
    const std::size_t at = content.size() / 2;
    // Stays a hex digit where there are hex digits, so that the change and not the form is what is found.
    content[at] = content[at] == '1' ? '2' : '1';
    spill(path, content);
    INFO(name);
    const Ran said = draw.audit();
    CHECK(said.exit_code == 1);
    CHECK(said.out.find("WRONG") != std::string::npos);
  }
}

TEST_CASE("a draw that is not revealed yet is checked as far as it is published") {
  const Published draw;
  for (const char* name : {"secret.txt", "entropy.txt", "result.txt"})
    REQUIRE(std::remove((draw.folder / name).c_str()) == 0);
  const Ran said = draw.audit();
  CHECK(said.exit_code == 0);
  CHECK(said.out.find("not published yet") != std::string::npos);
  spill(draw.folder / "pool.txt", "I1|1|1\n");
  CHECK(draw.audit().exit_code == 1);
}

TEST_CASE("the audit program judges several files in one call, each by itself") {
  const TempFolder folder;
  const auto vector = [&](const std::string& name) {
    std::string hex = slurp(DUDAO_SOURCE_DIR "/tests/vectors/" + name + ".hex");
    std::erase(hex, '\n');
    const auto bytes = from_hex(hex);
    REQUIRE(bytes);
    spill(folder / name, std::string(text(*bytes)));
    return folder / name;
  };
  const auto manifest = nlohmann::json::parse(slurp(DUDAO_SOURCE_DIR "/tests/vectors/manifest.json"));
  const std::string device = manifest.at("device_public_key");
  const std::string office = manifest.at("office_public_key");
  const std::string good = vector("statement-good");
  const std::string ledger = vector("ledger-good");

  const Ran several = run_program("dudao-audit", {"statement", good, vector("statement-content-changed"),
                                                  vector("statement-cut"), "--key", device, "--json"});
  CHECK(several.exit_code == 1);
  const auto verdicts = nlohmann::json::parse(several.out).at("verdicts");
  REQUIRE(verdicts.size() == 3);
  CHECK(verdicts[0].at("sound") == true);
  CHECK(verdicts[0].at("file") == good);
  CHECK(verdicts[1].at("sound") == false);
  CHECK(verdicts[2].at("error").at("code") == 3001);
  CHECK(run_program("dudao-audit", {"statement", good, folder / "statement-cut", "--key", device}).exit_code == 2);
  CHECK(run_program("dudao-audit", {"statement", good, good, "--ledger", ledger}).exit_code == 0);

  const std::string receipt = vector("receipt-good");
  CHECK(run_program("dudao-audit", {"receipt", receipt, good, receipt, good, "--key", office}).exit_code == 0);
  CHECK(run_program("dudao-audit", {"receipt", receipt, good, receipt, "--key", office}).exit_code == 2);

  // A checkpoint by itself, and one that the ledger does not continue although the office signed it.
  const std::string checkpoint = vector("checkpoint-good");
  CHECK(run_program("dudao-audit", {"checkpoint", checkpoint, "--ledger", ledger}).exit_code == 0);
  CHECK(run_program("dudao-audit", {"checkpoint", checkpoint, "--key", office}).exit_code == 2);
  CHECK(run_program("dudao-audit", {"checkpoint", checkpoint, "--key", office, "--origin", manifest.at("origin")})
            .exit_code == 0);
  CHECK(run_program("dudao-audit", {"checkpoint", vector("checkpoint-stranger"), "--ledger", ledger}).exit_code == 1);
  CHECK(run_program("dudao-audit", {"checkpoint", checkpoint, "--ledger", vector("ledger-entry-missing")}).exit_code ==
        1);
  CHECK(
      run_program("dudao-audit", {"checkpoint", checkpoint, "--ledger", vector("ledger-entries-swapped")}).exit_code ==
      1);
}

TEST_CASE("what the audit program cannot read ends with 2 and a reason") {
  const TempFolder folder;
  const Ran none = run_program("dudao-audit", {});
  CHECK(none.exit_code == 2);
  CHECK(none.err.find("dudao-audit --help") != std::string::npos);
  CHECK(run_program("dudao-audit", {"draw"}).exit_code == 2);
  CHECK(run_program("dudao-audit", {"draw", folder / "absent"}).exit_code == 2);
  const Ran empty = run_program("dudao-audit", {"draw", folder.path()});
  CHECK(empty.exit_code == 2);
  CHECK(empty.err.find("manifest.txt") != std::string::npos);
  spill(folder / "notes.txt", "x");
  const Ran foreign = run_program("dudao-audit", {"draw", folder / "notes.txt"});
  CHECK(foreign.exit_code == 2);
  CHECK(foreign.err.find("6020") != std::string::npos);
  for (const char* command : {"ledger", "statement"}) {
    spill(folder / "x", "this is no ledger");
    CHECK(run_program("dudao-audit", {command, folder / "x"}).exit_code == 2);
    spill(folder / "x", "");
    CHECK(run_program("dudao-audit", {command, folder / "x"}).exit_code == 2);
  }
  CHECK(run_program("dudao-audit", {"ledger", folder / "x", "--office-key", "12"}).exit_code == 2);
  CHECK(run_program("dudao-audit", {"completion", "tcsh"}).exit_code == 2);
}

TEST_CASE("each shell gets a completion script that knows the commands") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran script = run_program("dudao-audit", {"completion", shell});
    CHECK(script.exit_code == 0);
    for (const char* word : {"ledger", "statement", "receipt", "checkpoint", "chain", "draw", "office-key"})
      CHECK(script.out.find(word) != std::string::npos);
  }
}
