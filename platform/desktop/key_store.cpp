#include "platform/desktop/key_store.hpp"

#include <algorithm>
#include <filesystem>

#include <sys/stat.h>

namespace dudao {
namespace {

constexpr std::string_view kMagic = "dudaokey";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kByPassPhrase = 1;
constexpr std::uint8_t kByMachineSecret = 2;
constexpr std::size_t kHeaderBytes = 28;
constexpr std::size_t kSaltAt = 12;
constexpr std::size_t kFileBytes = kHeaderBytes + 12 + 32 + 16;
constexpr std::size_t kMachineSecretBytes = 32;
constexpr unsigned kLeastCost = 10;
constexpr unsigned kMostCost = 20;  // 1 GiB; a changed byte in a header must not ask for more.

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// Wipes a secret at the end of its scope, on every way out.
struct Wiped {
  Bytes bytes;
  ~Wiped() { wipe(bytes); }
};

struct WipedHash {
  Hash bytes;
  ~WipedHash() { wipe(bytes); }
};

Bytes context_of(BytesView header, std::string_view name) {
  Bytes context = to_bytes(header);
  append(context, view(name));
  return context;
}

bool lies_in(const std::string& path, const std::string& folder) {
  if (folder.empty()) return false;
  std::error_code ignored;
  // Symbolic links are followed as far as the path exists, so that none hides where the file really is.
  const auto inner = std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
  const auto outer = std::filesystem::weakly_canonical(std::filesystem::absolute(folder, ignored) / "", ignored);
  const std::string prefix = (outer / "").string();
  return inner.string().starts_with(prefix);
}

bool only_owner_may(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/// Five times the work where somebody may guess, which with 16 MiB is what OWASP asks for at least.
Hash derive(std::uint8_t kind, BytesView secret, BytesView salt, unsigned cost_log2) {
  return scrypt(secret, salt, cost_log2, kind == kByPassPhrase ? 5 : 1);
}

}  // namespace

Result<std::unique_ptr<DesktopKeyStore>> DesktopKeyStore::open(KeyStoreOptions options) {
  std::optional<std::string> pass_phrase = std::exchange(options.pass_phrase, std::nullopt);
  options.cost_log2 = std::clamp(options.cost_log2, kLeastCost, kMostCost);
  std::unique_ptr<DesktopKeyStore> store(new DesktopKeyStore(std::move(options)));
  const KeyStoreOptions& given = store->options_;
  if (pass_phrase) {
    store->secret_ = to_bytes(view(*pass_phrase));
    wipe({reinterpret_cast<std::uint8_t*>(pass_phrase->data()), pass_phrase->size()});
    store->options_.machine_secret_file.clear();
    return store;
  }
  const std::string& file = given.machine_secret_file;
  if (file.empty()) return store;
  if (lies_in(file, given.data_folder) || lies_in(file, given.folder))
    return fail(Code::kMachineSecretUnsafe, file + " lies in the data folder");
  if (store->files_.exists(file)) DUDAO_CHECK(store->load_secret());
  return store;
}

DesktopKeyStore::~DesktopKeyStore() { wipe(secret_); }

std::string DesktopKeyStore::path_of(std::string_view name) const {
  return options_.folder + "/" + std::string(name) + ".key";
}

Status DesktopKeyStore::load_secret() {
  if (!secret_.empty()) return {};
  const std::string& file = options_.machine_secret_file;
  if (file.empty() || !files_.exists(file)) return fail(Code::kKeyStoreLocked, file);
  if (!only_owner_may(file)) return fail(Code::kMachineSecretUnsafe, file + " is open to others");
  Wiped found;
  {
    auto read = files_.read(file, kMachineSecretBytes);
    if (read)
      found.bytes = *std::move(read);
    else if (read.error().code != Code::kFileTooLarge)
      return fail(read.error());
  }
  if (found.bytes.size() != kMachineSecretBytes)
    return fail(Code::kMachineSecretUnsafe, file + " does not have 32 bytes");
  secret_ = found.bytes;
  return {};
}

Status DesktopKeyStore::make_machine_secret() {
  const std::string& file = options_.machine_secret_file;
  if (const auto slash = file.find_last_of('/'); slash != std::string::npos && slash > 0)
    DUDAO_CHECK(files_.make_folder(file.substr(0, slash)));
  const Wiped fresh{random_bytes(kMachineSecretBytes)};
  // If another process was first, its secret is the machine's.
  DUDAO_CHECK(files_.create(file, fresh.bytes));
  return load_secret();
}

std::optional<std::string> DesktopKeyStore::any_key() const {
  std::error_code error;
  for (std::filesystem::directory_iterator at(options_.folder, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().stem().string();
    if (at->path().extension() == ".key" && is_key_name(name)) return name;
  }
  return std::nullopt;
}

Result<PrivateKey> DesktopKeyStore::unseal(std::string_view name) {
  const std::string label(name);
  const auto file = files_.read(path_of(name), 4096);
  if (!file) {
    if (file.error().code == Code::kFileMissing) return fail(Code::kKeyMissing, label);
    if (file.error().code == Code::kFileTooLarge) return fail(Code::kSealBroken, label);
    return fail(file.error());
  }
  const BytesView whole = *file;
  if (whole.size() <= kMagic.size() || text(whole.first(kMagic.size())) != kMagic)
    return fail(Code::kSealBroken, label + ": not a key file");
  if (whole[8] > kVersion) return fail(Code::kKeyFileNewer, label);
  if (whole[8] != kVersion || whole.size() != kFileBytes) return fail(Code::kSealBroken, label);
  const std::uint8_t kind = whole[9];
  const unsigned cost_log2 = whole[10];
  const auto algorithm = static_cast<Algorithm>(static_cast<std::int8_t>(whole[11]));
  if ((kind != kByPassPhrase && kind != kByMachineSecret) || cost_log2 < kLeastCost || cost_log2 > kMostCost ||
      (algorithm != Algorithm::kEd25519 && algorithm != Algorithm::kEs256))
    return fail(Code::kSealBroken, label);
  const bool has_machine_secret = !options_.machine_secret_file.empty();
  if (kind == kByMachineSecret && !has_machine_secret)
    return fail(Code::kSealBroken, label + ": sealed with the machine secret, not with a pass phrase");
  if (kind == kByPassPhrase && has_machine_secret)
    return fail(Code::kSealBroken, label + ": sealed with a pass phrase, not with the machine secret");
  const BytesView header = whole.first(kHeaderBytes);
  const WipedHash key{derive(kind, secret_, header.subspan(kSaltAt), cost_log2)};
  auto plain = open_sealed(key.bytes, whole.subspan(kHeaderBytes), context_of(header, name));
  if (!plain) return fail(Code::kSealBroken, label);
  const Wiped opened{*std::move(plain)};
  return PrivateKey::from_secret(algorithm, opened.bytes);
}

Result<const PrivateKey*> DesktopKeyStore::find(std::string_view name) {
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name.substr(0, 64)));
  if (const auto found = keys_.find(name); found != keys_.end()) return &found->second;
  // Where the machine secret was never made there is no key either.
  const bool has_machine_secret = !options_.machine_secret_file.empty();
  if (has_machine_secret && !files_.exists(path_of(name))) return fail(Code::kKeyMissing, std::string(name));
  DUDAO_CHECK(load_secret());
  DUDAO_TRY(PrivateKey key, unseal(name));
  return &keys_.emplace(name, std::move(key)).first->second;
}

Result<PublicKey> DesktopKeyStore::create(std::string_view name, Algorithm algorithm) {
  const std::lock_guard lock(mutex_);
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name.substr(0, 64)));
  if (files_.exists(path_of(name))) return fail(Code::kKeyExists, std::string(name));
  const std::optional<std::string> other = any_key();
  const auto loaded = load_secret();
  if (!loaded) {
    // A machine secret is made for the first key only: were it made anew, it would hide that the old one was lost.
    const bool first = !options_.machine_secret_file.empty() && !files_.exists(options_.machine_secret_file) && !other;
    if (!first) return fail(loaded.error());
    DUDAO_CHECK(make_machine_secret());
  }
  if (other) DUDAO_CHECK(find(*other));
  DUDAO_CHECK(files_.make_folder(options_.folder));

  PrivateKey key = PrivateKey::generate(algorithm);
  Bytes file = to_bytes(view(kMagic));
  file.push_back(kVersion);
  file.push_back(options_.machine_secret_file.empty() ? kByPassPhrase : kByMachineSecret);
  file.push_back(static_cast<std::uint8_t>(options_.cost_log2));
  file.push_back(static_cast<std::uint8_t>(algorithm));
  append(file, random_bytes(kHeaderBytes - kSaltAt));
  const WipedHash sealing{derive(file[9], secret_, BytesView(file).subspan(kSaltAt), options_.cost_log2)};
  const Wiped plain{key.secret()};
  const Bytes sealed = seal(sealing.bytes, plain.bytes, context_of(file, name));
  append(file, sealed);
  DUDAO_TRY(const bool made, files_.create(path_of(name), file));
  if (!made) return fail(Code::kKeyExists, std::string(name));
  return keys_.insert_or_assign(std::string(name), std::move(key)).first->second.public_key();
}

Result<PublicKey> DesktopKeyStore::public_key(std::string_view name) {
  const std::lock_guard lock(mutex_);
  DUDAO_TRY(const PrivateKey* key, find(name));
  return key->public_key();
}

Result<Bytes> DesktopKeyStore::sign(std::string_view name, BytesView message) {
  const std::lock_guard lock(mutex_);
  DUDAO_TRY(const PrivateKey* key, find(name));
  return key->sign(message);
}

Status DesktopKeyStore::remove(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name.substr(0, 64)));
  DUDAO_CHECK(files_.remove(path_of(name)));
  if (const auto found = keys_.find(name); found != keys_.end()) keys_.erase(found);
  return {};
}

}  // namespace dudao
