/// Files and keys on a disk that fails, tears, or is there no longer because the program was killed, at each call that
/// changes it. The calls are this program's own: the linker hands them over (--wrap in tests/CMakeLists.txt).

#include "platform/desktop/files.hpp"
#include "platform/desktop/key_store.hpp"
#include "tests/support/temp_folder.hpp"

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr int kKilled = 77;

/// What happens at the n-th call.
struct DiskFault {
  std::string name;
  int error = 0;      ///< 0: the process is killed instead
  bool torn = false;  ///< a write writes half before it fails
  bool for_good = false;
};

/// Counts the calls that change something while it is watched, and lets one fail.
struct WatchedDisk {
  bool watched = false;
  int calls = 0;
  int fail_at = 0;  ///< 0: none
  DiskFault fault;
  std::function<void()> before_call;
  bool unlink_failed = false;
  std::map<int, std::string> open_files;
  /// What a power cut would take: content without a sync, names in folders without one.
  std::set<std::string> unsynced_files, unsynced_folders;
  std::vector<std::string> named_unsynced;  ///< files that got their name before they were synced

  bool fails() {
    if (!watched) return false;
    if (before_call) before_call();
    ++calls;
    if (fail_at == 0 || (fault.for_good ? calls < fail_at : calls != fail_at)) return false;
    if (fault.error == 0) ::_exit(kKilled);
    errno = fault.error;
    return true;
  }
  void named(const std::string& from, const std::string& to) {
    if (!watched) return;
    if (unsynced_files.contains(from)) named_unsynced.push_back(to);
    changed(to);
  }
  void changed(const std::string& path) {
    if (watched) unsynced_folders.insert(std::filesystem::path(path).parent_path().string());
  }
};
WatchedDisk disk;

}  // namespace

extern "C" {
int real_open(const char* path, int flags, ...) asm("__real_open");
ssize_t real_write(int fd, const void* bytes, std::size_t size) asm("__real_write");
int real_fsync(int fd) asm("__real_fsync");
int real_rename(const char* from, const char* to) asm("__real_rename");
int real_link(const char* from, const char* to) asm("__real_link");
int real_unlink(const char* path) asm("__real_unlink");
int real_mkdir(const char* path, mode_t mode) asm("__real_mkdir");

int wrap_open(const char* path, int flags, ...) asm("__wrap_open");
int wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    if (disk.fails()) return -1;
  }
  const int fd = real_open(path, flags, mode);
  if (disk.watched && fd >= 0) {
    disk.open_files[fd] = path;
    if ((flags & O_CREAT) != 0) disk.unsynced_files.insert(path);
  }
  return fd;
}
ssize_t wrap_write(int fd, const void* bytes, std::size_t size) asm("__wrap_write");
ssize_t wrap_write(int fd, const void* bytes, std::size_t size) {
  if (!disk.fails()) return real_write(fd, bytes, size);
  const int error = errno;
  if (disk.fault.torn && size > 1 && real_write(fd, bytes, size / 2) < 0) return -1;
  errno = error;
  return -1;
}
int wrap_fsync(int fd) asm("__wrap_fsync");
int wrap_fsync(int fd) {
  if (disk.fails()) return -1;
  if (disk.watched) {
    disk.unsynced_files.erase(disk.open_files[fd]);
    disk.unsynced_folders.erase(disk.open_files[fd]);
  }
  return real_fsync(fd);
}
int wrap_rename(const char* from, const char* to) asm("__wrap_rename");
int wrap_rename(const char* from, const char* to) {
  if (disk.fails()) return -1;
  disk.named(from, to);
  return real_rename(from, to);
}
int wrap_link(const char* from, const char* to) asm("__wrap_link");
int wrap_link(const char* from, const char* to) {
  if (disk.fails()) return -1;
  disk.named(from, to);
  return real_link(from, to);
}
int wrap_unlink(const char* path) asm("__wrap_unlink");
int wrap_unlink(const char* path) {
  if (disk.fails()) {
    disk.unlink_failed = true;
    return -1;
  }
  disk.changed(path);
  return real_unlink(path);
}
int wrap_mkdir(const char* path, mode_t mode) asm("__wrap_mkdir");
int wrap_mkdir(const char* path, mode_t mode) {
  if (disk.fails()) return -1;
  const int done = real_mkdir(path, mode);
  if (done == 0) disk.changed(path);
  return done;
}
}

namespace {

/// Names and what is in them; of keys, which are others each time, only how much.
using Image = std::map<std::string, std::string>;

struct DiskWork {
  std::string name;
  std::function<Status(const std::string& folder)> work;
  bool random_content = false;
};

bool is_temporary(const std::filesystem::path& path) { return path.extension() == ".tmp"; }

Image image_of(const std::string& folder, const DiskWork& what) {
  Image out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (is_temporary(entry.path())) continue;
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_directory())
      out[name] = "folder";
    else if (what.random_content)
      out[name] = std::to_string(entry.file_size());
    else
      out[name] = std::string(text(*DesktopFiles().read(entry.path().string(), 1 << 20)));
  }
  return out;
}

std::size_t temporaries(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (is_temporary(entry.path())) ++count;
  return count;
}

void fill(const std::string& folder) {
  REQUIRE(DesktopFiles().write(folder + "/old", view("what was there before")));
  REQUIRE(DesktopFiles().write(folder + "/from", view("what is moved")));
}

Status create_key(const std::string& folder) {
  DUDAO_TRY(const auto store, DesktopKeyStore::open({.folder = folder + "/data/keys",
                                                     .data_folder = folder + "/data",
                                                     .machine_secret_file = folder + "/machine/secret",
                                                     .cost_log2 = 10}));
  // It is there when an earlier try made it and failed afterwards.
  auto key = store->public_key("device");
  if (!key && key.error().code == Code::kKeyMissing) key = store->create("device", Algorithm::kEd25519);
  if (!key) return fail(key.error());
  DUDAO_TRY(const Bytes signature, store->sign("device", view("words")));
  return key->verify(view("words"), signature) ? Status() : fail(Code::kSealBroken, "the key signs as another");
}

std::vector<DiskWork> all_work() {
  static const std::string content(3'000, 'n');
  return {
      {"replace a file", [](const std::string& at) { return DesktopFiles().write(at + "/old", view(content)); }},
      {"write a new file", [](const std::string& at) { return DesktopFiles().write(at + "/new", view(content)); }},
      {"create a file",
       [](const std::string& at) -> Status {
         DUDAO_TRY(const bool made, DesktopFiles().create(at + "/new", view(content)));
         // Made by an earlier try that failed afterwards.
         return made || DesktopFiles().exists(at + "/new") ? Status() : fail(Code::kFileWrite, "not made");
       }},
      {"move a file over another",
       [](const std::string& at) -> Status {
         if (!DesktopFiles().exists(at + "/from")) return {};
         return DesktopFiles().move(at + "/from", at + "/old");
       }},
      {"remove a file", [](const std::string& at) { return DesktopFiles().remove(at + "/old"); }},
      {"make folders", [](const std::string& at) { return DesktopFiles().make_folder(at + "/a/b/c"); }},
      {"make the first key and the secret of the machine", create_key, true},
  };
}

/// Runs it with the disk watched.
Status do_watched(const DiskWork& what, const std::string& folder, int fail_at, const DiskFault& fault) {
  disk = {};
  disk.fail_at = fail_at;
  disk.fault = fault;
  disk.watched = true;
  Status done = what.work(folder);
  disk.watched = false;
  return done;
}

}  // namespace

TEST_CASE("whatever is done to files and keys gives them a name only when they are synced, and syncs the name") {
  for (const DiskWork& what : all_work()) {
    INFO(what.name);
    const TempFolder folder;
    fill(folder.path());
    REQUIRE(do_watched(what, folder.path(), 0, {}));
    CHECK(disk.calls > 1);
    CHECK(disk.named_unsynced.empty());
    CHECK(disk.unsynced_folders.empty());
    CHECK(temporaries(folder.path()) == 0);
  }
}

TEST_CASE("files and keys are what they were or what they shall be when any call fails, tears or is the last") {
  const DiskFault faults[] = {{"full", ENOSPC, false, false}, {"full for good", ENOSPC, false, true},
                              {"broken", EIO, false, false},  {"broken for good", EIO, false, true},
                              {"torn", EIO, true, false},     {"torn and full for good", ENOSPC, true, true},
                              {"killed", 0, false, false}};
  for (const DiskWork& what : all_work()) {
    // What can be seen on the way when nothing fails.
    std::set<Image> on_the_way;
    Image after;
    {
      const TempFolder folder;
      fill(folder.path());
      disk = {};
      disk.before_call = [&] {
        disk.watched = false;
        on_the_way.insert(image_of(folder.path(), what));
        disk.watched = true;
      };
      disk.watched = true;
      const Status done = what.work(folder.path());
      disk.watched = false;
      REQUIRE(done);
      after = image_of(folder.path(), what);
      on_the_way.insert(after);
    }
    for (const DiskFault& fault : faults) {
      int tried = 0;
      for (int at = 1; at < 1'000; ++at) {
        INFO(what.name << ", " << fault.name << " at call " << at);
        const TempFolder folder;
        fill(folder.path());
        if (fault.error == 0) {
          const pid_t child = ::fork();
          REQUIRE(child >= 0);
          if (child == 0) ::_exit(do_watched(what, folder.path(), at, fault) ? 0 : 1);
          int status = 0;
          REQUIRE(::waitpid(child, &status, 0) == child);
          REQUIRE(WIFEXITED(status));
          if (WEXITSTATUS(status) != kKilled) break;
        } else {
          const Status done = do_watched(what, folder.path(), at, fault);
          if (disk.calls < at) break;
          const Image found = image_of(folder.path(), what);
          // What does not matter to the result may fail.
          if (done) CHECK(found == after);
          if (!done) CHECK((done.error().code == Code::kDiskFull || done.error().code == Code::kFileWrite));
          if (!disk.unlink_failed) CHECK(temporaries(folder.path()) == 0);
        }
        ++tried;
        CHECK(on_the_way.contains(image_of(folder.path(), what)));
        CHECK(what.work(folder.path()));
        CHECK(image_of(folder.path(), what) == after);
      }
      CHECK(tried > 1);
    }
  }
}
