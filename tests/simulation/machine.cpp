#include "tests/simulation/machine.hpp"

#include <filesystem>

namespace dudao::simulation {

Result<PrivateKey*> MachineKeys::find(std::string_view name) {
  if (locked) return fail(Code::kKeyStoreLocked);
  const auto found = keys_.find(name);
  if (found == keys_.end()) return fail(Code::kKeyMissing, std::string(name));
  return &found->second;
}

Result<PublicKey> MachineKeys::create(std::string_view name, Algorithm algorithm) {
  if (locked) return fail(Code::kKeyStoreLocked);
  if (keys_.contains(name)) return fail(Code::kKeyExists, std::string(name));
  return keys_.emplace(name, PrivateKey::generate(algorithm)).first->second.public_key();
}

Result<PublicKey> MachineKeys::public_key(std::string_view name) {
  DUDAO_TRY(const PrivateKey* key, find(name));
  return key->public_key();
}

Result<Bytes> MachineKeys::sign(std::string_view name, BytesView message) {
  touched_();
  DUDAO_TRY(const PrivateKey* key, find(name));
  return key->sign(message);
}

Status MachineKeys::remove(std::string_view name) {
  if (const auto found = keys_.find(name); found != keys_.end()) keys_.erase(found);
  return {};
}

void MachineKeys::copy_from(const MachineKeys& other) {
  keys_.clear();
  for (const auto& [name, key] : other.keys_)
    keys_.emplace(name, *PrivateKey::from_secret(key.public_key().algorithm(), key.secret()));
}

void copy_database(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  fs::create_directories(fs::path(to).parent_path());
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  if (fs::exists(from + "-wal")) fs::copy_file(from + "-wal", to + "-wal", fs::copy_options::overwrite_existing);
}

void Machine::touch() {
  if (!left_ || image_taken_ || --*left_ > 0) return;
  copy_database(database, image);
  image_taken_ = true;
}

void Machine::begin() { left_ = std::exchange(dies_after, std::nullopt); }

bool Machine::end() {
  if (!left_) return false;
  if (!image_taken_) copy_database(database, image);
  left_.reset();
  image_taken_ = false;
  return true;
}

}  // namespace dudao::simulation
