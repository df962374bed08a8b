#pragma once

/// What was measured, each figure beside its baseline: as a table, as JSON and as a picture.

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace dudao::test {

struct Figure {
  std::string name;
  std::string unit;
  double ours = 0;
  std::string baseline_is;  ///< empty: none
  double baseline = 0;
  /// What is to be reached: of `ours` in its unit, or of the ratio to the baseline.
  struct Goal {
    double value = 0;
    bool of_ratio = false;
  };
  std::optional<Goal> goal;
  bool more_is_better = false;
  std::string not_measured;  ///< why, where there is no figure

  double ratio() const { return ours / baseline; }
  /// Nothing where there is no goal.
  std::optional<bool> reached() const;
};

class Figures {
 public:
  void add(Figure figure) { all_.push_back(std::move(figure)); }
  void print(std::ostream& out) const;
  void write_json(const std::string& path) const;
  /// SVG: two bars a figure, a stroke where the goal is; words where nothing was measured.
  void write_picture(const std::string& path) const;

 private:
  std::vector<Figure> all_;
};

}  // namespace dudao::test
