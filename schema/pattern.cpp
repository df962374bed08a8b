#include "schema/pattern.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace dudao {
namespace {

using std::size_t;
using std::string;
using std::string_view;

constexpr char32_t kLast = 0x10FFFF;

/// The code point at the text's beginning, which it takes off. REQUIRES: text is UTF-8 and not empty.
char32_t take_point(string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t point = bytes == 1 ? first : first & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes && i < text.size(); ++i)
    point = point << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(std::min(bytes, text.size()));
  return point;
}

}  // namespace

class PatternParser {
 public:
  explicit PatternParser(string_view text) : whole_(text), rest_(text) {}

  Result<Pattern> run() {
    if (whole_.size() > kMaxPatternBytes) return wrong("longer than " + std::to_string(kMaxPatternBytes) + " bytes");
    if (rest_.starts_with('^')) rest_.remove_prefix(1);
    DUDAO_CHECK(alternatives());
    if (rest_ == "$") rest_ = {};
    if (!rest_.empty()) return wrong("')' without '('");
    emit({Op::kDone});
    return std::move(pattern_);
  }

 private:
  using Step = Pattern::Step;
  using Op = Pattern::Step::Op;
  using Set = Pattern::Set;

  tl::unexpected<Error> wrong(string_view what) const {
    return fail(Code::kChecklistExpression,
                "pattern byte " + std::to_string(whole_.size() - rest_.size() + 1) + ": " + string(what));
  }

  size_t emit(Step step) {
    pattern_.steps_.push_back(step);
    return pattern_.steps_.size() - 1;
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Status alternatives() {
    if (++depth_ > kMaxPatternDepth) return wrong("nested too deeply");
    DUDAO_CHECK(choices());
    --depth_;
    return {};
  }

  Status choices() {
    const size_t start = pattern_.steps_.size();
    DUDAO_CHECK(sequence());
    if (!take('|')) return {};
    // What came before moves one place to make room for the choice, and ends by stepping over the others.
    insert(start, {Op::kSplit, start + 1, pattern_.steps_.size() + 2});
    const size_t over = emit({Op::kJump});
    DUDAO_CHECK(room());
    DUDAO_CHECK(choices());
    pattern_.steps_[over].a = pattern_.steps_.size();
    return room();
  }

  Status room() const {
    if (pattern_.steps_.size() > kMaxPatternSteps) return wrong("too large once its counts are written out");
    return {};
  }

  /// Puts a step in front of those from `at` on, whose own targets move with them.
  void insert(size_t at, Step step) {
    for (size_t i = at; i < pattern_.steps_.size(); ++i) {
      Step& moved = pattern_.steps_[i];
      if (moved.op == Op::kSplit || moved.op == Op::kJump) ++moved.a;
      if (moved.op == Op::kSplit) ++moved.b;
    }
    pattern_.steps_.insert(pattern_.steps_.begin() + static_cast<std::ptrdiff_t>(at), step);
  }

  Status sequence() {
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')' && rest_ != "$") DUDAO_CHECK(repeated());
    return {};
  }

  Status repeated() {
    const size_t start = pattern_.steps_.size();
    DUDAO_CHECK(single());
    size_t least = 1;
    std::optional<size_t> most = 1;
    if (take('*')) {
      least = 0;
      most = std::nullopt;
    } else if (take('+')) {
      most = std::nullopt;
    } else if (take('?')) {
      least = 0;
    } else if (take('{')) {
      DUDAO_TRY(least, count());
      most = least;
      if (take(',')) {
        most = std::nullopt;
        if (!rest_.starts_with('}')) {
          DUDAO_TRY(most, count());
        }
      }
      if (!take('}')) return wrong("'}' is missing");
      if (most && *most < least) return wrong("the count goes down");
    } else {
      return {};
    }
    if (!rest_.empty() && (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?' || rest_[0] == '{'))
      return wrong("a count after a count");
    return repeat(start, least, most);
  }

  Result<size_t> count() {
    size_t number = 0;
    size_t digits = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9' && ++digits < 5) {
      number = number * 10 + static_cast<size_t>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0 || number > kMaxPatternSteps) return wrong("a count is a number up to 2000");
    return number;
  }

  /// Writes the steps from `start` on so many times.
  Status repeat(size_t start, size_t least, std::optional<size_t> most) {
    const std::vector<Step> once(pattern_.steps_.begin() + static_cast<std::ptrdiff_t>(start), pattern_.steps_.end());
    pattern_.steps_.resize(start);
    for (size_t i = 0; i < least; ++i) DUDAO_CHECK(copy(once, start));
    if (!most) {
      const size_t split = emit({Op::kSplit});
      DUDAO_CHECK(copy(once, start));
      emit({Op::kJump, split});
      pattern_.steps_[split] = {Op::kSplit, split + 1, pattern_.steps_.size()};
      return room();
    }
    std::vector<size_t> splits;
    for (size_t i = least; i < *most; ++i) {
      splits.push_back(emit({Op::kSplit}));
      DUDAO_CHECK(copy(once, start));
    }
    for (const size_t split : splits) pattern_.steps_[split] = {Op::kSplit, split + 1, pattern_.steps_.size()};
    return room();
  }

  /// Adds steps that stood at `start` once more.
  Status copy(const std::vector<Step>& once, size_t start) {
    const size_t moved = pattern_.steps_.size() - start;
    for (Step step : once) {
      if (step.op == Op::kSplit || step.op == Op::kJump) step.a += moved;
      if (step.op == Op::kSplit) step.b += moved;
      emit(step);
    }
    return room();
  }

  Status single() {
    if (take('(')) {
      if (rest_.starts_with("?:"))
        rest_.remove_prefix(2);
      else if (rest_.starts_with('?'))
        return wrong("of groups with '?' only (?: is known");
      DUDAO_CHECK(alternatives());
      if (!take(')')) return wrong("')' is missing");
      return {};
    }
    Set set;
    if (take('[')) {
      DUDAO_CHECK(listed(set));
    } else if (take('.')) {
      set.ranges = {{0, kLast}};
    } else if (take('\\')) {
      DUDAO_CHECK(escaped(set));
    } else {
      for (const char c : {'*', '+', '?', '{', '}', ']', '^', '$'})
        if (rest_[0] == c) return wrong(string("'") + c + "' has no meaning here");
      const char32_t c = take_point(rest_);
      set.ranges = {{c, c}};
    }
    pattern_.sets_.push_back(std::move(set));
    emit({Op::kTake, pattern_.sets_.size() - 1});
    return room();
  }

  /// After a backslash.
  Status escaped(Set& set) {
    if (rest_.empty()) return wrong("the pattern ends with '\\'");
    const char32_t c = take_point(rest_);
    switch (c) {
      case U'd':
      case U'D':
        set.ranges = {{U'0', U'9'}};
        break;
      case U'w':
      case U'W':
        set.ranges = {{U'0', U'9'}, {U'A', U'Z'}, {U'_', U'_'}, {U'a', U'z'}};
        break;
      case U's':
      case U'S':
        set.ranges = {{U'\t', U'\r'}, {U' ', U' '}};
        break;
      default:
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
          return wrong("this escape is not known");
        set.ranges = {{c, c}};
    }
    set.inverted = c == U'D' || c == U'W' || c == U'S';
    return {};
  }

  /// After '['.
  Status listed(Set& set) {
    set.inverted = take('^');
    bool first = true;
    while (!take(']')) {
      if (rest_.empty()) return wrong("']' is missing");
      if (rest_[0] == ']' && first) return wrong("an empty list");
      first = false;
      Set one;
      if (take('\\')) {
        DUDAO_CHECK(escaped(one));
        if (one.inverted) return wrong("not within a list");
      } else {
        const char32_t c = take_point(rest_);
        one.ranges = {{c, c}};
      }
      const bool plain = one.ranges.size() == 1 && one.ranges[0].first == one.ranges[0].second;
      if (plain && rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        Set last;
        if (take('\\')) {
          DUDAO_CHECK(escaped(last));
        } else {
          const char32_t c = take_point(rest_);
          last.ranges = {{c, c}};
        }
        if (last.inverted || last.ranges.size() != 1 || last.ranges[0].first != last.ranges[0].second ||
            last.ranges[0].first < one.ranges[0].first)
          return wrong("a range that is none");
        one.ranges[0].second = last.ranges[0].first;
      }
      set.ranges.insert(set.ranges.end(), one.ranges.begin(), one.ranges.end());
    }
    if (first) return wrong("an empty list");
    return {};
  }

  string_view whole_;
  string_view rest_;
  size_t depth_ = 0;
  Pattern pattern_;
};

Result<Pattern> Pattern::parse(string_view text) { return PatternParser(text).run(); }

bool Pattern::Set::holds(char32_t c) const {
  const bool within = std::any_of(ranges.begin(), ranges.end(),
                                  [c](const auto& range) { return c >= range.first && c <= range.second; });
  return within != inverted;
}

void Pattern::follow(size_t step, std::vector<size_t>& at, std::vector<bool>& seen) const {
  std::vector<size_t> open = {step};
  while (!open.empty()) {
    const size_t now = open.back();
    open.pop_back();
    if (seen[now]) continue;
    seen[now] = true;
    const Step& here = steps_[now];
    if (here.op == Step::Op::kSplit) open.push_back(here.b);
    if (here.op == Step::Op::kSplit || here.op == Step::Op::kJump)
      open.push_back(here.a);
    else
      at.push_back(now);
  }
}

bool Pattern::matches(string_view text) const {
  std::vector<size_t> at;
  std::vector<bool> seen(steps_.size(), false);
  follow(0, at, seen);
  while (!text.empty() && !at.empty()) {
    const char32_t c = take_point(text);
    std::vector<size_t> next;
    seen.assign(steps_.size(), false);
    for (const size_t step : at)
      if (steps_[step].op == Step::Op::kTake && sets_[steps_[step].a].holds(c)) follow(step + 1, next, seen);
    at = std::move(next);
  }
  return std::any_of(at.begin(), at.end(), [this](size_t step) { return steps_[step].op == Step::Op::kDone; });
}

}  // namespace dudao
