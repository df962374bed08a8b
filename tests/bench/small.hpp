#pragma once

#include "tests/bench/figures.hpp"

namespace dudao::test {

/// What the small steps take, each as the median of some rounds, beside SQLite's where it has the like. brief: a tenth
/// of the time.
void measure_small(Figures& figures, int rounds, bool brief);

}  // namespace dudao::test
