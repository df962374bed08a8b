#pragma once

#include "platform/platform.hpp"

#include <map>
#include <mutex>

namespace dudao::test {

/// A key store without a file behind it. Thread-safe.
class MemoryKeyStore final : public KeyStore {
 public:
  Result<PublicKey> create(std::string_view name, Algorithm algorithm) override;
  Result<PublicKey> public_key(std::string_view name) override;
  Result<Bytes> sign(std::string_view name, BytesView message) override;
  Status remove(std::string_view name) override;

  /// Puts a known key under the name, over any other: vectors and clones need the same key twice.
  void put(std::string_view name, PrivateKey key);
  /// While locked every call but remove() gives kKeyStoreLocked.
  void set_locked(bool locked);

 private:
  std::mutex mutex_;
  std::map<std::string, PrivateKey, std::less<>> keys_;
  bool locked_ = false;
};

}  // namespace dudao::test
