#pragma once

/// Visits of the shape that inspectors make: 40 answers, every fifth with a remark, three findings, a note. Made from a
/// seed, or read from a file in the form V, R and F lines separated by tabs, so that others can be given the very same.

#include <cstdint>
#include <string>
#include <vector>

namespace dudao::test {

struct MadeAnswer {
  std::string item;
  std::string value;  ///< "87" or "B"
  std::string note;   ///< empty for none
};
struct MadeFinding {
  std::string item, severity, text;
};
struct MadeVisit {
  std::int64_t lat_e7 = 0, lon_e7 = 0;
  std::string note;
  std::vector<MadeAnswer> answers;
  std::vector<MadeFinding> findings;
};

std::vector<MadeVisit> make_workload(std::size_t visits, std::uint64_t seed);
/// Nothing if the file cannot be read.
std::vector<MadeVisit> read_workload(const std::string& path, std::size_t most);
/// The checklist that these visits answer, as JSON.
std::string workload_checklist(const std::vector<MadeVisit>& visits);

}  // namespace dudao::test
