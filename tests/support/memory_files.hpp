#pragma once

#include "platform/platform.hpp"

#include <map>
#include <mutex>
#include <set>

namespace dudao::test {

/// Files in memory that behave as Files promises, folders included ("/" and "." exist), and fail when told to.
/// Thread-safe.
class MemoryFiles final : public Files {
 public:
  Result<Bytes> read(const std::string& path, std::size_t max_bytes) override;
  Status write(const std::string& path, BytesView content, bool owner_only = false) override;
  Status move(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  bool exists(const std::string& path) override;
  Status make_folder(const std::string& path) override;

  enum class Operation : std::uint8_t { kRead, kWrite, kRemove, kMakeFolder };
  /// After `passing` further operations of this kind the next `times` of them fail with the code and change nothing.
  void fail_next(Operation operation, Code code, int passing = 0, int times = 1);
  /// All files together may take so many bytes; what would need more fails with kDiskFull.
  void set_space(std::size_t bytes);
  /// While read-only every change fails with kFileReadOnly.
  void set_read_only(bool read_only);
  /// Changes one bit of a file that must exist and be longer than at_byte.
  void flip_bit(const std::string& path, std::size_t at_byte);
  bool is_owner_only(const std::string& path);
  std::size_t file_count();

 private:
  struct File {
    Bytes content;
    bool owner_only = false;
  };
  struct Fault {
    Code code;
    int passing;
    int times;
  };
  Status fault(Operation operation, const std::string& path);

  std::mutex mutex_;
  std::map<std::string, File> files_;
  std::set<std::string> folders_{"", "/", "."};
  std::map<Operation, Fault> faults_;
  std::size_t space_bytes_ = SIZE_MAX;
  bool read_only_ = false;
};

}  // namespace dudao::test
