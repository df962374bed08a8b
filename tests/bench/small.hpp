#pragma once

namespace dudao::test {

/// Prints what the small steps take, beside SQLite's where it has the like. brief: a tenth of the time.
void measure_small(bool brief);

}  // namespace dudao::test
