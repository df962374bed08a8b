#include "platform/desktop/files.hpp"
#include "tests/support/temp_folder.hpp"

#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dudao;
using namespace dudao::test;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777u;
}

std::size_t entries(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

/// Runs in a process of its own what would change this one for good; the result is an Error's number, 0 for success.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(work());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// An exit status has eight bits.
int number(const Status& status) {
  if (status) return 0;
  switch (status.error().code) {
    case Code::kDiskFull:
      return 1;
    case Code::kFileReadOnly:
      return 2;
    default:
      return 3;
  }
}
constexpr int kNotAllowed = 77;

}  // namespace

TEST_CASE("a file for the owner only has mode 0600, and a new folder 0700") {
  const TempFolder folder;
  DesktopFiles files;
  REQUIRE(files.make_folder(folder / "a/b"));
  REQUIRE(files.write(folder / "a/b/secret", view("x"), true));
  CHECK(mode_of(folder / "a/b/secret") == 0600);
  CHECK(mode_of(folder / "a") == 0700);
  CHECK(mode_of(folder / "a/b") == 0700);
  REQUIRE(files.write(folder / "a/b/open", view("x")));
  REQUIRE(files.write(folder / "a/b/open", view("x"), true));
  CHECK(mode_of(folder / "a/b/open") == 0600);
}

TEST_CASE("writing leaves nothing beside the file, whether it succeeds or not") {
  const TempFolder folder;
  DesktopFiles files;
  REQUIRE(files.write(folder / "x", view("x")));
  std::filesystem::create_directory(folder / "taken");
  CHECK_FALSE(files.write(folder / "taken", view("x")));
  CHECK_FALSE(files.write(folder.path() + "/", view("x")));
  CHECK_FALSE(files.write(folder / "..", view("x")));
  CHECK(entries(folder.path()) == 2);
}

TEST_CASE("create() never writes over another file") {
  const TempFolder folder;
  DesktopFiles files;
  CHECK(*files.create(folder / "x", view("first")));
  CHECK(mode_of(folder / "x") == 0600);
  CHECK_FALSE(*files.create(folder / "x", view("second")));
  CHECK(text(*files.read(folder / "x", 100)) == "first");
  CHECK(files.create(folder / "no/x", view("x")).error().code == Code::kFileWrite);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a symbolic link is replaced, so that writing reaches no file elsewhere") {
  const TempFolder folder;
  DesktopFiles files;
  REQUIRE(files.write(folder / "elsewhere", view("old")));
  std::filesystem::create_symlink(folder / "elsewhere", folder / "link");
  REQUIRE(files.write(folder / "link", view("new")));
  CHECK(text(*files.read(folder / "elsewhere", 100)) == "old");
  CHECK(text(*files.read(folder / "link", 100)) == "new");
}

TEST_CASE("a pipe or a device is not read, and nobody waits for it") {
  const TempFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(DesktopFiles().read(folder / "pipe", 100).error().code == Code::kFileRead);
  CHECK(DesktopFiles().read("/dev/zero", 100).error().code == Code::kFileRead);
}

TEST_CASE("a file whose size the system does not tell is read within the bound") {
  CHECK(DesktopFiles().read("/proc/self/status", 100'000)->size() > 100);
  CHECK(DesktopFiles().read("/proc/self/status", 10).error().code == Code::kFileTooLarge);
}

TEST_CASE("a file that the system lets grow no further says that the disk is full, and the old content stands") {
  const TempFolder folder;
  REQUIRE(DesktopFiles().write(folder / "x", view("old")));
  CHECK(in_child([&] {
          std::signal(SIGXFSZ, SIG_IGN);
          const rlimit limit{10'000, 10'000};
          if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return kNotAllowed;
          return number(DesktopFiles().write(folder / "x", Bytes(20'000, 1)));
        }) == 1);
  CHECK(text(*DesktopFiles().read(folder / "x", 100)) == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a full disk and a disk that may only be read have their numbers, and the old content stands") {
  const TempFolder folder;
  const int result = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0)
      return kNotAllowed;
    DesktopFiles files;
    if (!files.write(folder / "x", view("old"))) return 10;
    if (number(files.write(folder / "x", Bytes(200'000, 1))) != 1) return 11;
    if (number(files.create(folder / "y", Bytes(200'000, 1)) ? Status() : Status(fail(Code::kDiskFull))) != 1)
      return 12;
    if (text(*files.read(folder / "x", 100)) != "old" || entries(folder.path()) != 1) return 13;
    if (::mount(nullptr, folder.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return kNotAllowed;
    if (number(files.write(folder / "x", view("new"))) != 2) return 14;
    if (number(files.remove(folder / "x")) != 2) return 15;
    if (number(files.make_folder(folder / "new")) != 2) return 16;
    return text(*files.read(folder / "x", 100)) == "old" ? 0 : 17;
  });
  if (result == kNotAllowed)
    WARN("skipped: mounting a small disk is not allowed here");
  else
    CHECK(result == 0);
}

TEST_CASE("a folder of somebody else is read-only") {
  const TempFolder folder;
  REQUIRE(DesktopFiles().write(folder / "x", view("old")));
  REQUIRE(::chmod(folder.path().c_str(), 0555) == 0);
  const int result = in_child([&] {
    // Root may write everywhere.
    if (::geteuid() == 0 && ::setuid(65534) != 0) return kNotAllowed;
    return number(DesktopFiles().write(folder / "x", view("new")));
  });
  REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
  CHECK(result == 2);
  CHECK(text(*DesktopFiles().read(folder / "x", 100)) == "old");
}
