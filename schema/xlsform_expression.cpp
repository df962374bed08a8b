#include "schema/xlsform_expression.hpp"

#include "schema/checklist_impl.hpp"
#include "schema/pattern.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace dudao {
namespace {

using std::size_t;
using std::string;
using std::string_view;
using Node = XPathNode;
using NodeKind = XPathNode::Kind;

enum class Kind : std::uint8_t { kCondition, kNumber, kDate, kText, kOption, kOptions, kLiteral };

/// How tightly an expression of ours holds together, loosest first, to set parentheses where they are needed.
enum Level : std::uint8_t { kOr, kAnd, kNot, kCompare, kSum, kProduct, kSign, kPrimary };

struct Term {
  Kind kind{};
  string text;  ///< kLiteral: its content, without quotes.
  Level level = kPrimary;
  bool absent = false;  ///< May come out absent.
  unsigned decimals = 0;
  const FormQuestion* question = nullptr;  ///< Where it is a question by itself.
};

tl::unexpected<Error> refuse(Code code, const Node& node, string_view what) {
  return fail(code, "position " + std::to_string(node.position) + ": " + string(what));
}
tl::unexpected<Error> mixed(const Node& node, string_view what) { return refuse(Code::kFormKinds, node, what); }

string_view name(Kind kind) {
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
      return "a choice";
    case Kind::kOptions:
      return "several choices";
    case Kind::kLiteral:
      return "a text in quotes";
  }
  return "";
}

string wrapped(const Term& value, Level least) { return value.level < least ? "(" + value.text + ")" : value.text; }

string literal(string_view text) {
  string out = "'";
  for (const char c : text) out += c == '\'' ? string("''") : string(1, c);
  return out + "'";
}

Absent opposite(Absent absent) {
  return absent == Absent::kFalse ? Absent::kTrue : absent == Absent::kTrue ? Absent::kFalse : absent;
}

/// With `empty` as its value where it would be absent, unless absence counts as just that.
Term settled(Term atom, string_view empty, Absent counts_as) {
  const bool same =
      (counts_as == Absent::kFalse && empty == "false") || (counts_as == Absent::kTrue && empty == "true");
  if (!atom.absent || same) return atom;
  return {Kind::kCondition, "coalesce(" + atom.text + ", " + string(empty) + ")"};
}

Term constant(bool value) { return {Kind::kCondition, value ? "true" : "false"}; }

/// Functions that forms use and that cannot mean anything here, each with the reason.
constexpr std::pair<string_view, string_view> kWithoutCounterpart[] = {
    {"today", "a checklist has no clock: the same answers give the same result on every day"},
    {"now", "a checklist has no clock: the same answers give the same result at every time"},
    {"random", "the same answers give the same result always"},
    {"uuid", "every visit has its own number already"},
    {"once", "values that are kept from an earlier moment are not known"},
    {"concat", "texts are not put together"},
    {"join", "texts are not put together"},
    {"substr", "texts are not cut"},
    {"substring-before", "texts are not cut"},
    {"substring-after", "texts are not cut"},
    {"selected-at", "choices have no order"},
    {"jr:choice-name", "the label of a choice is not a value"},
    {"position", "there are no repeats"},
    {"count", "there are no repeats"},
    {"sum", "there are no repeats"},
    {"indexed-repeat", "there are no repeats"},
    {"pulldata", "other files are not looked into"},
    {"instance", "other files are not looked into"},
    {"format-date", "dates are not made into texts"},
    {"format-date-time", "dates are not made into texts"},
    {"distance", "positions are not calculated with"},
    {"area", "positions are not calculated with"}};

class Translator {
 public:
  explicit Translator(const FormContext& context) : context_(context) {}
  bool newer() const { return newer_; }

  Result<Term> condition(const Node& node, Absent absent) {
    if (node.kind == NodeKind::kOperator) {
      if (node.text == "and" || node.text == "or") return joined(node, absent);
      static const std::set<string_view> kComparisons = {"=", "!=", "<", "<=", ">", ">="};
      if (kComparisons.contains(node.text)) return comparison(node, absent);
    }
    if (node.kind == NodeKind::kCall) {
      if (node.text == "true" || node.text == "false") return constant(node.text == "true");
      if (node.text == "not") {
        DUDAO_CHECK(arguments(node, 1, 1));
        DUDAO_TRY(const Term inner, condition(node.below[0], opposite(absent)));
        return negated(inner);
      }
      if (node.text == "boolean") {
        DUDAO_CHECK(arguments(node, 1, 1));
        return condition(node.below[0], absent);
      }
      if (node.text == "selected") return selected(node, absent);
      if (node.text == "if") {
        DUDAO_CHECK(arguments(node, 3, 3));
        DUDAO_TRY(const Term asked, condition(node.below[0], Absent::kDefinite));
        DUDAO_TRY(const Term a, condition(node.below[1], absent));
        DUDAO_TRY(const Term b, condition(node.below[2], absent));
        return Term{Kind::kCondition, "if(" + asked.text + ", " + a.text + ", " + b.text + ")", kPrimary,
                    a.absent || b.absent};
      }
      if (node.text == "contains" || node.text == "starts-with" || node.text == "ends-with" || node.text == "regex")
        return looked_into(node, absent);
    }
    DUDAO_TRY(const Term value, this->value(node));
    if (value.kind == Kind::kNumber)
      return settled({Kind::kCondition, wrapped(value, kSum) + " != 0", kCompare, value.absent}, "false", absent);
    if (!value.question) return mixed(node, string(name(value.kind)) + " where a condition is needed");
    return answered(value);
  }

  Result<Term> value(const Node& node) {
    switch (node.kind) {
      case NodeKind::kNumber:
        return number(node);
      case NodeKind::kText:
        return Term{Kind::kLiteral, node.text};
      case NodeKind::kSelf:
        if (!context_.self) return refuse(Code::kFormReference, node, "'.' has no meaning here");
        return of(node, *context_.self, ".");
      case NodeKind::kQuestion: {
        DUDAO_TRY(const FormQuestion* question, found(node));
        if (question == context_.self) return of(node, *question, ".");
        return of(node, *question, question->code);
      }
      case NodeKind::kColumn: {
        if (!context_.columns)
          return refuse(Code::kFormReference, node, "'" + quotable(node.text) + "' without ${ } names nothing here");
        const auto cell = context_.columns->find(node.text);
        if (cell == context_.columns->end())
          return refuse(Code::kFormReference, node, "choices have no column '" + quotable(node.text) + "'");
        return Term{Kind::kLiteral, cell->second};
      }
      case NodeKind::kCall:
        return call(node);
      case NodeKind::kOperator:
        if (node.text == "neg") {
          DUDAO_TRY(const Term a, numeric(node.below[0]));
          return Term{Kind::kNumber, "-" + wrapped(a, kSign), kSign, a.absent, a.decimals};
        }
        if (node.text == "+" || node.text == "-") return sum(node);
        if (node.text == "*" || node.text == "div" || node.text == "mod") return product(node);
        return condition(node, Absent::kDefinite);
    }
    return mixed(node, "");
  }

 private:
  static Status arguments(const Node& node, size_t least, size_t most) {
    if (node.below.size() >= least && node.below.size() <= most) return {};
    return refuse(Code::kFormXPath, node, node.text + "() has " + std::to_string(node.below.size()) + " arguments");
  }

  Result<const FormQuestion*> found(const Node& node) const {
    auto question = context_.find(node.text);
    if (!question)
      return fail(question.error().code, "position " + std::to_string(node.position) + ": " + question.error().detail);
    return question;
  }

  static Result<Term> of(const Node& node, const FormQuestion& question, const string& text) {
    if (!question.type)
      return refuse(Code::kFormReference, node, "'" + quotable(question.code) + "' is not an item of the checklist");
    Term value{Kind::kText, text, kPrimary, text != ".", question.decimals, &question};
    switch (*question.type) {
      case ItemType::kSingle:
        value.kind = Kind::kOption;
        break;
      case ItemType::kMulti:
        value.kind = Kind::kOptions;
        break;
      case ItemType::kDate:
        value.kind = Kind::kDate;
        break;
      case ItemType::kText:
        break;
      default:
        value.kind = Kind::kNumber;
    }
    return value;
  }

  static Result<Term> number(const Node& node) {
    string digits = node.text;
    if (digits.find('.') != string::npos) {
      while (digits.back() == '0') digits.pop_back();
      if (digits.back() == '.') digits.pop_back();
    }
    const size_t point = digits.find('.');
    const size_t decimals = point == string::npos ? 0 : digits.size() - point - 1;
    if (decimals > kMaxDecimals || digits.size() > 15) return mixed(node, "the number has too many digits");
    return Term{Kind::kNumber, digits, kPrimary, false, static_cast<unsigned>(decimals)};
  }

  // --- Conditions.

  static Term negated(const Term& inner) {
    if (inner.text == "true" || inner.text == "false") return constant(inner.text == "false");
    return {Kind::kCondition, "not " + wrapped(inner, kNot), kNot, inner.absent};
  }

  Result<Term> joined(const Node& node, Absent absent) {
    const bool both = node.text == "and";
    DUDAO_TRY(const Term a, condition(node.below[0], absent));
    DUDAO_TRY(const Term b, condition(node.below[1], absent));
    // A choice_filter often comes down to a constant on one side.
    const string_view neutral = both ? "true" : "false";
    const string_view decisive = both ? "false" : "true";
    if (a.text == neutral || b.text == decisive) return b;
    if (b.text == neutral || a.text == decisive) return a;
    const Level level = both ? kAnd : kOr;
    return Term{Kind::kCondition, wrapped(a, level) + (both ? " and " : " or ") + wrapped(b, both ? kNot : kAnd), level,
                a.absent || b.absent};
  }

  static Term answered(const Term& value) {
    // Several choices are empty also where none was chosen.
    if (value.kind == Kind::kOptions) {
      const string more = "count_selected(" + value.text + ") > 0";
      if (!value.absent) return {Kind::kCondition, more, kCompare};
      return {Kind::kCondition, "coalesce(" + more + ", false)"};
    }
    return {Kind::kCondition, "answered(" + value.text + ")"};
  }

  Result<Term> comparison(const Node& node, Absent absent) {
    DUDAO_TRY(Term a, value(node.below[0]));
    DUDAO_TRY(Term b, value(node.below[1]));
    string op = node.text;
    if (a.kind == Kind::kLiteral && b.kind != Kind::kLiteral) {
      std::swap(a, b);
      op = op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : op == ">=" ? "<=" : op;
    }
    const bool ordered = op != "=" && op != "!=";
    const auto refused = [&] { return mixed(node, string(name(a.kind)) + " " + op + " " + string(name(b.kind))); };
    if (a.kind == Kind::kLiteral) {
      if (ordered) return refused();
      return constant((a.text == b.text) == (op == "="));
    }
    if (b.kind == Kind::kLiteral && b.text.empty()) {
      if (ordered || !a.question) return refused();
      const Term given = answered(a);
      return op == "=" ? negated(given) : given;
    }
    // XPath turns the names of choices into numbers where they are compared with one.
    if (a.kind == Kind::kNumber && b.kind == Kind::kOption) std::swap(a, b);
    if (a.kind == Kind::kOption && node.below[1].kind == NodeKind::kNumber && b.kind == Kind::kNumber)
      b.kind = Kind::kLiteral;
    if (b.kind == Kind::kLiteral) {
      DUDAO_TRY(const bool fits, take_kind(node, a, b));
      if (!fits) return constant(op == "!=");
    }
    const bool choices = a.kind == Kind::kOption || a.kind == Kind::kOptions || a.kind == Kind::kText;
    if (a.kind != b.kind || (ordered && (choices || a.kind == Kind::kCondition)) ||
        (a.kind == Kind::kOptions && b.question))
      return refused();
    const Term atom{Kind::kCondition, wrapped(a, kSum) + " " + op + " " + wrapped(b, kSum), kCompare,
                    a.absent || b.absent};
    // Two questions without an answer are equal: both are empty.
    if (!ordered && a.question && b.question && a.absent && b.absent) {
      const string either = "answered(" + a.text + ") or answered(" + b.text + ")";
      return settled(atom, op == "=" ? "not (" + either + ")" : either, absent);
    }
    return settled(atom, op == "!=" ? "true" : "false", absent);
  }

  /// Gives the quoted text `b` the kind of `a`. False where it can equal nothing, which only choice_filter may say.
  Result<bool> take_kind(const Node& node, const Term& a, Term& b) const {
    switch (a.kind) {
      case Kind::kOption:
      case Kind::kOptions: {
        const auto option = a.question->options->find(b.text);
        if (option == a.question->options->end()) {
          if (context_.columns) return false;
          return refuse(Code::kFormReference, node,
                        "'" + a.question->code + "' has no choice '" + quotable(b.text) + "'");
        }
        b.text = literal(option->second);
        break;
      }
      case Kind::kNumber: {
        const auto decimals = b.text.find('.') == string::npos ? size_t{0} : b.text.size() - b.text.find('.') - 1;
        if (decimals > kMaxDecimals || !parse_decimal(b.text, static_cast<unsigned>(decimals)))
          return mixed(node, "a number compared with '" + quotable(b.text) + "'");
        break;
      }
      case Kind::kDate:
        if (!parse_date(b.text)) return mixed(node, "a date compared with '" + quotable(b.text) + "'");
        b.text = "date(" + literal(b.text) + ")";
        break;
      case Kind::kText:
        b.text = literal(b.text);
        break;
      default:
        return mixed(node, string(name(a.kind)) + " compared with a text in quotes");
    }
    b.kind = a.kind;
    return true;
  }

  Result<Term> selected(const Node& node, Absent absent) {
    DUDAO_CHECK(arguments(node, 2, 2));
    DUDAO_TRY(const Term from, value(node.below[0]));
    DUDAO_TRY(const Term choice, value(node.below[1]));
    if (!from.question || (from.kind != Kind::kOption && from.kind != Kind::kOptions))
      return mixed(node, "selected() of " + string(name(from.kind)));
    if (choice.kind != Kind::kLiteral && node.below[1].kind != NodeKind::kNumber)
      return mixed(node, "selected() asks for the name of a choice, not " + string(name(choice.kind)));
    const auto option = from.question->options->find(choice.text);
    if (option == from.question->options->end()) {
      if (context_.columns) return constant(false);
      return refuse(Code::kFormReference, node,
                    "'" + from.question->code + "' has no choice '" + quotable(choice.text) + "'");
    }
    return settled(
        {Kind::kCondition, "selected(" + from.text + ", " + literal(option->second) + ")", kPrimary, from.absent},
        "false", absent);
  }

  Result<Term> looked_into(const Node& node, Absent absent) {
    DUDAO_CHECK(arguments(node, 2, 2));
    DUDAO_TRY(const Term text, value(node.below[0]));
    DUDAO_TRY(const Term part, value(node.below[1]));
    if (text.kind != Kind::kText || part.kind != Kind::kLiteral || part.text.empty())
      return mixed(node, node.text + "() asks for a text question and a text in quotes");
    newer_ = true;
    string function = node.text == "regex" ? "matches" : node.text;
    std::replace(function.begin(), function.end(), '-', '_');
    if (node.text == "regex") {
      if (const auto pattern = Pattern::parse(part.text); !pattern)
        return refuse(Code::kFormFunction, node, "regex(): " + pattern.error().detail);
    }
    return settled(
        {Kind::kCondition, function + "(" + text.text + ", " + literal(part.text) + ")", kPrimary, text.absent},
        "false", absent);
  }

  // --- Values.

  Result<Term> numeric(const Node& node) {
    DUDAO_TRY(Term value, this->value(node));
    if (value.kind != Kind::kNumber) return mixed(node, string(name(value.kind)) + " where a number is needed");
    return value;
  }

  Result<Term> sum(const Node& node) {
    DUDAO_TRY(const Term a, value(node.below[0]));
    DUDAO_TRY(const Term b, value(node.below[1]));
    const bool add = node.text == "+";
    Kind kind = Kind::kNumber;
    if (a.kind == Kind::kDate || b.kind == Kind::kDate) {
      const bool dates = a.kind == Kind::kDate && b.kind == Kind::kDate && !add;
      const bool later = a.kind == Kind::kDate && b.kind == Kind::kNumber && b.decimals == 0;
      if (!dates && !later) return mixed(node, string(name(a.kind)) + " " + node.text + " " + string(name(b.kind)));
      kind = dates ? Kind::kNumber : Kind::kDate;
    } else if (a.kind != Kind::kNumber || b.kind != Kind::kNumber) {
      return mixed(node, string(name(a.kind)) + " " + node.text + " " + string(name(b.kind)));
    }
    return Term{kind, wrapped(a, kSum) + " " + node.text + " " + wrapped(b, kProduct), kSum, a.absent || b.absent,
                std::max(a.decimals, b.decimals)};
  }

  Result<Term> product(const Node& node) {
    DUDAO_TRY(const Term a, numeric(node.below[0]));
    DUDAO_TRY(const Term b, numeric(node.below[1]));
    if (node.text == "div")
      return Term{Kind::kNumber, "ratio(" + a.text + ", " + b.text + ", " + std::to_string(kFormDecimals) + ")",
                  kPrimary, true, kFormDecimals};
    const bool times = node.text == "*";
    return Term{Kind::kNumber, wrapped(a, kProduct) + " " + node.text + " " + wrapped(b, kSign), kProduct,
                !times || a.absent || b.absent, times ? a.decimals + b.decimals : std::max(a.decimals, b.decimals)};
  }

  Term floored(const Term& a) {
    if (a.decimals == 0) return a;
    newer_ = true;
    return {Kind::kNumber, "floor(" + a.text + ")", kPrimary, a.absent};
  }

  Result<Term> call(const Node& node) {
    const string& function = node.text;
    for (const auto& [known, reason] : kWithoutCounterpart)
      if (function == known) return refuse(Code::kFormFunction, node, function + "(): " + string(reason));
    if (function == "number" || function == "string" || function == "date") {
      DUDAO_CHECK(arguments(node, 1, 1));
      DUDAO_TRY(const Term a, value(node.below[0]));
      if (a.kind == Kind::kLiteral) {
        if (function == "string") return a;
        Term typed = a;
        const Term like{function == "date" ? Kind::kDate : Kind::kNumber, ""};
        DUDAO_CHECK(take_kind(node, like, typed));
        if (typed.kind == Kind::kNumber) return number({NodeKind::kNumber, a.text, {}, node.position});
        return typed;
      }
      const bool fits = function == "number" ? a.kind == Kind::kNumber
                        : function == "date" ? a.kind == Kind::kDate
                                             : a.kind == Kind::kText || a.kind == Kind::kOption;
      if (!fits) return mixed(node, function + "() of " + string(name(a.kind)));
      return a;
    }
    if (function == "int") {
      DUDAO_CHECK(arguments(node, 1, 1));
      // The whole quotient is just what our div gives.
      const Node& inner = node.below[0];
      if (inner.kind == NodeKind::kOperator && inner.text == "div") {
        DUDAO_TRY(const Term a, numeric(inner.below[0]));
        DUDAO_TRY(const Term b, numeric(inner.below[1]));
        return Term{Kind::kNumber, wrapped(a, kProduct) + " div " + wrapped(b, kSign), kProduct, true};
      }
      DUDAO_TRY(const Term a, numeric(inner));
      if (a.decimals == 0) return a;
      return Term{Kind::kNumber, wrapped(a, kProduct) + " div 1", kProduct, a.absent};
    }
    if (function == "floor" || function == "ceiling") {
      DUDAO_CHECK(arguments(node, 1, 1));
      DUDAO_TRY(const Term a, numeric(node.below[0]));
      if (function == "floor" || a.decimals == 0) return floored(a);
      newer_ = true;
      return Term{Kind::kNumber, "-floor(-" + wrapped(a, kSign) + ")", kSign, a.absent};
    }
    if (function == "round") {
      DUDAO_CHECK(arguments(node, 1, 2));
      DUDAO_TRY(const Term a, numeric(node.below[0]));
      if (node.below.size() == 1) {
        if (a.decimals == 0) return a;
        return floored({Kind::kNumber, wrapped(a, kSum) + " + 0.5", kSum, a.absent, a.decimals});
      }
      const string& places = node.below[1].text;
      if (node.below[1].kind != NodeKind::kNumber || places.size() != 1 || places[0] > '6')
        return mixed(node, "round() asks for 0 to 6 decimals");
      return Term{Kind::kNumber, "ratio(" + a.text + ", 1, " + places + ")", kPrimary, a.absent,
                  static_cast<unsigned>(places[0] - '0')};
    }
    if (function == "abs") {
      DUDAO_CHECK(arguments(node, 1, 1));
      DUDAO_TRY(const Term a, numeric(node.below[0]));
      newer_ = true;
      return Term{Kind::kNumber, "abs(" + a.text + ")", kPrimary, a.absent, a.decimals};
    }
    if (function == "min" || function == "max") {
      DUDAO_CHECK(arguments(node, 2, 20));
      Term out{Kind::kNumber, function + "("};
      for (const Node& argument : node.below) {
        DUDAO_TRY(const Term a, numeric(argument));
        out.text += (&argument == &node.below.front() ? "" : ", ") + a.text;
        out.absent = out.absent || a.absent;
        out.decimals = std::max(out.decimals, a.decimals);
      }
      out.text += ")";
      newer_ = true;
      return out;
    }
    if (function == "count-selected") {
      DUDAO_CHECK(arguments(node, 1, 1));
      DUDAO_TRY(const Term a, value(node.below[0]));
      if (a.kind != Kind::kOptions) return mixed(node, "count-selected() of " + string(name(a.kind)));
      const string count = "count_selected(" + a.text + ")";
      return Term{Kind::kNumber, a.absent ? "coalesce(" + count + ", 0)" : count};
    }
    if (function == "string-length") {
      DUDAO_CHECK(arguments(node, 1, 1));
      DUDAO_TRY(const Term a, value(node.below[0]));
      if (a.kind != Kind::kText) return mixed(node, "string-length() of " + string(name(a.kind)));
      newer_ = true;
      const string length = "length(" + a.text + ")";
      return Term{Kind::kNumber, a.absent ? "coalesce(" + length + ", 0)" : length};
    }
    if (function == "if" || function == "coalesce") return choice(node);
    static const std::set<string_view> kConditions = {"true",     "false",       "not",       "boolean", "selected",
                                                      "contains", "starts-with", "ends-with", "regex"};
    if (kConditions.contains(function)) return condition(node, Absent::kDefinite);
    return refuse(Code::kFormFunction, node, quotable(function) + "()");
  }

  Result<Term> choice(const Node& node) {
    const bool asks = node.text == "if";
    DUDAO_CHECK(arguments(node, asks ? 3 : 2, asks ? 3 : 2));
    string text = "coalesce(";
    if (asks) {
      DUDAO_TRY(const Term asked, condition(node.below[0], Absent::kDefinite));
      text = "if(" + asked.text + ", ";
    }
    DUDAO_TRY(const Term a, value(node.below[asks ? 1 : 0]));
    DUDAO_TRY(const Term b, value(node.below[asks ? 2 : 1]));
    if (a.kind != b.kind || (a.kind != Kind::kNumber && a.kind != Kind::kDate && a.kind != Kind::kCondition))
      return mixed(node, node.text + "() between " + string(name(a.kind)) + " and " + string(name(b.kind)));
    return Term{a.kind, text + a.text + ", " + b.text + ")", kPrimary,
                asks ? a.absent || b.absent : a.absent && b.absent, std::max(a.decimals, b.decimals)};
  }

  const FormContext& context_;
  bool newer_ = false;
};

}  // namespace

Result<FormNumber> form_condition(const XPath& xpath, const FormContext& context, Absent absent) {
  Translator translator(context);
  DUDAO_TRY(const Term value, translator.condition(xpath.root, absent));
  return FormNumber{value.text, 0, translator.newer()};
}

Result<FormNumber> form_number(const XPath& xpath, const FormContext& context) {
  Translator translator(context);
  DUDAO_TRY(const Term value, translator.value(xpath.root));
  if (value.kind != Kind::kNumber)
    return mixed(xpath.root, "a calculation gives a number here, not " + string(name(value.kind)));
  if (value.decimals <= kMaxDecimals) return FormNumber{value.text, value.decimals, translator.newer()};
  return FormNumber{"ratio(" + value.text + ", 1, " + std::to_string(kFormDecimals) + ")", kFormDecimals,
                    translator.newer()};
}

}  // namespace dudao
