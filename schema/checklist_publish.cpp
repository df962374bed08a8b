#include "schema/checklist.hpp"
#include "schema/checklist_impl.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace dudao {

/// An expression as a tree, which the search below walks from its root.
class ExpressionTree {
 public:
  using Op = Expression::Op;
  using Step = Expression::Step;
  struct Node {
    const Step* step = nullptr;
    std::vector<std::unique_ptr<Node>> below;
  };

  explicit ExpressionTree(const Expression& expression) {
    std::vector<std::unique_ptr<Node>> stack;
    for (const Expression::Step& step : expression.steps_) {
      auto node = std::make_unique<Node>();
      node->step = &step;
      const std::size_t count = operands(step);
      for (std::size_t i = stack.size() - count; i < stack.size(); ++i) node->below.push_back(std::move(stack[i]));
      stack.resize(stack.size() - count);
      stack.push_back(std::move(node));
    }
    root_ = std::move(stack.back());
  }
  const Node& root() const { return *root_; }

 private:
  static std::size_t operands(const Expression::Step& step) {
    switch (step.op) {
      case Op::kNumber:
      case Op::kText:
      case Op::kTrue:
      case Op::kFalse:
      case Op::kDate:
      case Op::kItem:
      case Op::kTotal:
      case Op::kAnswered:
      case Op::kSelected:
      case Op::kCountSelected:
        return 0;
      case Op::kNegate:
      case Op::kNot:
      case Op::kFloor:
      case Op::kAbs:
      case Op::kLength:
      case Op::kContains:
      case Op::kStartsWith:
      case Op::kEndsWith:
      case Op::kMatches:
        return 1;
      case Op::kIf:
        return 3;
      case Op::kIn:
        return static_cast<std::size_t>(step.number) + 1;
      default:
        return 2;
    }
  }

  std::unique_ptr<Node> root_;
};

namespace {

using std::int64_t;
using std::size_t;
using std::string;

/// How many steps a search may take before it gives up and lets the item pass.
constexpr size_t kMostSteps = 20'000;

/// Looks for answers with which an item is asked. It never calls an item unreachable that is not: whatever it does not
/// understand counts as possible. What it understands are conditions on single items (options, yes/no, numbers against
/// literals), joined by and, or, not; and that a value which is asked for must itself be asked.
class Search {
 public:
  explicit Search(const Checklist::Impl& list) : list_(list) {
    for (const auto& condition : list.section_visible_if) sections_.push_back(tree(condition));
    for (const ItemRules& rules : list.rules) items_.push_back(tree(rules.visible_if));
  }

  bool reachable(size_t item) {
    steps_ = 0;
    goals_.clear();
    known_.clear();
    shown_.clear();
    show(item);
    return next(0);
  }

 private:
  using Node = ExpressionTree::Node;
  using Op = ExpressionTree::Op;

  /// A condition that must be true or must be false.
  struct Goal {
    const Node* node;
    bool wanted;
  };
  /// What is known of an item's value. Copied at every choice, so that going back is forgetting.
  struct Known {
    int64_t least = 0;
    int64_t most = 0;
    std::set<string> with;     ///< Options that must be chosen.
    std::set<string> without;  ///< Options that must not be.
  };

  static std::unique_ptr<ExpressionTree> tree(const std::optional<Expression>& expression) {
    return expression ? std::make_unique<ExpressionTree>(*expression) : nullptr;
  }

  /// Adds what must hold for the item to be asked, once.
  void show(size_t item) {
    if (!shown_.insert(item).second) return;
    if (items_[item]) goals_.push_back({&items_[item]->root(), true});
    for (std::optional<size_t> at = list_.items[item].section; at; at = list_.sections[*at].parent)
      if (sections_[*at]) goals_.push_back({&sections_[*at]->root(), true});
  }

  /// Everything that is asked of the items so far, to return to when a choice fails.
  struct Mark {
    std::vector<Goal> goals;
    std::map<size_t, Known> known;
    std::set<size_t> shown;
  };
  Mark mark() const { return {goals_, known_, shown_}; }
  void back(const Mark& to) {
    goals_ = to.goals;
    known_ = to.known;
    shown_ = to.shown;
  }

  bool next(size_t at) {
    if (at == goals_.size()) return true;
    if (++steps_ > kMostSteps) return true;
    const Goal goal = goals_[at];
    const Node& node = *goal.node;
    const Op op = node.step->op;
    if (op == Op::kNot) {
      goals_.push_back({node.below[0].get(), !goal.wanted});
      return next(at + 1);
    }
    if (op == Op::kAnd || op == Op::kOr) {
      if ((op == Op::kAnd) == goal.wanted) {
        for (const auto& side : node.below) goals_.push_back({side.get(), goal.wanted});
        return next(at + 1);
      }
      const Mark before = mark();
      for (const auto& side : node.below) {
        goals_.push_back({side.get(), goal.wanted});
        if (next(at + 1)) return true;
        back(before);
      }
      return false;
    }
    return possible(node, goal.wanted) && next(at + 1);
  }

  Known& of(size_t item) {
    const Item& asked = list_.items[item];
    const bool yes_no = asked.type == ItemType::kYesNo;
    return known_.try_emplace(item, Known{yes_no ? 0 : asked.min, yes_no ? 1 : asked.max, {}, {}}).first->second;
  }

  /// Can the item still have a value within these?
  bool within(size_t item, int64_t least, int64_t most) {
    show(item);
    Known& known = of(item);
    known.least = std::max(known.least, least);
    known.most = std::min(known.most, most);
    return known.least <= known.most;
  }

  bool chosen(size_t item, const string& option, bool wanted) {
    show(item);
    Known& known = of(item);
    (wanted ? known.with : known.without).insert(option);
    if (known.with.contains(option) && known.without.contains(option)) return false;
    const Item& asked = list_.items[item];
    if (asked.type != ItemType::kSingle) return true;
    return known.with.size() <= 1 && known.without.size() < asked.options.size();
  }

  /// One condition without and, or, not; narrows what is known.
  bool possible(const Node& node, bool wanted) {
    const ExpressionTree::Step& step = *node.step;
    switch (step.op) {
      case Op::kTrue:
        return wanted;
      case Op::kFalse:
        return !wanted;
      case Op::kAnswered:
        if (wanted) show(step.item);
        return true;
      case Op::kItem:  // A yes_no item by itself.
        return within(step.item, wanted ? 1 : 0, wanted ? 1 : 0);
      case Op::kSelected:
        return chosen(step.item, step.text, wanted);
      case Op::kEqual:
      case Op::kNotEqual:
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual:
        return compared(node, wanted);
      default:
        return true;  // Not understood, hence possible.
    }
  }

  /// An item with a literal, in this order or the other.
  bool compared(const Node& node, bool wanted) {
    const ExpressionTree::Step* left = node.below[0]->step;
    const ExpressionTree::Step* right = node.below[1]->step;
    Op op = node.step->op;
    int64_t scale = node.step->scale_a;
    int64_t other = node.step->scale_b;
    if (right->op == Op::kItem && left->op != Op::kItem) {
      std::swap(left, right);
      std::swap(scale, other);
      op = turned(op);
    }
    if (left->op != Op::kItem) return true;
    if (!wanted) op = opposite(op);
    if (right->op == Op::kText) {
      const Item& asked = list_.items[left->item];
      if (asked.type == ItemType::kSingle) return chosen(left->item, right->text, op == Op::kEqual);
      show(left->item);
      return true;
    }
    if (right->op == Op::kTrue || right->op == Op::kFalse) {
      const int64_t value = (right->op == Op::kTrue) == (op == Op::kEqual) ? 1 : 0;
      return within(left->item, value, value);
    }
    if (right->op != Op::kNumber && right->op != Op::kDate) {
      show(left->item);
      if (right->op == Op::kItem) show(right->item);
      return true;
    }
    // item * scale against literal * other; the item's bounds are whole.
    const int64_t literal = right->number * other;
    const int64_t down = literal / scale - (literal % scale < 0 ? 1 : 0);
    const bool exact = literal % scale == 0;
    const int64_t least = of(left->item).least;
    const int64_t most = of(left->item).most;
    switch (op) {
      case Op::kEqual:
        return exact && within(left->item, down, down);
      case Op::kLess:
        return within(left->item, least, exact ? down - 1 : down);
      case Op::kLessEqual:
        return within(left->item, least, down);
      case Op::kGreater:
        return within(left->item, down + 1, most);
      case Op::kGreaterEqual:
        return within(left->item, exact ? down : down + 1, most);
      default:
        show(left->item);
        return !(exact && least == most && least == down);
    }
  }

  static Op turned(Op op) {
    switch (op) {
      case Op::kLess:
        return Op::kGreater;
      case Op::kLessEqual:
        return Op::kGreaterEqual;
      case Op::kGreater:
        return Op::kLess;
      case Op::kGreaterEqual:
        return Op::kLessEqual;
      default:
        return op;
    }
  }
  static Op opposite(Op op) {
    switch (op) {
      case Op::kEqual:
        return Op::kNotEqual;
      case Op::kNotEqual:
        return Op::kEqual;
      case Op::kLess:
        return Op::kGreaterEqual;
      case Op::kLessEqual:
        return Op::kGreater;
      case Op::kGreater:
        return Op::kLessEqual;
      default:
        return Op::kLess;
    }
  }

  const Checklist::Impl& list_;
  std::vector<std::unique_ptr<ExpressionTree>> sections_;  ///< By section; null without a condition.
  std::vector<std::unique_ptr<ExpressionTree>> items_;
  std::vector<Goal> goals_;
  std::map<size_t, Known> known_;
  std::set<size_t> shown_;
  size_t steps_ = 0;
};

/// The most points that an answer can give, or the least that it can lose; hundredths, no more than `max`.
bool gives_full_marks(const Item& item) {
  const auto value = [](const Option& option) { return option.value; };
  std::vector<int64_t> values;
  std::transform(item.options.begin(), item.options.end(), std::back_inserter(values), value);
  const int64_t scale = [&] {
    int64_t power = 1;
    for (unsigned i = 0; i < item.decimals; ++i) power *= 10;
    return power;
  }();
  if (item.scoring.mode == ScoringMode::kPoints) {
    if (item.type == ItemType::kCountOf) return true;
    if (item.type == ItemType::kSingle) return *std::max_element(values.begin(), values.end()) >= item.scoring.max;
    if (item.type == ItemType::kMulti) {
      int64_t sum = 0;
      for (const int64_t each : values) sum += each;
      return sum >= item.scoring.max;
    }
    // Within 10^15, so that hundredths fit.
    return item.max * 100 / scale >= item.scoring.max;
  }
  if (item.scoring.mode == ScoringMode::kDeduction) {
    if (item.type == ItemType::kSingle) return *std::min_element(values.begin(), values.end()) == 0;
    if (item.type == ItemType::kInteger || item.type == ItemType::kDecimal) return item.min <= 0;
  }
  return true;
}

}  // namespace

Status Checklist::check_publishable() const {
  Search search(*impl_);
  for (size_t i = 0; i < impl_->items.size(); ++i)
    if (!search.reachable(i)) return fail(Code::kChecklistUnreachable, impl_->items[i].code);
  for (const Item& item : impl_->items)
    if (!gives_full_marks(item)) return fail(Code::kChecklistFullMarks, item.code);
  return {};
}

}  // namespace dudao
