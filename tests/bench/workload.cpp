#include "tests/bench/workload.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include <nlohmann/json.hpp>

namespace dudao::test {
namespace {

void put_utf8(std::string& out, std::uint32_t point) {
  out.push_back(static_cast<char>(0xe0U | (point >> 12U)));
  out.push_back(static_cast<char>(0x80U | ((point >> 6U) & 0x3fU)));
  out.push_back(static_cast<char>(0x80U | (point & 0x3fU)));
}

/// Chinese words whose frequencies fall as those of a language do, so that compressors find what they find in life.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : chance_(seed) {
    std::mt19937_64 fixed(7);
    std::vector<std::uint32_t> characters;
    for (std::uint32_t point = 0x4e00; point < 0x9fa5; ++point) characters.push_back(point);
    std::shuffle(characters.begin(), characters.end(), fixed);
    double sum = 0;
    for (int rank = 0; rank < 3'000; ++rank) {
      std::string word;
      const int length = fixed() % 4 != 0 ? 2 : static_cast<int>(1 + fixed() % 3);
      for (int i = 0; i < length; ++i) {
        const double skewed = std::pow(static_cast<double>(fixed() % 10'000) / 10'000.0, 1.6);
        put_utf8(word, characters[static_cast<std::size_t>(skewed * 1'500)]);
      }
      words_.push_back(std::move(word));
      sum += 1.0 / (rank + 8);
      ranks_.push_back(sum);
    }
  }
  int between(int least, int most) { return std::uniform_int_distribution<int>(least, most)(chance_); }
  double fraction() { return std::uniform_real_distribution<double>(0, 1)(chance_); }
  int score() {
    return std::clamp(static_cast<int>(std::lround(std::normal_distribution<double>(85, 9)(chance_))), 0, 100);
  }

  std::string text(int least, int most) {
    const int length = between(least, most);
    std::string out;
    int written = 0;
    int clause = between(2, 5);
    while (written < length) {
      const double at = fraction() * ranks_.back();
      const std::string& word =
          words_[static_cast<std::size_t>(std::lower_bound(ranks_.begin(), ranks_.end(), at) - ranks_.begin())];
      out += word;
      written += static_cast<int>(word.size() / 3);
      if (--clause <= 0) {
        out += fraction() < 0.7 ? "，" : "。";
        clause = between(2, 5);
        ++written;
      }
    }
    return out;
  }

 private:
  std::mt19937_64 chance_;
  std::vector<std::string> words_;
  std::vector<double> ranks_;
};

std::string item_code(int n) {
  const std::string number = std::to_string(n % 4 + 1);
  return std::string(1, "ABCDE"[n / 8]) + std::to_string(n % 8 / 4 + 1) + ".0" + number;
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '\t');) out.push_back(cell == "\\N" ? "" : cell);
  return out;
}

std::int64_t degrees_e7(const std::string& text) { return std::llround(std::stod(text) * 1e7); }

}  // namespace

std::vector<MadeVisit> make_workload(std::size_t visits, std::uint64_t seed) {
  Writer writer(seed);
  std::vector<MadeVisit> out;
  for (std::size_t n = 0; n < visits; ++n) {
    MadeVisit visit;
    visit.lat_e7 = 310'000'000 + writer.between(0, 5'000'000);
    visit.lon_e7 = 1'212'000'000 + writer.between(0, 6'000'000);
    visit.note = writer.text(100, 140);
    for (int i = 0; i < 40; ++i) {
      const double x = writer.fraction();
      const std::string level = x < 0.5 ? "A" : x < 0.8 ? "B" : x < 0.95 ? "C" : "D";
      visit.answers.push_back({item_code(i), i % 2 == 1 ? level : std::to_string(writer.score()),
                               writer.fraction() < 0.8 ? std::string() : writer.text(20, 40)});
    }
    for (int i = 0; i < 3; ++i) {
      const int severity = writer.between(0, 3);
      visit.findings.push_back({item_code(writer.between(0, 39)),
                                severity < 2    ? "ADVICE"
                                : severity == 2 ? "ORDINARY"
                                                : "SERIOUS",
                                writer.text(60, 100)});
    }
    out.push_back(std::move(visit));
  }
  return out;
}

std::vector<MadeVisit> read_workload(const std::string& path, std::size_t most) {
  std::ifstream in(path);
  std::vector<MadeVisit> out;
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> cells = split(line);
    if (cells[0] == "V") {
      if (out.size() == most) break;
      MadeVisit visit;
      visit.lat_e7 = degrees_e7(cells.at(9));
      visit.lon_e7 = degrees_e7(cells.at(10));
      visit.note = cells.at(11);
      out.push_back(std::move(visit));
    } else if (cells[0] == "R") {
      out.back().answers.push_back(
          {cells.at(3), cells.at(4).empty() ? cells.at(5) : cells.at(4), cells.size() > 6 ? cells[6] : std::string()});
    } else if (cells[0] == "F") {
      const std::string& severity = cells.at(4);
      out.back().findings.push_back({cells.at(3),
                                     severity == "low"      ? "ADVICE"
                                     : severity == "medium" ? "ORDINARY"
                                                            : "SERIOUS",
                                     cells.at(5)});
    }
  }
  return out;
}

std::string workload_checklist(const std::vector<MadeVisit>& visits) {
  nlohmann::json items = nlohmann::json::array();
  int scored = 0;
  for (const MadeAnswer& answer : visits.front().answers) {
    nlohmann::json item = {{"code", answer.item}, {"title", {{"zh", "检查点 " + answer.item}}}};
    if (answer.value.find_first_not_of("0123456789") == std::string::npos) {
      item.update({{"type", "integer"}, {"min", 0}, {"max", 100}});
    } else {
      item["type"] = "single";
      for (const auto& [level, points] : {std::pair{"A", 3}, {"B", 2}, {"C", 1}, {"D", 0}})
        item["options"].push_back({{"code", level}, {"label", {{"zh", level}}}, {"value", points}});
      item["scoring"] = {{"mode", "points"}, {"max", 3}, {"weight", 1}};
      ++scored;
    }
    items.push_back(std::move(item));
  }
  return nlohmann::json{{"format", "dudao-checklist-1"},
                        {"code", "workload"},
                        {"version", 1},
                        {"title", {{"zh", "测试检查表"}}},
                        {"languages", {"zh"}},
                        {"weight", scored},
                        {"sections", {{{"code", "S"}, {"title", {{"zh", "全部"}}}, {"items", items}}}}}
      .dump();
}

}  // namespace dudao::test
