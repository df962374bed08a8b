#pragma once

#include <filesystem>
#include <string>

namespace dudao::test {

/// All of a file, byte by byte. Throws std::runtime_error with its name when it cannot be read.
std::string read_text(const std::filesystem::path& path);

}  // namespace dudao::test
