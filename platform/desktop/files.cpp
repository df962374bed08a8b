#include "platform/desktop/files.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dudao {
namespace {

/// Closes what open() gave.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

int open_again(const char* path, int flags, mode_t mode = 0) {
  int fd = -1;
  do fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

auto read_error(int number, const std::string& path) {
  return fail(number == ENOENT || number == ENOTDIR ? Code::kFileMissing : Code::kFileRead, path);
}

auto write_error(int number, const std::string& path) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // The file system, or a limit set on this program, takes no file of this size.
      return fail(Code::kDiskFull, path);
    case EROFS:
    case EACCES:
    case EPERM:
      return fail(Code::kFileReadOnly, path);
    default:
      return fail(Code::kFileWrite, path);
  }
}

std::string folder_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status sync_folder(const std::string& folder) {
  const Descriptor fd(open_again(folder.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd) {
    // A folder that may be written but not listed cannot be opened, hence not synced.
    if (errno == EACCES) return {};
    return write_error(errno, folder);
  }
  // Some file systems cannot sync a folder and say EINVAL; they have nothing to sync then.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return fail(Code::kFileWrite, folder);
  return {};
}

/// Writes a synced file beside the path and returns its name.
Result<std::string> write_beside(const std::string& path, BytesView content, mode_t mode) {
  const auto slash = path.find_last_of('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return fail(Code::kFileWrite, path);
  const std::string temporary = folder_of(path) + "/." + name + "." + to_hex(random_bytes(8)) + ".tmp";
  int error = 0;
  {
    const Descriptor fd(open_again(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode));
    if (!fd) return write_error(errno, path);
    while (!content.empty() && error == 0) {
      const ssize_t n = ::write(fd.get(), content.data(), content.size());
      if (n > 0)
        content = content.subspan(static_cast<std::size_t>(n));
      else if (n == 0)
        error = EIO;
      else if (errno != EINTR)
        error = errno;
    }
    if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  }
  if (error == 0) return temporary;
  ::unlink(temporary.c_str());
  return write_error(error, path);
}

}  // namespace

Result<Bytes> DesktopFiles::read(const std::string& path, std::size_t max_bytes) {
  // Without O_NONBLOCK a named pipe would wait for a writer for ever.
  const Descriptor fd(open_again(path.c_str(), O_RDONLY | O_NONBLOCK));
  if (!fd) return read_error(errno, path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(Code::kFileRead, path);
  if (!S_ISREG(status.st_mode)) return fail(Code::kFileRead, path);
  if (static_cast<std::uintmax_t>(status.st_size) > max_bytes) return fail(Code::kFileTooLarge, path);
  Bytes content;
  content.reserve(static_cast<std::size_t>(status.st_size));
  // The size is only a first guess: the file may grow meanwhile, and files of /proc say 0.
  for (;;) {
    std::uint8_t piece[65536];
    const ssize_t n = ::read(fd.get(), piece, sizeof piece);
    if (n == 0) return content;
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(Code::kFileRead, path);
    }
    if (static_cast<std::size_t>(n) > max_bytes - content.size()) return fail(Code::kFileTooLarge, path);
    append(content, {piece, static_cast<std::size_t>(n)});
  }
}

Status DesktopFiles::write(const std::string& path, BytesView content, bool owner_only) {
  DUDAO_TRY(const std::string temporary, write_beside(path, content, owner_only ? 0600 : 0644));
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return write_error(error, path);
  }
  return sync_folder(folder_of(path));
}

Result<bool> DesktopFiles::create(const std::string& path, BytesView content) {
  DUDAO_TRY(const std::string temporary, write_beside(path, content, 0600));
  // A second name for the same file: unlike a rename this fails if the name is taken.
  const int error = ::link(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  ::unlink(temporary.c_str());
  if (error == EEXIST) return false;
  if (error != 0) return write_error(error, path);
  DUDAO_CHECK(sync_folder(folder_of(path)));
  return true;
}

Status DesktopFiles::move(const std::string& from, const std::string& to) {
  {
    const Descriptor fd(open_again(from.c_str(), O_RDONLY));
    if (!fd) return read_error(errno, from);
    if (::fsync(fd.get()) != 0) return write_error(errno, from);
  }
  if (::rename(from.c_str(), to.c_str()) != 0) return write_error(errno, to);
  return sync_folder(folder_of(to));
}

Status DesktopFiles::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return {};
    // A folder: Linux says EISDIR, POSIX says EPERM.
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return fail(Code::kFileWrite, path);
    return write_error(error, path);
  }
  return sync_folder(folder_of(path));
}

bool DesktopFiles::exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

Status DesktopFiles::make_folder(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  if (clean.empty()) return {};
  for (std::size_t end = 0; end != std::string::npos;) {
    end = clean.find('/', end + 1);
    const std::string folder = clean.substr(0, end);
    if (::mkdir(folder.c_str(), 0700) == 0) {
      DUDAO_CHECK(sync_folder(folder_of(folder)));
      continue;
    }
    const int error = errno;
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) return write_error(error, path);
    if (!S_ISDIR(status.st_mode)) return fail(Code::kFileWrite, path);
  }
  return {};
}

}  // namespace dudao
