#pragma once

#include "platform/desktop/files.hpp"
#include "platform/platform.hpp"

#include <map>
#include <mutex>
#include <optional>

namespace dudao {

struct KeyStoreOptions {
  std::string folder = {};       ///< of the key files; made with mode 0700 if missing
  std::string data_folder = {};  ///< what is backed up: the machine secret may not lie in it; may be empty
  /// What opens the keys: a pass phrase (UTF-8, not empty), or 32 bytes in a file of this machine that is made with
  /// mode 0600 at the first create(). With both the pass phrase counts, with neither the store is locked.
  std::optional<std::string> pass_phrase = {};
  std::string machine_secret_file = {};
  /// Work of scrypt with r 8: 14 takes 16 MiB, and about 0.05 s for each key with a machine secret, 0.25 s with a pass
  /// phrase. From 10 to 20; below 14 in tests only.
  unsigned cost_log2 = 14;
};

/// Keys in a folder, one sealed file "<name>.key" each with mode 0600, unsealed at first use and then kept in memory
/// until remove() or destruction wipes them. Thread-safe; several processes may share a folder.
///
/// A machine secret protects a copy of the folder without the secret, not a machine that was stolen as a whole: where
/// that is feared, use a pass phrase.
///
/// The file, version 1, all of it authenticated (AES-256-GCM, the name as context too, so that files cannot be
/// swapped):
///     0  8  "dudaokey"
///     8  1  version, 1
///     9  1  what opens it: 1 pass phrase, 2 machine secret
///    10  1  cost_log2 of scrypt (r 8, p 5 for a pass phrase, which somebody may guess; p 1 for a machine secret)
///    11  1  algorithm, COSE number as a signed byte
///    12 16  salt of scrypt
///    28 60  sealed secret: nonce 12, 32 bytes, tag 16
class DesktopKeyStore final : public KeyStore {
 public:
  /// Reads nothing yet but the machine secret, if there is one. Errors: kMachineSecretUnsafe, file errors.
  static Result<std::unique_ptr<DesktopKeyStore>> open(KeyStoreOptions options);
  ~DesktopKeyStore() override;

  /// Refuses with kSealBroken if the folder holds a key that this pass phrase or secret does not open, so that one
  /// folder never needs two of them.
  Result<PublicKey> create(std::string_view name, Algorithm algorithm) override;
  Result<PublicKey> public_key(std::string_view name) override;
  Result<Bytes> sign(std::string_view name, BytesView message) override;
  Status remove(std::string_view name) override;

 private:
  explicit DesktopKeyStore(KeyStoreOptions options) : options_(std::move(options)) {}
  std::string path_of(std::string_view name) const;
  Status load_secret();
  Status make_machine_secret();
  std::optional<std::string> any_key() const;
  Result<PrivateKey> unseal(std::string_view name);
  Result<const PrivateKey*> find(std::string_view name);

  KeyStoreOptions options_;  // without the pass phrase
  DesktopFiles files_;
  std::mutex mutex_;
  Bytes secret_;  // pass phrase or machine secret; empty: locked
  std::map<std::string, PrivateKey, std::less<>> keys_;
};

}  // namespace dudao
