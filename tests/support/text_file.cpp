#include "tests/support/text_file.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dudao::test {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) throw std::runtime_error("cannot read " + path.string());
  return text.str();
}

}  // namespace dudao::test
