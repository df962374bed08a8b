#include "platform/desktop/key_store.hpp"

#include "tests/support/temp_folder.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace dudao;
using namespace dudao::test;

namespace {

constexpr unsigned kQuick = 10;

std::unique_ptr<DesktopKeyStore> by_pass_phrase(const TempFolder& folder, const std::string& pass_phrase) {
  auto made = DesktopKeyStore::open({.folder = folder / "keys", .pass_phrase = pass_phrase, .cost_log2 = kQuick});
  REQUIRE(made);
  return std::move(*made);
}

KeyStoreOptions machine(const TempFolder& folder) {
  return {.folder = folder / "data/keys",
          .data_folder = folder / "data",
          .machine_secret_file = folder / "machine/secret",
          .cost_log2 = kQuick};
}

std::unique_ptr<DesktopKeyStore> by_machine(const TempFolder& folder) {
  auto made = DesktopKeyStore::open(machine(folder));
  REQUIRE(made);
  return std::move(*made);
}

Bytes content(const std::string& path) { return *DesktopFiles().read(path, 1000); }

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777u;
}

}  // namespace

TEST_CASE("a key lives on in its file, opened by the pass phrase that sealed it") {
  const TempFolder folder;
  const auto made = by_pass_phrase(folder, "督导 one")->create("device", Algorithm::kEs256);
  REQUIRE(made);
  CHECK(mode_of(folder / "keys/device.key") == 0600);
  CHECK(mode_of(folder / "keys") == 0700);
  const auto again = by_pass_phrase(folder, "督导 one");
  CHECK(*again->public_key("device") == *made);
  CHECK(made->verify(view("m"), *again->sign("device", view("m"))));
}

TEST_CASE("a key file has the size and the header that are written down, and not the secret in the clear") {
  const TempFolder folder;
  REQUIRE(by_pass_phrase(folder, "one")->create("device", Algorithm::kEd25519));
  const Bytes file = content(folder / "keys/device.key");
  CHECK(file.size() == 88);
  CHECK(text(BytesView(file).first(8)) == "dudaokey");
  CHECK(to_hex(BytesView(file).subspan(8, 4)) == "01010af8");
  REQUIRE(by_pass_phrase(folder, "one")->create("other", Algorithm::kEd25519));
  CHECK(to_hex(BytesView(file).subspan(12)) != to_hex(BytesView(content(folder / "keys/other.key")).subspan(12)));
}

TEST_CASE("a wrong pass phrase opens nothing, makes nothing beside, and changes nothing") {
  const TempFolder folder;
  const auto made = by_pass_phrase(folder, "one")->create("device", Algorithm::kEd25519);
  const Bytes before = content(folder / "keys/device.key");
  const auto wrong = by_pass_phrase(folder, "two");
  CHECK(wrong->public_key("device").error().code == Code::kSealBroken);
  CHECK(wrong->sign("device", view("m")).error().code == Code::kSealBroken);
  CHECK(wrong->create("other", Algorithm::kEd25519).error().code == Code::kSealBroken);
  CHECK_FALSE(std::filesystem::exists(folder / "keys/other.key"));
  CHECK(content(folder / "keys/device.key") == before);
  CHECK(*by_pass_phrase(folder, "one")->public_key("device") == *made);
}

TEST_CASE("a changed byte anywhere in a key file is found") {
  const TempFolder folder;
  REQUIRE(by_pass_phrase(folder, "one")->create("device", Algorithm::kEd25519));
  const Bytes good = content(folder / "keys/device.key");
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 1;
    REQUIRE(DesktopFiles().write(folder / "keys/device.key", bad, true));
    const auto key = by_pass_phrase(folder, "one")->public_key("device");
    INFO("byte " << at);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Code::kSealBroken);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, std::size_t{27}, std::size_t{28}, good.size() - 1}) {
    REQUIRE(DesktopFiles().write(folder / "keys/device.key", BytesView(good).first(size), true));
    CHECK(by_pass_phrase(folder, "one")->public_key("device").error().code == Code::kSealBroken);
  }
  for (const std::size_t more : {1u, 5000u}) {
    Bytes bad = good;
    bad.resize(good.size() + more);
    REQUIRE(DesktopFiles().write(folder / "keys/device.key", bad, true));
    CHECK(by_pass_phrase(folder, "one")->public_key("device").error().code == Code::kSealBroken);
  }
}

TEST_CASE("a header cannot ask for more work than is allowed, and a newer file says that it is newer") {
  const TempFolder folder;
  REQUIRE(by_pass_phrase(folder, "one")->create("device", Algorithm::kEd25519));
  const Bytes good = content(folder / "keys/device.key");
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = good;
    bad[at] = value;
    REQUIRE(DesktopFiles().write(folder / "keys/device.key", bad, true));
    return by_pass_phrase(folder, "one")->public_key("device").error().code;
  };
  CHECK(code_with(10, 255) == Code::kSealBroken);
  CHECK(code_with(10, 0) == Code::kSealBroken);
  CHECK(code_with(8, 0) == Code::kSealBroken);
  CHECK(code_with(8, 2) == Code::kKeyFileNewer);
}

TEST_CASE("key files cannot take each other's place") {
  const TempFolder folder;
  const auto keys = by_pass_phrase(folder, "one");
  REQUIRE(keys->create("device", Algorithm::kEd25519));
  REQUIRE(keys->create("office", Algorithm::kEd25519));
  std::filesystem::rename(folder / "keys/device.key", folder / "keys/office.key");
  CHECK(by_pass_phrase(folder, "one")->public_key("office").error().code == Code::kSealBroken);
}

TEST_CASE("without a pass phrase and without a machine secret the store is locked, but a key can be forgotten") {
  const TempFolder folder;
  REQUIRE(by_pass_phrase(folder, "one")->create("device", Algorithm::kEd25519));
  for (const std::optional<std::string>& none : {std::optional<std::string>(), std::optional<std::string>("")}) {
    const auto locked = DesktopKeyStore::open({.folder = folder / "keys", .pass_phrase = none, .cost_log2 = kQuick});
    REQUIRE(locked);
    CHECK((*locked)->public_key("device").error().code == Code::kKeyStoreLocked);
    CHECK((*locked)->sign("device", view("m")).error().code == Code::kKeyStoreLocked);
    CHECK((*locked)->create("other", Algorithm::kEd25519).error().code == Code::kKeyStoreLocked);
  }
  const auto locked = DesktopKeyStore::open({.folder = folder / "keys", .cost_log2 = kQuick});
  CHECK((*locked)->remove("device"));
  CHECK_FALSE(std::filesystem::exists(folder / "keys/device.key"));
}

TEST_CASE("the machine secret is made once, for the owner only, and opens the keys again") {
  const TempFolder folder;
  {
    const auto keys = by_machine(folder);
    CHECK_FALSE(std::filesystem::exists(folder / "machine/secret"));
    CHECK(keys->public_key("device").error().code == Code::kKeyMissing);
  }
  const auto made = by_machine(folder)->create("device", Algorithm::kEd25519);
  REQUIRE(made);
  CHECK(mode_of(folder / "machine/secret") == 0600);
  CHECK(content(folder / "machine/secret").size() == 32);
  const auto again = by_machine(folder);
  CHECK(*again->public_key("device") == *made);
  REQUIRE(again->create("other", Algorithm::kEs256));
  CHECK(*by_machine(folder)->public_key("device") == *made);
}

TEST_CASE("a copy of the data without the machine secret opens nothing, and no new secret hides the loss") {
  const TempFolder folder;
  REQUIRE(by_machine(folder)->create("device", Algorithm::kEd25519));
  std::filesystem::rename(folder / "machine/secret", folder / "machine/lost");
  const auto without = by_machine(folder);
  CHECK(without->public_key("device").error().code == Code::kKeyStoreLocked);
  CHECK(without->create("other", Algorithm::kEd25519).error().code == Code::kKeyStoreLocked);
  CHECK_FALSE(std::filesystem::exists(folder / "machine/secret"));

  REQUIRE(DesktopFiles().write(folder / "machine/secret", Bytes(32, 7), true));
  CHECK(by_machine(folder)->public_key("device").error().code == Code::kSealBroken);
  std::filesystem::rename(folder / "machine/lost", folder / "machine/secret");
  CHECK(without->public_key("device"));
}

TEST_CASE("a machine secret in the data folder, open to others, or of another size is refused") {
  const TempFolder folder;
  REQUIRE(by_machine(folder)->create("device", Algorithm::kEd25519));
  const auto code = [](const KeyStoreOptions& options) {
    const auto store = DesktopKeyStore::open(options);
    return store ? Code::kInternal : store.error().code;
  };
  KeyStoreOptions options = machine(folder);
  for (const char* place : {"data/secret", "data/deep/secret", "machine/../data/secret", "link/secret"}) {
    std::filesystem::remove(folder / "link");
    std::filesystem::create_directory_symlink(folder / "data", folder / "link");
    options.machine_secret_file = folder / place;
    CHECK(code(options) == Code::kMachineSecretUnsafe);
  }
  options.data_folder.clear();
  options.machine_secret_file = folder / "data/keys/secret";
  CHECK(code(options) == Code::kMachineSecretUnsafe);

  options = machine(folder);
  for (const mode_t mode : {0640u, 0604u, 0660u}) {
    REQUIRE(::chmod((folder / "machine/secret").c_str(), mode) == 0);
    CHECK(code(options) == Code::kMachineSecretUnsafe);
  }
  for (const std::size_t size : {0u, 31u, 33u}) {
    REQUIRE(DesktopFiles().write(folder / "machine/secret", Bytes(size, 7), true));
    CHECK(code(options) == Code::kMachineSecretUnsafe);
  }
}

TEST_CASE("a pass phrase and a machine secret do not open each other's keys") {
  const TempFolder folder;
  REQUIRE(by_machine(folder)->create("device", Algorithm::kEd25519));
  KeyStoreOptions options = machine(folder);
  options.pass_phrase = "one";
  const auto store = DesktopKeyStore::open(options);
  REQUIRE(store);
  CHECK((*store)->public_key("device").error().code == Code::kSealBroken);
  CHECK((*store)->create("other", Algorithm::kEd25519).error().code == Code::kSealBroken);
}

TEST_CASE("a key that cannot be saved is not made") {
  const TempFolder folder;
  REQUIRE(DesktopFiles().write(folder / "keys", view("a file, not a folder")));
  const auto keys = by_pass_phrase(folder, "one");
  CHECK(keys->create("device", Algorithm::kEd25519).error().code == Code::kFileWrite);
  CHECK(keys->public_key("device").error().code == Code::kKeyMissing);
}

TEST_CASE("the ordinary work of scrypt is what is written into a key file") {
  const TempFolder folder;
  const auto store = DesktopKeyStore::open({.folder = folder / "keys", .pass_phrase = "one"});
  REQUIRE((*store)->create("device", Algorithm::kEd25519));
  CHECK(content(folder / "keys/device.key")[10] == 14);
}
