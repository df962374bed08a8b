#pragma once

#include "platform/platform.hpp"

namespace dudao {

/// Files of a POSIX system. Paths are UTF-8; relative ones start at the working folder. Thread-safe and without state:
/// two writers of one path leave the content of one of them, whole.
///
/// write() puts ".<name>.<random>.tmp" beside the file; only a loss of power in the middle leaves it behind, and
/// nothing reads it. A symbolic link at the path is replaced, not followed. Should syncing the folder fail after the
/// rename, kFileWrite is returned although the new content stands already: it may then not survive loss of power.
class DesktopFiles final : public Files {
 public:
  Result<Bytes> read(const std::string& path, std::size_t max_bytes) override;
  Status write(const std::string& path, BytesView content, bool owner_only = false) override;
  Status move(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  bool exists(const std::string& path) override;
  Status make_folder(const std::string& path) override;

  /// As write() with owner_only, but never over another file: false if the path was taken, whoever came first.
  Result<bool> create(const std::string& path, BytesView content);
};

}  // namespace dudao
