#include "tests/support/memory_key_store.hpp"

#include <algorithm>

namespace dudao::test {
namespace {

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

Result<PublicKey> MemoryKeyStore::create(std::string_view name, Algorithm algorithm) {
  const std::lock_guard lock(mutex_);
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name));
  if (locked_) return fail(Code::kKeyStoreLocked);
  if (keys_.contains(name)) return fail(Code::kKeyExists, std::string(name));
  return keys_.emplace(name, PrivateKey::generate(algorithm)).first->second.public_key();
}

Result<PublicKey> MemoryKeyStore::public_key(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name));
  if (locked_) return fail(Code::kKeyStoreLocked);
  const auto found = keys_.find(name);
  if (found == keys_.end()) return fail(Code::kKeyMissing, std::string(name));
  return found->second.public_key();
}

Result<Bytes> MemoryKeyStore::sign(std::string_view name, BytesView message) {
  const std::lock_guard lock(mutex_);
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name));
  if (locked_) return fail(Code::kKeyStoreLocked);
  const auto found = keys_.find(name);
  if (found == keys_.end()) return fail(Code::kKeyMissing, std::string(name));
  return found->second.sign(message);
}

Status MemoryKeyStore::remove(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (!is_key_name(name)) return fail(Code::kKeyName, std::string(name));
  if (const auto found = keys_.find(name); found != keys_.end()) keys_.erase(found);
  return {};
}

void MemoryKeyStore::put(std::string_view name, PrivateKey key) {
  const std::lock_guard lock(mutex_);
  keys_.insert_or_assign(std::string(name), std::move(key));
}

void MemoryKeyStore::set_locked(bool locked) {
  const std::lock_guard lock(mutex_);
  locked_ = locked;
}

}  // namespace dudao::test
