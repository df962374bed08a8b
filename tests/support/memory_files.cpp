#include "tests/support/memory_files.hpp"

#include <filesystem>

namespace dudao::test {
namespace {

std::string clean(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

std::string parent(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

}  // namespace

Status MemoryFiles::fault(Operation operation, const std::string& path) {
  if (read_only_ && operation != Operation::kRead) return fail(Code::kFileReadOnly, path);
  const auto found = faults_.find(operation);
  if (found == faults_.end()) return {};
  Fault& planned = found->second;
  if (planned.passing > 0) {
    --planned.passing;
    return {};
  }
  const Code code = planned.code;
  if (--planned.times <= 0) faults_.erase(found);
  return fail(code, path);
}

Result<Bytes> MemoryFiles::read(const std::string& path, std::size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  DUDAO_CHECK(fault(Operation::kRead, path));
  const std::string name = clean(path);
  if (folders_.contains(name)) return fail(Code::kFileRead, path);
  const auto found = files_.find(name);
  if (found == files_.end()) return fail(Code::kFileMissing, path);
  if (found->second.content.size() > max_bytes) return fail(Code::kFileTooLarge, path);
  return found->second.content;
}

Status MemoryFiles::write(const std::string& path, BytesView content, bool owner_only) {
  const std::lock_guard lock(mutex_);
  DUDAO_CHECK(fault(Operation::kWrite, path));
  const std::string name = clean(path);
  if (folders_.contains(name) || !folders_.contains(parent(name))) return fail(Code::kFileWrite, path);
  // The old content stays until the new one is complete, so both need space for a moment.
  std::size_t used = content.size();
  for (const auto& [other, file] : files_) used += file.content.size();
  if (used > space_bytes_) return fail(Code::kDiskFull, path);
  files_[name] = File{to_bytes(content), owner_only};
  return {};
}

Status MemoryFiles::move(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  DUDAO_CHECK(fault(Operation::kWrite, to));
  const auto found = files_.find(clean(from));
  if (found == files_.end()) return fail(Code::kFileMissing, from);
  auto file = files_.extract(found);
  file.key() = clean(to);
  files_.erase(file.key());
  files_.insert(std::move(file));
  return {};
}

Status MemoryFiles::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  DUDAO_CHECK(fault(Operation::kRemove, path));
  const std::string name = clean(path);
  if (folders_.contains(name)) return fail(Code::kFileWrite, path);
  files_.erase(name);
  return {};
}

bool MemoryFiles::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const std::string name = clean(path);
  return files_.contains(name) || folders_.contains(name);
}

Status MemoryFiles::make_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  DUDAO_CHECK(fault(Operation::kMakeFolder, path));
  std::set<std::string> wanted;
  for (std::string name = clean(path); !folders_.contains(name); name = parent(name)) {
    if (files_.contains(name)) return fail(Code::kFileWrite, path);
    wanted.insert(name);
  }
  folders_.merge(wanted);
  return {};
}

void MemoryFiles::fail_next(Operation operation, Code code, int passing, int times) {
  const std::lock_guard lock(mutex_);
  faults_.insert_or_assign(operation, Fault{code, passing, times});
}

void MemoryFiles::set_space(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  space_bytes_ = bytes;
}

void MemoryFiles::set_read_only(bool read_only) {
  const std::lock_guard lock(mutex_);
  read_only_ = read_only;
}

void MemoryFiles::flip_bit(const std::string& path, std::size_t at_byte) {
  const std::lock_guard lock(mutex_);
  files_.at(clean(path)).content.at(at_byte) ^= 1;
}

bool MemoryFiles::is_owner_only(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return files_.at(clean(path)).owner_only;
}

std::size_t MemoryFiles::file_count() {
  const std::lock_guard lock(mutex_);
  return files_.size();
}

}  // namespace dudao::test
