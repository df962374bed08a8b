#include "tests/bench/figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <ostream>

#include <nlohmann/json.hpp>

namespace dudao::test {
namespace {

constexpr std::size_t kNameColumns = 56;

std::string number(double value) {
  char out[32];
  const char* const form = value >= 1'000 || value == std::floor(value) ? "%.0f" : value >= 100 ? "%.1f" : "%.3g";
  std::snprintf(out, sizeof out, form, value);
  return out;
}

std::string goal_of(const Figure& figure) {
  if (!figure.goal) return "";
  const std::string sign = figure.more_is_better ? "≥ " : "≤ ";
  return sign + number(figure.goal->value) + (figure.goal->of_ratio ? " ×" : "");
}
std::string verdict_of(const Figure& figure) {
  const auto reached = figure.reached();
  return !reached ? "" : *reached ? "✓" : "missed";
}

/// Left-aligned in so many columns, counting characters, not bytes.
std::string padded(const std::string& text, std::size_t columns) {
  const auto characters = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  return text + std::string(columns > characters ? columns - characters : 1, ' ');
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::optional<bool> Figure::reached() const {
  if (!goal) return std::nullopt;
  const double value = goal->of_ratio ? ratio() : ours;
  return more_is_better ? value >= goal->value : value <= goal->value;
}

void Figures::print(std::ostream& out) const {
  out << padded("", kNameColumns) << padded("dudao", 18) << padded("baseline", 12) << padded("ratio", 8)
      << padded("goal", 13) << padded("", 8) << "baseline is\n";
  for (const Figure& figure : all_) {
    if (!figure.not_measured.empty()) {
      out << padded(figure.name, kNameColumns) << figure.not_measured << "\n";
      continue;
    }
    const bool beside = !figure.baseline_is.empty();
    out << padded(figure.name, kNameColumns) << padded(number(figure.ours) + " " + figure.unit, 18)
        << padded(beside ? number(figure.baseline) : "", 12) << padded(beside ? number(figure.ratio()) : "", 8)
        << padded(goal_of(figure), 13) << padded(verdict_of(figure), 8) << figure.baseline_is << "\n";
  }
  out.flush();
}

void Figures::write_json(const std::string& path) const {
  nlohmann::json out = nlohmann::json::array();
  for (const Figure& figure : all_) {
    if (!figure.not_measured.empty()) {
      out.push_back({{"name", figure.name}, {"not_measured", figure.not_measured}});
      continue;
    }
    nlohmann::json line = {{"name", figure.name}, {"unit", figure.unit}, {"dudao", figure.ours}};
    if (!figure.baseline_is.empty())
      line.update({{"baseline", figure.baseline}, {"ratio", figure.ratio()}, {"baseline_is", figure.baseline_is}});
    if (figure.goal) line.update({{"goal", goal_of(figure)}, {"reached", *figure.reached()}});
    out.push_back(std::move(line));
  }
  std::ofstream(path) << out.dump(2) << "\n";
}

void Figures::write_picture(const std::string& path) const {
  constexpr int kRow = 46;
  constexpr int kLeft = 400;
  constexpr int kWide = 420;
  const int height = 40 + static_cast<int>(all_.size()) * kRow;
  std::ofstream out(path);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1250\" height=\"" << height
      << "\" font-family=\"sans-serif\" font-size=\"13\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      << "<text x=\"10\" y=\"22\" fill=\"#555\">blue: dudao; grey: the baseline; red stroke: the goal</text>\n";
  int y = 40;
  for (const Figure& figure : all_) {
    const auto text = [&](int x, int at, const std::string& words, const char* color) {
      out << "<text x=\"" << x << "\" y=\"" << at << "\" fill=\"" << color << "\">" << escaped(words) << "</text>";
    };
    if (!figure.not_measured.empty()) {
      text(10, y + 13, figure.name, "#000");
      text(kLeft, y + 13, figure.not_measured, "#c53030");
      y += kRow;
      continue;
    }
    const bool beside = !figure.baseline_is.empty();
    const double goal = !figure.goal            ? 0
                        : figure.goal->of_ratio ? figure.goal->value * figure.baseline
                                                : figure.goal->value;
    const double most = std::max({figure.ours, beside ? figure.baseline : 0, goal, 1e-12});
    const auto wide = [&](double value) { return static_cast<int>(value / most * kWide); };
    const auto bar = [&](int at, double value, const char* color) {
      out << "<rect x=\"" << kLeft << "\" y=\"" << at << "\" width=\"" << std::max(1, wide(value))
          << "\" height=\"14\" fill=\"" << color << "\"/>";
    };
    text(10, y + 13, figure.name, "#000");
    bar(y, figure.ours, "#2b6cb0");
    const std::string verdict = verdict_of(figure);
    text(kLeft + kWide + 10, y + 12,
         number(figure.ours) + " " + figure.unit + (beside ? ", ratio " + number(figure.ratio()) : "") +
             (figure.goal ? ", goal " + goal_of(figure) + " " + verdict : ""),
         verdict == "missed" ? "#c53030" : "#000");
    if (beside) {
      bar(y + 16, figure.baseline, "#a0aec0");
      text(kLeft + kWide + 10, y + 28, number(figure.baseline) + " " + figure.baseline_is, "#555");
    }
    if (figure.goal)
      out << "<rect x=\"" << kLeft + wide(goal) - 1 << "\" y=\"" << y - 3
          << "\" width=\"3\" height=\"36\" fill=\"#c53030\"/>";
    out << "\n";
    y += kRow;
  }
  out << "</svg>\n";
}

}  // namespace dudao::test
