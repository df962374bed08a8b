#include "schema/checklist_expression.hpp"

#include "schema/answer.hpp"
#include "schema/checklist.hpp"
#include "schema/checklist_impl.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

namespace dudao {
namespace {

using std::int64_t;
using std::size_t;
using std::string;
using std::string_view;

constexpr size_t kMaxDigits = 15;
constexpr size_t kMaxListed = 200;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_word(char c) { return is_letter(c) || is_digit(c); }
constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr int64_t power_of_ten(unsigned exponent) {
  int64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

/// Rounded towards less; b > 0.
constexpr int64_t divide_down(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

string at(size_t position, string_view what) { return "position " + std::to_string(position) + ": " + string(what); }

enum class Token : std::uint8_t { kEnd, kNumber, kText, kWord, kSymbol };

struct Lexeme {
  Token token{};
  string text;  ///< A text without its quotes; else the characters themselves.
  size_t position = 1;
};

class Lexer {
 public:
  explicit Lexer(string_view source) : source_(source) {}

  Result<Lexeme> next() {
    while (place_ < source_.size() && is_space(source_[place_])) ++place_;
    const size_t start = place_;
    if (place_ == source_.size()) return Lexeme{Token::kEnd, "", start + 1};
    const char c = source_[place_];
    if (is_digit(c)) return number();
    if (is_letter(c)) return word();
    if (c == '\'') return quoted();
    for (const string_view symbol : {"!=", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-", "*", "."}) {
      if (source_.substr(place_).starts_with(symbol)) {
        place_ += symbol.size();
        return Lexeme{Token::kSymbol, string(symbol), start + 1};
      }
    }
    return fail(Code::kChecklistExpression, at(start + 1, "this character has no meaning here"));
  }

 private:
  Result<Lexeme> number() {
    const size_t start = place_;
    size_t digits = take_digits();
    if (place_ + 1 < source_.size() && source_[place_] == '.' && is_digit(source_[place_ + 1])) {
      ++place_;
      const size_t decimals = take_digits();
      if (decimals > kMaxDecimals)
        return fail(Code::kChecklistExpression, at(start + 1, "a number has at most 6 decimals"));
      digits += decimals;
    }
    if (digits > kMaxDigits) return fail(Code::kChecklistExpression, at(start + 1, "a number has at most 15 digits"));
    if (place_ < source_.size() && is_letter(source_[place_]))
      return fail(Code::kChecklistExpression, at(place_ + 1, "a letter follows a number; codes begin with a letter"));
    return Lexeme{Token::kNumber, string(source_.substr(start, place_ - start)), start + 1};
  }

  size_t take_digits() {
    const size_t start = place_;
    while (place_ < source_.size() && is_digit(source_[place_])) ++place_;
    return place_ - start;
  }

  Result<Lexeme> word() {
    const size_t start = place_;
    while (place_ < source_.size() &&
           (is_word(source_[place_]) ||
            (source_[place_] == '.' && place_ + 1 < source_.size() && is_word(source_[place_ + 1]))))
      ++place_;
    return Lexeme{Token::kWord, string(source_.substr(start, place_ - start)), start + 1};
  }

  Result<Lexeme> quoted() {
    const size_t start = place_++;
    string text;
    while (place_ < source_.size()) {
      if (source_[place_] != '\'') {
        text += source_[place_++];
      } else if (place_ + 1 < source_.size() && source_[place_ + 1] == '\'') {
        text += '\'';
        place_ += 2;
      } else {
        ++place_;
        return Lexeme{Token::kText, std::move(text), start + 1};
      }
    }
    return fail(Code::kChecklistExpression, at(start + 1, "the closing quote is missing"));
  }

  string_view source_;
  size_t place_ = 0;
};

}  // namespace

class ExpressionParser {
 public:
  ExpressionParser(string_view text, const Expression::FindItem& find, std::optional<size_t> self, unsigned format)
      : lexer_(text), find_(find), self_(self), format_(format) {
    result_.source_ = string(text);
  }

  Result<Expression> run() {
    if (result_.source_.size() > kMaxExpressionBytes)
      return fail(Code::kChecklistExpression,
                  "longer than " + std::to_string(kMaxExpressionBytes) + " bytes; split it over calculated items");
    DUDAO_CHECK(advance());
    DUDAO_CHECK(alternatives());
    if (now_.token != Token::kEnd) return unexpected("an operator or the end");
    std::vector<size_t>& seen = result_.references_;
    std::sort(seen.begin(), seen.end());
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    return std::move(result_);
  }

 private:
  using Op = Expression::Op;
  using Step = Expression::Step;

  Status advance() {
    DUDAO_TRY(now_, lexer_.next());
    return {};
  }

  tl::unexpected<Error> unexpected(string_view wanted) const {
    const string found = now_.token == Token::kEnd ? "the end" : "'" + quotable(now_.text) + "'";
    return fail(Code::kChecklistExpression, at(now_.position, "expected " + string(wanted) + ", found " + found));
  }

  bool is_symbol(string_view symbol) const { return now_.token == Token::kSymbol && now_.text == symbol; }
  bool is_keyword(string_view word) const { return now_.token == Token::kWord && now_.text == word; }

  Status expect(string_view symbol) {
    if (!is_symbol(symbol)) return unexpected("'" + string(symbol) + "'");
    return advance();
  }

  Step& emit(Op op, size_t position) {
    Step& step = result_.steps_.emplace_back();
    step.op = op;
    step.position = static_cast<std::uint32_t>(position);
    return step;
  }

  Status deeper(Status (ExpressionParser::*rule)()) {
    if (depth_ == kMaxExpressionDepth)
      return fail(Code::kChecklistExpression, at(now_.position, "nested too deeply; split it over calculated items"));
    ++depth_;
    DUDAO_CHECK((this->*rule)());
    --depth_;
    return {};
  }

  Status alternatives() {
    DUDAO_CHECK(conjunction());
    while (is_keyword("or")) {
      const size_t position = now_.position;
      DUDAO_CHECK(advance());
      DUDAO_CHECK(conjunction());
      emit(Op::kOr, position);
    }
    return {};
  }

  Status conjunction() {
    DUDAO_CHECK(negation());
    while (is_keyword("and")) {
      const size_t position = now_.position;
      DUDAO_CHECK(advance());
      DUDAO_CHECK(negation());
      emit(Op::kAnd, position);
    }
    return {};
  }

  Status negation() {
    if (!is_keyword("not")) return comparison();
    const size_t position = now_.position;
    DUDAO_CHECK(advance());
    DUDAO_CHECK(deeper(&ExpressionParser::negation));
    emit(Op::kNot, position);
    return {};
  }

  Status comparison() {
    DUDAO_CHECK(sum());
    static constexpr std::array<std::pair<string_view, Op>, 6> kOperators = {{{"=", Op::kEqual},
                                                                              {"!=", Op::kNotEqual},
                                                                              {"<", Op::kLess},
                                                                              {"<=", Op::kLessEqual},
                                                                              {">", Op::kGreater},
                                                                              {">=", Op::kGreaterEqual}}};
    for (const auto& [symbol, op] : kOperators) {
      if (!is_symbol(symbol)) continue;
      const size_t position = now_.position;
      DUDAO_CHECK(advance());
      DUDAO_CHECK(sum());
      emit(op, position);
      return {};
    }
    if (is_keyword("in")) return listed(now_.position);
    if (is_keyword("not")) {
      const size_t position = now_.position;
      DUDAO_CHECK(advance());
      if (!is_keyword("in")) return unexpected("'in'");
      DUDAO_CHECK(listed(position));
      emit(Op::kNot, position);
    }
    return {};
  }

  Status listed(size_t position) {
    DUDAO_CHECK(advance());
    DUDAO_CHECK(expect("("));
    size_t count = 0;
    while (true) {
      if (++count > kMaxListed) return fail(Code::kChecklistExpression, at(now_.position, "the list is too long"));
      DUDAO_CHECK(list_literal());
      if (!is_symbol(",")) break;
      DUDAO_CHECK(advance());
    }
    DUDAO_CHECK(expect(")"));
    emit(Op::kIn, position).number = static_cast<int64_t>(count);
    return {};
  }

  Status list_literal() {
    if (now_.token == Token::kText) return text_literal();
    const bool negative = is_symbol("-");
    if (negative) DUDAO_CHECK(advance());
    if (now_.token != Token::kNumber) return unexpected("a number or a text");
    DUDAO_CHECK(number_literal());
    if (negative) result_.steps_.back().number *= -1;
    return {};
  }

  Status sum() {
    DUDAO_CHECK(product());
    while (is_symbol("+") || is_symbol("-")) {
      const Op op = is_symbol("+") ? Op::kAdd : Op::kSubtract;
      const size_t position = now_.position;
      DUDAO_CHECK(advance());
      DUDAO_CHECK(product());
      emit(op, position);
    }
    return {};
  }

  Status product() {
    DUDAO_CHECK(sign());
    while (is_symbol("*") || is_keyword("div") || is_keyword("mod")) {
      const Op op = is_symbol("*") ? Op::kMultiply : is_keyword("div") ? Op::kDivide : Op::kModulo;
      const size_t position = now_.position;
      DUDAO_CHECK(advance());
      DUDAO_CHECK(sign());
      emit(op, position);
    }
    return {};
  }

  Status sign() {
    if (!is_symbol("-")) return primary();
    const size_t position = now_.position;
    DUDAO_CHECK(advance());
    DUDAO_CHECK(deeper(&ExpressionParser::sign));
    emit(Op::kNegate, position);
    return {};
  }

  Status primary() {
    switch (now_.token) {
      case Token::kNumber:
        return number_literal();
      case Token::kText:
        return text_literal();
      case Token::kWord:
        return word();
      case Token::kSymbol:
        if (is_symbol("(")) {
          DUDAO_CHECK(advance());
          DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
          return expect(")");
        }
        if (is_symbol(".")) {
          const size_t position = now_.position;
          DUDAO_TRY(const size_t item, item_reference());
          emit(Op::kItem, position).item = item;
          return {};
        }
        break;
      case Token::kEnd:
        break;
    }
    return unexpected("a value");
  }

  Status number_literal() {
    const size_t point = now_.text.find('.');
    const unsigned decimals = point == string::npos ? 0U : static_cast<unsigned>(now_.text.size() - point - 1);
    const std::optional<int64_t> number = parse_decimal(now_.text, decimals);
    if (!number) return unexpected("a number");
    Step& step = emit(Op::kNumber, now_.position);
    step.number = *number;
    step.decimals = decimals;
    return advance();
  }

  Status text_literal() {
    emit(Op::kText, now_.position).text = now_.text;
    return advance();
  }

  Status word() {
    const string word = now_.text;
    const size_t position = now_.position;
    if (word == "true" || word == "false") {
      emit(word == "true" ? Op::kTrue : Op::kFalse, position);
      return advance();
    }
    if (word == "and" || word == "or" || word == "not" || word == "in" || word == "div" || word == "mod")
      return unexpected("a value");
    DUDAO_CHECK(advance());
    if (is_symbol("(")) return call(word, position);
    const std::optional<size_t> item = find_(word);
    if (!item) return fail(Code::kChecklistReference, at(position, "there is no item '" + quotable(word) + "'"));
    result_.references_.push_back(*item);
    emit(Op::kItem, position).item = *item;
    return {};
  }

  /// An item's code or ".", and past it.
  Result<size_t> item_reference() {
    std::optional<size_t> item;
    if (is_symbol(".")) {
      if (!self_)
        return fail(Code::kChecklistExpression,
                    at(now_.position, "'.' has no meaning here: name the item by its code"));
      item = self_;
    } else if (now_.token == Token::kWord) {
      item = find_(now_.text);
      if (!item)
        return fail(Code::kChecklistReference, at(now_.position, "there is no item '" + quotable(now_.text) + "'"));
    } else {
      return unexpected("the code of an item");
    }
    result_.references_.push_back(*item);
    DUDAO_CHECK(advance());
    return *item;
  }

  Status call(const string& name, size_t position) {
    DUDAO_CHECK(advance());
    if (name == "answered" || name == "count_selected" || name == "total" || name == "selected") {
      DUDAO_TRY(const size_t item, item_reference());
      string option;
      if (name == "selected") {
        DUDAO_CHECK(expect(","));
        if (now_.token != Token::kText) return unexpected("an option's code in quotes");
        option = now_.text;
        DUDAO_CHECK(advance());
      }
      Step& step = emit(name == "answered"         ? Op::kAnswered
                        : name == "count_selected" ? Op::kCountSelected
                        : name == "total"          ? Op::kTotal
                                                   : Op::kSelected,
                        position);
      step.item = item;
      step.text = std::move(option);
    } else if (name == "if") {
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      DUDAO_CHECK(expect(","));
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      DUDAO_CHECK(expect(","));
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      emit(Op::kIf, position);
    } else if (name == "coalesce") {
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      DUDAO_CHECK(expect(","));
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      emit(Op::kCoalesce, position);
    } else if (name == "ratio") {
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      DUDAO_CHECK(expect(","));
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      DUDAO_CHECK(expect(","));
      if (now_.token != Token::kNumber || now_.text.size() != 1 || now_.text[0] > '6')
        return unexpected("the number of decimals, 0 to 6");
      emit(Op::kRatio, position).number = now_.text[0] - '0';
      DUDAO_CHECK(advance());
    } else if (name == "date") {
      const std::optional<int64_t> days = now_.token == Token::kText ? parse_date(now_.text) : std::nullopt;
      if (!days) return unexpected("a date like '2026-09-01'");
      emit(Op::kDate, position).number = *days;
      DUDAO_CHECK(advance());
    } else if (format_ >= 2 && (name == "floor" || name == "abs" || name == "length")) {
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      emit(name == "floor" ? Op::kFloor : name == "abs" ? Op::kAbs : Op::kLength, position);
    } else if (format_ >= 2 && (name == "min" || name == "max")) {
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      do {
        DUDAO_CHECK(expect(","));
        DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
        emit(name == "min" ? Op::kLeast : Op::kGreatest, position);
      } while (is_symbol(","));
    } else if (format_ >= 2 &&
               (name == "contains" || name == "starts_with" || name == "ends_with" || name == "matches")) {
      DUDAO_CHECK(deeper(&ExpressionParser::alternatives));
      DUDAO_CHECK(expect(","));
      if (now_.token != Token::kText || now_.text.empty()) return unexpected("a text in quotes");
      std::shared_ptr<const Pattern> pattern;
      if (name == "matches") {
        Result<Pattern> read = Pattern::parse(now_.text);
        if (!read) return fail(read.error().code, at(now_.position, read.error().detail));
        pattern = std::make_shared<const Pattern>(*std::move(read));
      }
      Step& step = emit(name == "contains"      ? Op::kContains
                        : name == "starts_with" ? Op::kStartsWith
                        : name == "ends_with"   ? Op::kEndsWith
                                                : Op::kMatches,
                        position);
      step.text = now_.text;
      step.pattern = std::move(pattern);
      DUDAO_CHECK(advance());
    } else {
      return fail(Code::kChecklistExpression, at(position, "there is no function '" + quotable(name) + "'"));
    }
    return expect(")");
  }

  Lexer lexer_;
  Lexeme now_;
  const Expression::FindItem& find_;
  std::optional<size_t> self_;
  unsigned format_;
  size_t depth_ = 0;
  Expression result_;
};

Result<Expression> Expression::parse(string_view text, const FindItem& find, std::optional<size_t> self,
                                     unsigned format) {
  return ExpressionParser(text, find, self, format).run();
}

/// Walks the steps as the machine will, with types in place of values.
class ExpressionChecker {
 public:
  ExpressionChecker(Expression& expression, const Expression::GetItem& get) : expression_(expression), get_(get) {}

  Result<ExpressionType> run() {
    for (size_t i = 0; i < expression_.steps_.size(); ++i) {
      DUDAO_CHECK(step(i));
      expression_.stack_ = std::max(expression_.stack_, stack_.size());
    }
    assert(stack_.size() == 1);
    if (stack_.back().type.kind != ExpressionKind::kNumber && stack_.back().type.kind != ExpressionKind::kDate)
      return ExpressionType{stack_.back().type.kind, 0, 0, 0};
    return stack_.back().type;
  }

 private:
  using Op = Expression::Op;
  using Step = Expression::Step;
  using Kind = ExpressionKind;

  struct Operand {
    ExpressionType type;
    size_t step = 0;             ///< The step that made it.
    const Item* item = nullptr;  ///< Whose options: kOption, kOptions.
  };

  static string_view name(Kind kind) {
    switch (kind) {
      case Kind::kCondition:
        return "a condition";
      case Kind::kNumber:
        return "a number";
      case Kind::kDate:
        return "a date";
      case Kind::kText:
        return "a text";
      case Kind::kOption:
        return "an option";
      case Kind::kOptions:
        return "chosen options";
    }
    return "";
  }

  static tl::unexpected<Error> mismatch(const Step& step, string_view what) {
    return fail(Code::kChecklistTypes, at(step.position, what));
  }
  static tl::unexpected<Error> overflow(const Step& step) {
    return fail(Code::kChecklistOverflow, at(step.position, "the result may not fit in 64 bits"));
  }
  static tl::unexpected<Error> too_fine(const Step& step) {
    return fail(Code::kChecklistOverflow, at(step.position, "more than 9 decimals"));
  }

  Operand pop() {
    assert(!stack_.empty());
    Operand top = stack_.back();
    stack_.pop_back();
    return top;
  }
  void push(size_t step, Kind kind, unsigned decimals = 0, int64_t least = 0, int64_t most = 0,
            const Item* item = nullptr) {
    stack_.push_back({{kind, decimals, least, most}, step, item});
  }

  static bool multiply(int64_t a, int64_t b, int64_t& out) {
    return !__builtin_mul_overflow(a, b, &out) && out != std::numeric_limits<int64_t>::min();
  }
  static bool scale(ExpressionType& type, int64_t factor) {
    return multiply(type.least, factor, type.least) && multiply(type.most, factor, type.most);
  }
  static int64_t magnitude(const ExpressionType& type) { return std::max(-type.least, type.most); }

  /// Brings both to the decimals of the finer one and notes the factors.
  static bool align(Step& step, ExpressionType& a, ExpressionType& b) {
    const unsigned finer = std::max(a.decimals, b.decimals);
    step.scale_a = power_of_ten(finer - a.decimals);
    step.scale_b = power_of_ten(finer - b.decimals);
    a.decimals = b.decimals = finer;
    return scale(a, step.scale_a) && scale(b, step.scale_b);
  }

  Status step(size_t index) {
    Step& step = expression_.steps_[index];
    switch (step.op) {
      case Op::kNumber:
        push(index, Kind::kNumber, step.decimals, step.number, step.number);
        return {};
      case Op::kText:
        push(index, Kind::kText);
        return {};
      case Op::kTrue:
      case Op::kFalse:
      case Op::kAnswered:
        push(index, Kind::kCondition);
        return {};
      case Op::kDate:
        push(index, Kind::kDate, 0, step.number, step.number);
        return {};
      case Op::kItem:
        return item(index);
      case Op::kTotal: {
        const Item& of = get_(step.item);
        if (of.type != ItemType::kCountOf) return mismatch(step, of.code + " is not a count_of item");
        push(index, Kind::kNumber, 0, 0, of.max);
        return {};
      }
      case Op::kSelected: {
        const Item& of = get_(step.item);
        if (of.type != ItemType::kSingle && of.type != ItemType::kMulti)
          return mismatch(step, of.code + " has no options");
        DUDAO_CHECK(option(step, of, step.text));
        push(index, Kind::kCondition);
        return {};
      }
      case Op::kCountSelected: {
        const Item& of = get_(step.item);
        if (of.type != ItemType::kMulti) return mismatch(step, of.code + " is not a multi item");
        push(index, Kind::kNumber, 0, 0, static_cast<int64_t>(of.options.size()));
        return {};
      }
      case Op::kNegate: {
        const Operand a = pop();
        if (a.type.kind != Kind::kNumber) return mismatch(step, "'-' before " + string(name(a.type.kind)));
        push(index, Kind::kNumber, a.type.decimals, -a.type.most, -a.type.least);
        return {};
      }
      case Op::kNot: {
        const Operand a = pop();
        if (a.type.kind != Kind::kCondition) return mismatch(step, "'not' before " + string(name(a.type.kind)));
        push(index, Kind::kCondition);
        return {};
      }
      case Op::kAnd:
      case Op::kOr: {
        const Operand b = pop();
        const Operand a = pop();
        for (const Operand& side : {a, b})
          if (side.type.kind != Kind::kCondition)
            return mismatch(step, "'and' and 'or' join conditions, not " + string(name(side.type.kind)));
        push(index, Kind::kCondition);
        return {};
      }
      case Op::kAdd:
      case Op::kSubtract:
        return sum(index, step);
      case Op::kMultiply:
        return product(index, step);
      case Op::kDivide:
      case Op::kModulo:
      case Op::kRatio:
        return quotient(index, step);
      case Op::kFloor:
      case Op::kAbs:
        return whole_or_size(index, step);
      case Op::kLeast:
      case Op::kGreatest:
        return extreme(index, step);
      case Op::kLength:
      case Op::kContains:
      case Op::kStartsWith:
      case Op::kEndsWith:
      case Op::kMatches: {
        const Operand a = pop();
        if (a.type.kind != Kind::kText)
          return mismatch(step, "a text is looked into, not " + string(name(a.type.kind)));
        if (step.op == Op::kLength)
          push(index, Kind::kNumber, 0, 0, std::max<int64_t>(kMaxTextAnswerChars, kMaxExpressionBytes));
        else
          push(index, Kind::kCondition);
        return {};
      }
      case Op::kEqual:
      case Op::kNotEqual:
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual:
        return comparison(index, step);
      case Op::kIn:
        return listed(index, step);
      case Op::kIf:
      case Op::kCoalesce:
        return choice(index, step);
    }
    return {};
  }

  Status item(size_t index) {
    const Item& of = get_(expression_.steps_[index].item);
    switch (of.type) {
      case ItemType::kYesNo:
        push(index, Kind::kCondition);
        return {};
      case ItemType::kSingle:
        push(index, Kind::kOption, 0, 0, 0, &of);
        return {};
      case ItemType::kMulti:
        push(index, Kind::kOptions, 0, 0, 0, &of);
        return {};
      case ItemType::kText:
        push(index, Kind::kText);
        return {};
      case ItemType::kDate:
        push(index, Kind::kDate, 0, of.min, of.max);
        return {};
      case ItemType::kCountOf:
        push(index, Kind::kNumber, 0, 0, of.max);
        return {};
      case ItemType::kScale:
      case ItemType::kInteger:
      case ItemType::kDecimal:
      case ItemType::kCalculated:
        push(index, Kind::kNumber, of.decimals, of.min, of.max);
        return {};
    }
    return {};
  }

  static Status option(const Step& step, const Item& of, const string& code) {
    const bool known =
        std::any_of(of.options.begin(), of.options.end(), [&](const Option& option) { return option.code == code; });
    if (!known)
      return fail(Code::kChecklistReference, at(step.position, of.code + " has no option '" + quotable(code) + "'"));
    return {};
  }

  Status sum(size_t index, Step& step) {
    Operand b = pop();
    Operand a = pop();
    const bool add = step.op == Op::kAdd;
    Kind kind = Kind::kNumber;
    if (a.type.kind == Kind::kNumber && b.type.kind == Kind::kNumber) {
      if (!align(step, a.type, b.type)) return overflow(step);
    } else {
      const bool dates = a.type.kind == Kind::kDate && b.type.kind == Kind::kDate && !add;
      const bool later = a.type.kind == Kind::kDate && b.type.kind == Kind::kNumber && b.type.decimals == 0;
      const bool swapped = add && b.type.kind == Kind::kDate && a.type.kind == Kind::kNumber && a.type.decimals == 0;
      if (!dates && !later && !swapped)
        return mismatch(step, string(name(a.type.kind)) + (add ? " plus " : " minus ") + string(name(b.type.kind)));
      kind = dates ? Kind::kNumber : Kind::kDate;
    }
    int64_t least = 0;
    int64_t most = 0;
    const bool out = add ? __builtin_add_overflow(a.type.least, b.type.least, &least) ||
                               __builtin_add_overflow(a.type.most, b.type.most, &most)
                         : __builtin_sub_overflow(a.type.least, b.type.most, &least) ||
                               __builtin_sub_overflow(a.type.most, b.type.least, &most);
    if (out || least == std::numeric_limits<int64_t>::min()) return overflow(step);
    push(index, kind, a.type.decimals, least, most);
    return {};
  }

  Status product(size_t index, const Step& step) {
    const Operand b = pop();
    const Operand a = pop();
    if (a.type.kind != Kind::kNumber || b.type.kind != Kind::kNumber)
      return mismatch(step, string(name(a.type.kind)) + " times " + string(name(b.type.kind)));
    if (a.type.decimals + b.type.decimals > kMaxExpressionDecimals) return too_fine(step);
    std::array<int64_t, 4> corners{};
    if (!multiply(a.type.least, b.type.least, corners[0]) || !multiply(a.type.least, b.type.most, corners[1]) ||
        !multiply(a.type.most, b.type.least, corners[2]) || !multiply(a.type.most, b.type.most, corners[3]))
      return overflow(step);
    const auto [least, most] = std::minmax_element(corners.begin(), corners.end());
    push(index, Kind::kNumber, a.type.decimals + b.type.decimals, *least, *most);
    return {};
  }

  Status quotient(size_t index, Step& step) {
    Operand b = pop();
    Operand a = pop();
    if (a.type.kind != Kind::kNumber || b.type.kind != Kind::kNumber)
      return mismatch(step, string(name(a.type.kind)) + " divided by " + string(name(b.type.kind)));
    if (!align(step, a.type, b.type)) return overflow(step);
    unsigned decimals = 0;
    if (step.op == Op::kRatio) {
      decimals = static_cast<unsigned>(step.number);
      const int64_t power = power_of_ten(decimals);
      if (!multiply(step.scale_a, power, step.scale_a) || !scale(a.type, power)) return overflow(step);
    }
    // The divisor is at least 1 away from zero; where it may not come near zero the quotient is smaller still.
    const int64_t divisor = b.type.least > 0 ? b.type.least : b.type.most < 0 ? -b.type.most : 1;
    int64_t most = magnitude(a.type);
    if (step.op == Op::kModulo) {
      decimals = a.type.decimals;
      most = std::min(most, std::max<int64_t>(magnitude(b.type) - 1, 0));
    } else {
      most = most / divisor + (step.op == Op::kRatio && most % divisor != 0 ? 1 : 0);
    }
    const bool not_negative = a.type.least >= 0 && (b.type.least >= 0 || step.op == Op::kModulo);
    push(index, Kind::kNumber, decimals, not_negative ? 0 : -most, most);
    return {};
  }

  Status whole_or_size(size_t index, Step& step) {
    const Operand a = pop();
    if (a.type.kind != Kind::kNumber) return mismatch(step, "asks for a number, not " + string(name(a.type.kind)));
    if (step.op == Op::kAbs) {
      const int64_t least = a.type.least > 0 ? a.type.least : a.type.most < 0 ? -a.type.most : 0;
      push(index, Kind::kNumber, a.type.decimals, least, magnitude(a.type));
      return {};
    }
    step.scale_a = power_of_ten(a.type.decimals);
    push(index, Kind::kNumber, 0, divide_down(a.type.least, step.scale_a), divide_down(a.type.most, step.scale_a));
    return {};
  }

  Status extreme(size_t index, Step& step) {
    Operand b = pop();
    Operand a = pop();
    const Kind kind = a.type.kind;
    if (kind != b.type.kind || (kind != Kind::kNumber && kind != Kind::kDate))
      return mismatch(
          step, "numbers or dates are put in order, not " + string(name(kind)) + " and " + string(name(b.type.kind)));
    if (!align(step, a.type, b.type)) return overflow(step);
    const bool least = step.op == Op::kLeast;
    push(index, kind, a.type.decimals,
         least ? std::min(a.type.least, b.type.least) : std::max(a.type.least, b.type.least),
         least ? std::min(a.type.most, b.type.most) : std::max(a.type.most, b.type.most));
    return {};
  }

  Status comparison(size_t index, Step& step) {
    Operand b = pop();
    Operand a = pop();
    const bool ordered = step.op != Op::kEqual && step.op != Op::kNotEqual;
    DUDAO_CHECK(adapt(a, b));
    DUDAO_CHECK(adapt(b, a));
    const Kind kind = a.type.kind;
    if (kind != b.type.kind || kind == Kind::kOptions)
      return mismatch(step, string(name(a.type.kind)) + " compared with " + string(name(b.type.kind)));
    if (kind == Kind::kNumber) {
      if (!align(step, a.type, b.type)) return overflow(step);
    } else if (ordered && kind != Kind::kDate) {
      return mismatch(step, string(name(kind)) + " is equal or not, it is not less or more");
    }
    step.as_text = kind == Kind::kText || kind == Kind::kOption;
    push(index, Kind::kCondition);
    return {};
  }

  /// A quoted text takes the kind of what it is compared with.
  Status adapt(Operand& quoted, Operand& other) {
    Step& step = expression_.steps_[quoted.step];
    if (step.op != Op::kText) return {};
    switch (other.type.kind) {
      case Kind::kCondition:
        if (step.text != "yes" && step.text != "no")
          return mismatch(step, "a yes_no item equals 'yes' or 'no', not '" + quotable(step.text) + "'");
        step.op = step.text == "yes" ? Op::kTrue : Op::kFalse;
        quoted.type.kind = Kind::kCondition;
        return {};
      case Kind::kOption:
        DUDAO_CHECK(option(step, *other.item, step.text));
        quoted.type.kind = Kind::kOption;
        return {};
      case Kind::kOptions:
        if (!step.text.empty()) DUDAO_CHECK(option(step, *other.item, step.text));
        // Stored as one text, so that equal texts are equal choices.
        quoted.type.kind = Kind::kOption;
        other.type.kind = Kind::kOption;
        return {};
      case Kind::kNumber:
      case Kind::kDate:
      case Kind::kText:
        return {};
    }
    return {};
  }

  Status listed(size_t index, Step& step) {
    const auto count = static_cast<size_t>(step.number);
    std::vector<Operand> literals;
    for (size_t i = 0; i < count; ++i) literals.push_back(pop());
    Operand a = pop();
    unsigned finer = a.type.decimals;
    for (const Operand& literal : literals) finer = std::max(finer, literal.type.decimals);
    for (Operand& literal : literals) {
      Step& value = expression_.steps_[literal.step];
      if (a.type.kind == Kind::kCondition || a.type.kind == Kind::kDate || a.type.kind == Kind::kOptions)
        return mismatch(step, "'in' asks for a number, a text or an option, not " + string(name(a.type.kind)));
      DUDAO_CHECK(adapt(literal, a));
      if (literal.type.kind != a.type.kind)
        return mismatch(value, string(name(a.type.kind)) + " in a list with " + string(name(literal.type.kind)));
      if (!multiply(value.number, power_of_ten(finer - literal.type.decimals), value.number)) return overflow(value);
      value.decimals = finer;
    }
    step.scale_a = power_of_ten(finer - a.type.decimals);
    if (!scale(a.type, step.scale_a)) return overflow(step);
    step.as_text = a.type.kind != Kind::kNumber;
    push(index, Kind::kCondition);
    return {};
  }

  Status choice(size_t index, Step& step) {
    Operand b = pop();
    Operand a = pop();
    if (step.op == Op::kIf && pop().type.kind != Kind::kCondition)
      return mismatch(step, "'if' begins with a condition");
    const Kind kind = a.type.kind;
    if (kind != b.type.kind || (kind != Kind::kNumber && kind != Kind::kDate && kind != Kind::kCondition))
      return mismatch(step, "both results must be numbers, dates or conditions, not " + string(name(kind)) + " and " +
                                string(name(b.type.kind)));
    if (!align(step, a.type, b.type)) return overflow(step);
    push(index, kind, a.type.decimals, std::min(a.type.least, b.type.least), std::max(a.type.most, b.type.most));
    return {};
  }

  Expression& expression_;
  const Expression::GetItem& get_;
  std::vector<Operand> stack_;
};

Result<ExpressionType> Expression::check(const GetItem& get) { return ExpressionChecker(*this, get).run(); }

namespace {

/// True if `code` is one of the codes in "a,b,c".
bool has_code(string_view chosen, string_view code) {
  while (!chosen.empty()) {
    const size_t comma = chosen.find(',');
    if (chosen.substr(0, comma) == code) return true;
    if (comma == string_view::npos) break;
    chosen.remove_prefix(comma + 1);
  }
  return false;
}

int64_t divide_rounded(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  const int64_t rest = a % b;
  const int64_t half = std::abs(b) - std::abs(rest);
  if (std::abs(rest) < half) return quotient;
  return quotient + ((a < 0) == (b < 0) ? 1 : -1);
}

ExpressionValue known(int64_t number) { return {true, number, {}, 0}; }

}  // namespace

ExpressionValue Expression::evaluate(std::span<const ExpressionValue> values) const {
  // check() has shown that nothing here can leave 64 bits.
  std::vector<ExpressionValue> stack;
  stack.reserve(stack_);
  const auto pop = [&stack] {
    const ExpressionValue top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const Step& step : steps_) {
    switch (step.op) {
      case Op::kNumber:
      case Op::kDate:
        stack.push_back(known(step.number));
        break;
      case Op::kText:
        stack.push_back({true, 0, step.text, 0});
        break;
      case Op::kTrue:
        stack.push_back(known(1));
        break;
      case Op::kFalse:
        stack.push_back(known(0));
        break;
      case Op::kItem:
        stack.push_back(values[step.item]);
        break;
      case Op::kTotal:
        stack.push_back({values[step.item].known, values[step.item].total, {}, 0});
        break;
      case Op::kAnswered:
        stack.push_back(known(values[step.item].known ? 1 : 0));
        break;
      case Op::kSelected:
        stack.push_back({values[step.item].known, has_code(values[step.item].text, step.text) ? 1 : 0, {}, 0});
        break;
      case Op::kCountSelected: {
        const string_view chosen = values[step.item].text;
        const int64_t commas = std::count(chosen.begin(), chosen.end(), ',');
        stack.push_back({values[step.item].known, chosen.empty() ? 0 : commas + 1, {}, 0});
        break;
      }
      case Op::kNegate:
        stack.back().number = -stack.back().number;
        break;
      case Op::kNot:
        stack.back().number = stack.back().number == 0 ? 1 : 0;
        break;
      case Op::kFloor:
        stack.back().number = divide_down(stack.back().number, step.scale_a);
        break;
      case Op::kAbs:
        stack.back().number = std::abs(stack.back().number);
        break;
      case Op::kLength: {
        const string_view text = stack.back().text;
        const auto chars = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
        stack.back() = {stack.back().known, chars, {}, 0};
        break;
      }
      case Op::kContains:
      case Op::kStartsWith:
      case Op::kEndsWith:
      case Op::kMatches: {
        const string_view text = stack.back().text;
        const bool found = step.op == Op::kContains     ? text.find(step.text) != string_view::npos
                           : step.op == Op::kStartsWith ? text.starts_with(step.text)
                           : step.op == Op::kEndsWith   ? text.ends_with(step.text)
                                                        : stack.back().known && step.pattern->matches(text);
        stack.back() = {stack.back().known, found ? 1 : 0, {}, 0};
        break;
      }
      case Op::kAnd:
      case Op::kOr: {
        const ExpressionValue b = pop();
        ExpressionValue& a = stack.back();
        const int64_t decisive = step.op == Op::kAnd ? 0 : 1;
        if ((a.known && a.number == decisive) || (b.known && b.number == decisive))
          a = known(decisive);
        else
          a = {a.known && b.known, 1 - decisive, {}, 0};
        break;
      }
      case Op::kIn: {
        bool found = false;
        const auto count = static_cast<size_t>(step.number);
        const ExpressionValue a = stack[stack.size() - count - 1];
        for (size_t i = 0; i < count; ++i) {
          const ExpressionValue literal = pop();
          found =
              found || (step.as_text ? literal.text == a.text : a.known && literal.number == a.number * step.scale_a);
        }
        stack.back() = {a.known, found ? 1 : 0, {}, 0};
        break;
      }
      case Op::kIf: {
        const ExpressionValue b = pop();
        const ExpressionValue a = pop();
        ExpressionValue& condition = stack.back();
        if (!condition.known)
          condition = {};
        else if (condition.number != 0)
          condition = a.known ? known(a.number * step.scale_a) : ExpressionValue{};
        else
          condition = b.known ? known(b.number * step.scale_b) : ExpressionValue{};
        break;
      }
      case Op::kCoalesce: {
        const ExpressionValue b = pop();
        ExpressionValue& a = stack.back();
        if (a.known)
          a = known(a.number * step.scale_a);
        else
          a = b.known ? known(b.number * step.scale_b) : ExpressionValue{};
        break;
      }
      default: {
        const ExpressionValue b = pop();
        ExpressionValue& result = stack.back();
        const ExpressionValue a = result;
        result = {};
        if (!a.known || !b.known) break;
        if (step.as_text) {
          result = known((a.text == b.text) == (step.op == Op::kEqual) ? 1 : 0);
          break;
        }
        if (step.op == Op::kMultiply) {
          result = known(a.number * b.number);
          break;
        }
        const int64_t left = a.number * step.scale_a;
        const int64_t right = b.number * step.scale_b;
        const bool divides = step.op == Op::kDivide || step.op == Op::kModulo || step.op == Op::kRatio;
        if (divides && right == 0) break;
        result = known(step.op == Op::kAdd         ? left + right
                       : step.op == Op::kSubtract  ? left - right
                       : step.op == Op::kDivide    ? left / right
                       : step.op == Op::kModulo    ? left % right
                       : step.op == Op::kRatio     ? divide_rounded(left, right)
                       : step.op == Op::kLeast     ? std::min(left, right)
                       : step.op == Op::kGreatest  ? std::max(left, right)
                       : step.op == Op::kEqual     ? (left == right ? 1 : 0)
                       : step.op == Op::kNotEqual  ? (left != right ? 1 : 0)
                       : step.op == Op::kLess      ? (left < right ? 1 : 0)
                       : step.op == Op::kLessEqual ? (left <= right ? 1 : 0)
                       : step.op == Op::kGreater   ? (left > right ? 1 : 0)
                                                   : (left >= right ? 1 : 0));
        break;
      }
    }
  }
  return stack.back();
}

std::optional<bool> Expression::holds(std::span<const ExpressionValue> values) const {
  const ExpressionValue result = evaluate(values);
  if (!result.known) return std::nullopt;
  return result.number != 0;
}

}  // namespace dudao
