#include "schema/xpath.hpp"

#include "schema/checklist_impl.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dudao {
namespace {

using std::size_t;
using std::string;
using std::string_view;

enum class Token : std::uint8_t { kEnd, kNumber, kText, kName, kQuestion, kSymbol };

struct Lexeme {
  Token token{};
  string text;
  size_t position = 1;
};

tl::unexpected<Error> wrong(size_t position, string_view what) {
  return fail(Code::kFormXPath, "position " + std::to_string(position) + ": " + string(what));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// Bytes of other alphabets count as letters, as they do in XML names.
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool in_name(char c) { return begins_name(c) || is_digit(c) || c == '-' || c == '.' || c == ':'; }

class XPathReader {
 public:
  explicit XPathReader(string_view text) : text_(text) {}

  Result<XPath> run() {
    if (text_.size() > kMaxXPathBytes) return wrong(1, "longer than " + std::to_string(kMaxXPathBytes) + " bytes");
    DUDAO_CHECK(advance());
    XPath read;
    DUDAO_TRY(read.root, level(0));
    if (now_.token != Token::kEnd) return unexpected("an operator or the end");
    read.mended = std::move(mended_);
    return read;
  }

 private:
  void mend(const char* what) {
    if (std::find(mended_.begin(), mended_.end(), what) == mended_.end()) mended_.emplace_back(what);
  }

  bool take(string_view bytes) {
    if (!text_.substr(place_).starts_with(bytes)) return false;
    place_ += bytes.size();
    return true;
  }

  void skip_blanks() {
    while (take(" ") || take("\t") || take("\n") || take("\r") || take("\xC2\xA0") || take("\xE3\x80\x80") ||
           take("\xEF\xBB\xBF") || take("\xE2\x80\x8B")) {
    }
  }

  Status advance() {
    skip_blanks();
    now_ = {Token::kEnd, "", place_ + 1};
    if (place_ == text_.size()) return {};
    const char c = text_[place_];
    if (is_digit(c) || (c == '.' && place_ + 1 < text_.size() && is_digit(text_[place_ + 1]))) return number();
    if (c == '$') return question();
    if (c == '\'' || c == '"') return quoted(string(1, c));
    for (const string_view open : {"\xE2\x80\x98", "\xE2\x80\x99", "\xE2\x80\x9C", "\xE2\x80\x9D"}) {
      if (!text_.substr(place_).starts_with(open)) continue;
      mend("typographic quotes");
      return quoted_typographic(open.back() < '\x9C' ? '\x99' : '\x9D');
    }
    if (begins_name(c)) {
      const size_t start = place_;
      while (place_ < text_.size() && in_name(text_[place_]) && !text_.substr(place_).starts_with("\xC2\xA0")) ++place_;
      now_.token = Token::kName;
      now_.text = string(text_.substr(start, place_ - start));
      return {};
    }
    now_.token = Token::kSymbol;
    for (const string_view symbol : {"!", "<", ">"}) {
      if (!take(symbol)) continue;
      const size_t after = place_;
      skip_blanks();
      const bool equals = take("=");
      if (equals && place_ > after + 1) mend("a blank within an operator");
      if (!equals) place_ = after;
      if (!equals && symbol == "!") return wrong(now_.position, "'!' without '='");
      now_.text = string(symbol) + (equals ? "=" : "");
      return {};
    }
    for (const string_view symbol : {"..", "=", "(", ")", ",", "+", "-", "*", ".", "/"})
      if (take(symbol)) {
        now_.text = string(symbol);
        return {};
      }
    return wrong(now_.position, "this character has no meaning here");
  }

  Status number() {
    const size_t start = place_;
    while (place_ < text_.size() && is_digit(text_[place_])) ++place_;
    if (place_ + 1 < text_.size() && text_[place_] == '.' && is_digit(text_[place_ + 1])) {
      ++place_;
      while (place_ < text_.size() && is_digit(text_[place_])) ++place_;
    }
    now_.token = Token::kNumber;
    now_.text = string(text_.substr(start, place_ - start));
    if (now_.text.front() == '.') now_.text.insert(0, "0");
    return {};
  }

  Status question() {
    ++place_;
    const size_t after = place_;
    skip_blanks();
    if (place_ > after) mend("a blank between $ and {");
    if (!take("{")) return wrong(now_.position, "'$' without '{name}'");
    const size_t end = text_.find('}', place_);
    if (end == string_view::npos) return wrong(now_.position, "the closing '}' is missing");
    string_view name = text_.substr(place_, end - place_);
    for (const string_view blank : {" ", "\t", "\n", "\r", "\xC2\xA0"}) {
      while (name.starts_with(blank)) name.remove_prefix(blank.size());
      while (name.ends_with(blank)) name.remove_suffix(blank.size());
    }
    if (name.starts_with("last-saved#")) return wrong(now_.position, "answers of the form before have no counterpart");
    if (name.empty()) return wrong(now_.position, "a name is missing between '{' and '}'");
    now_.token = Token::kQuestion;
    now_.text = string(name);
    place_ = end + 1;
    return {};
  }

  Status quoted(const string& quote) {
    place_ += quote.size();
    const size_t end = text_.find(quote, place_);
    if (end == string_view::npos) return wrong(now_.position, "the closing quote is missing");
    now_.token = Token::kText;
    now_.text = string(text_.substr(place_, end - place_));
    place_ = end + quote.size();
    return {};
  }

  /// Opening and closing ones are mixed up often enough: either ends what either began.
  Status quoted_typographic(char closing) {
    place_ += 3;
    for (size_t at = place_; at + 3 <= text_.size(); ++at) {
      const string_view here = text_.substr(at, 3);
      if (!here.starts_with("\xE2\x80") || (here[2] != closing && here[2] != closing - 1)) continue;
      now_.token = Token::kText;
      now_.text = string(text_.substr(place_, at - place_));
      place_ = at + 3;
      return {};
    }
    return wrong(now_.position, "the closing quote is missing");
  }

  tl::unexpected<Error> unexpected(string_view wanted) const {
    const string found = now_.token == Token::kEnd ? "the end" : "'" + quotable(now_.text) + "'";
    return wrong(now_.position, "expected " + string(wanted) + ", found " + found);
  }
  bool is_symbol(string_view symbol) const { return now_.token == Token::kSymbol && now_.text == symbol; }

  /// The operators of each level, loosest first.
  bool is_operator(size_t at) const {
    static const std::array<std::vector<string_view>, 6> kLevels = {
        {{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"}}};
    const bool word = at < 2 || (at == 5 && now_.token == Token::kName);
    if (now_.token != (word ? Token::kName : Token::kSymbol)) return false;
    return std::find(kLevels[at].begin(), kLevels[at].end(), now_.text) != kLevels[at].end();
  }

  Result<XPathNode> level(size_t at) {
    if (at == 6) return sign();
    DUDAO_TRY(XPathNode left, level(at + 1));
    while (is_operator(at)) {
      XPathNode joined{XPathNode::Kind::kOperator, now_.text, {}, now_.position};
      DUDAO_CHECK(advance());
      joined.below.push_back(std::move(left));
      if (now_.token == Token::kEnd && (at == 2 || at == 3)) {
        mend("the comparison breaks off; read as 0");
        joined.below.push_back({XPathNode::Kind::kNumber, "0", {}, now_.position});
      } else {
        DUDAO_TRY(XPathNode right, level(at + 1));
        joined.below.push_back(std::move(right));
      }
      left = std::move(joined);
    }
    return left;
  }

  Result<XPathNode> sign() {
    if (!is_symbol("-")) return primary();
    XPathNode node{XPathNode::Kind::kOperator, "neg", {}, now_.position};
    DUDAO_CHECK(advance());
    DUDAO_CHECK(deeper());
    DUDAO_TRY(XPathNode inner, sign());
    --depth_;
    node.below.push_back(std::move(inner));
    return node;
  }

  Status deeper() {
    if (++depth_ > kMaxXPathDepth) return wrong(now_.position, "nested too deeply");
    return {};
  }

  Result<XPathNode> inner() {
    DUDAO_CHECK(deeper());
    DUDAO_TRY(XPathNode node, level(0));
    --depth_;
    return node;
  }

  Result<XPathNode> primary() {
    XPathNode node{XPathNode::Kind::kNumber, now_.text, {}, now_.position};
    switch (now_.token) {
      case Token::kText:
        node.kind = XPathNode::Kind::kText;
        break;
      case Token::kNumber:
        break;
      case Token::kQuestion:
        node.kind = XPathNode::Kind::kQuestion;
        break;
      case Token::kName:
        return name();
      case Token::kSymbol:
        if (is_symbol("(")) {
          DUDAO_CHECK(advance());
          DUDAO_TRY(XPathNode within, inner());
          if (!is_symbol(")")) return unexpected("')'");
          DUDAO_CHECK(advance());
          return within;
        }
        if (is_symbol(".") || is_symbol("..") || is_symbol("/")) return path();
        return unexpected("a value");
      case Token::kEnd:
        return unexpected("a value");
    }
    DUDAO_CHECK(advance());
    return node;
  }

  Result<XPathNode> name() {
    XPathNode node{XPathNode::Kind::kColumn, now_.text, {}, now_.position};
    DUDAO_CHECK(advance());
    if (!is_symbol("(")) return node;
    node.kind = XPathNode::Kind::kCall;
    DUDAO_CHECK(advance());
    while (!is_symbol(")")) {
      DUDAO_TRY(XPathNode argument, inner());
      node.below.push_back(std::move(argument));
      if (is_symbol(",")) {
        DUDAO_CHECK(advance());
        if (is_symbol(")")) return unexpected("a value");
      } else if (!is_symbol(")")) {
        return unexpected("',' or ')'");
      }
    }
    DUDAO_CHECK(advance());
    // current()/../name is a question of the form, seen from its choices.
    if (node.text == "current" && node.below.empty()) {
      if (is_symbol("/")) return path();
      node.kind = XPathNode::Kind::kSelf;
    }
    return node;
  }

  /// ".", or steps of which the last one is a question's name.
  Result<XPathNode> path() {
    XPathNode node{XPathNode::Kind::kSelf, "", {}, now_.position};
    string last;
    bool alone = true;
    bool expects_step = !is_symbol("/");
    if (!expects_step) {
      alone = false;
      DUDAO_CHECK(advance());
      expects_step = true;
    }
    while (expects_step) {
      if (now_.token == Token::kName) {
        last = now_.text;
        alone = false;
      } else if (is_symbol("..")) {
        last.clear();
        alone = false;
      } else if (!is_symbol(".")) {
        return unexpected("a step of a path");
      }
      DUDAO_CHECK(advance());
      expects_step = is_symbol("/");
      if (expects_step) DUDAO_CHECK(advance());
    }
    if (alone) return node;
    if (last.empty()) return wrong(node.position, "the path names no question");
    node.kind = XPathNode::Kind::kQuestion;
    node.text = last;
    return node;
  }

  string_view text_;
  size_t place_ = 0;
  Lexeme now_;
  size_t depth_ = 0;
  std::vector<string> mended_;
};

}  // namespace

Result<XPath> parse_xpath(string_view text) { return XPathReader(text).run(); }

}  // namespace dudao
