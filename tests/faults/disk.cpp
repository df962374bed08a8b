#include "tests/faults/disk.hpp"

#include "tests/faults/memory.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <sqlite3.h>

namespace dudao::faults {
namespace {

constexpr std::size_t kSectorBytes = 512;

void change_content(Bytes& content, const Disk::Change& change) {
  if (change.truncate) {
    content.resize(std::min<std::size_t>(content.size(), change.offset));
    return;
  }
  if (content.size() < change.offset + change.bytes.size()) content.resize(change.offset + change.bytes.size());
  std::ranges::copy(change.bytes, content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

// --- SQLite's side.

struct Handle {
  sqlite3_file base;
  std::string* path;
  std::shared_ptr<Disk::File>* file;
  bool syncs_folder;
};
Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

int on_close(sqlite3_file* file) {
  delete handle(file).path;
  delete handle(file).file;
  return SQLITE_OK;
}
int on_read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 offset) {
  if (const int rc = Disk::install().read(*handle(file).path); rc != SQLITE_OK) return rc;
  const Bytes& content = (*handle(file).file)->now;
  const auto size = static_cast<std::size_t>(bytes);
  const auto at = static_cast<std::size_t>(offset);
  const std::size_t there = at < content.size() ? std::min(size, content.size() - at) : 0;
  if (there > 0) std::memcpy(to, content.data() + at, there);
  if (there == size) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + there, 0, size - there);
  return SQLITE_IOERR_SHORT_READ;
}
int on_write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
  const Memory::Spare spare;
  Handle& h = handle(file);
  return Disk::install().write(*h.path, *h.file, static_cast<std::uint64_t>(offset),
                               {static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(bytes)});
}
int on_truncate(sqlite3_file* file, sqlite3_int64 size) {
  const Memory::Spare spare;
  return Disk::install().truncate(*handle(file).path, *handle(file).file, static_cast<std::uint64_t>(size));
}
int on_sync(sqlite3_file* file, int) {
  const Memory::Spare spare;
  Handle& h = handle(file);
  const int rc = Disk::install().sync(*h.path, *h.file, h.syncs_folder);
  if (rc == SQLITE_OK) h.syncs_folder = false;
  return rc;
}
int on_file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>((*handle(file).file)->now.size());
  return SQLITE_OK;
}
int on_lock(sqlite3_file*, int) { return SQLITE_OK; }
int on_check_lock(sqlite3_file*, int* locked) {
  *locked = 0;
  return SQLITE_OK;
}
int on_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int on_sector_size(sqlite3_file*) { return static_cast<int>(kSectorBytes); }
// As the system's own file system says of itself on Linux: a write beside others does not disturb them.
int on_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

const sqlite3_io_methods kMethods = {
    1,       on_close,      on_read,    on_write,       on_truncate,        on_sync, on_file_size, on_lock,
    on_lock, on_check_lock, on_control, on_sector_size, on_characteristics, nullptr, nullptr,      nullptr,
    nullptr, nullptr,       nullptr};

int on_open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const Memory::Spare spare;
  static int temporary = 0;
  const std::string path = name ? name : "temporary-" + std::to_string(++temporary);
  file->pMethods = nullptr;
  auto found = Disk::install().open(path, (flags & SQLITE_OPEN_CREATE) != 0 || !name);
  if (!found) return SQLITE_CANTOPEN;
  Handle& h = handle(file);
  h.path = new std::string(path);
  h.file = new std::shared_ptr<Disk::File>(std::move(found));
  // The system's file system syncs the folder with a journal's first sync, and so do we.
  h.syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  file->pMethods = &kMethods;
  if (out_flags) *out_flags = flags;
  return SQLITE_OK;
}
int on_delete(sqlite3_vfs*, const char* path, int sync_folder) {
  const Memory::Spare spare;
  return Disk::install().remove(path, sync_folder != 0);
}
int on_access(sqlite3_vfs*, const char* path, int, int* out) {
  const Memory::Spare spare;
  *out = Disk::install().exists(path) ? 1 : 0;
  return SQLITE_OK;
}
int on_full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", path);
  return SQLITE_OK;
}
int on_randomness(sqlite3_vfs*, int size, char* out) {
  std::memset(out, 7, static_cast<std::size_t>(size));  // Salts of the log differ by counting up.
  return size;
}
int on_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
int on_time(sqlite3_vfs*, double* out) {
  *out = 2461000.5;
  return SQLITE_OK;
}
int on_error(sqlite3_vfs*, int, char*) { return 0; }

sqlite3_vfs file_system = {1,       sizeof(Handle), 512,           nullptr,      "dudao-faults", nullptr,
                           on_open, on_delete,      on_access,     on_full_path, nullptr,        nullptr,
                           nullptr, nullptr,        on_randomness, on_sleep,     on_time,        on_error,
                           nullptr, nullptr,        nullptr,       nullptr};

}  // namespace

Disk& Disk::install() {
  // Never destroyed: databases that are closed after main() still need it.
  static Disk* const disk = [] {
    sqlite3_vfs_register(&file_system, 1);
    return new Disk();
  }();
  return *disk;
}

void Disk::plan(Fault fault, std::uint64_t at, bool for_good) {
  heal();
  planned_ = fault;
  at_ = at;
  for_good_ = for_good;
}

void Disk::heal() {
  planned_ = Fault::kNone;
  calls_ = 0;
  reads_ = 0;
  happened_ = false;
  dead_ = false;
}

Fault Disk::meets(const std::string& path, bool write, bool sync) {
  if (!path.starts_with(watched_)) return Fault::kNone;
  if (dead_) return Fault::kPowerCut;
  ++calls_;
  const bool fits = planned_ == Fault::kPowerCut || planned_ == Fault::kWriteError ||
                    ((planned_ == Fault::kFull || planned_ == Fault::kShortWrite) && write) ||
                    (planned_ == Fault::kSyncError && sync);
  if (!fits || calls_ < at_ || (calls_ > at_ && happened_ && !for_good_)) return Fault::kNone;
  // A fault for one kind of call waits for the first of its kind.
  happened_ = true;
  if (planned_ == Fault::kPowerCut) dead_ = true;
  return planned_;
}

int Disk::read(const std::string& path) {
  if (!path.starts_with(watched_)) return SQLITE_OK;
  ++reads_;
  if (planned_ != Fault::kReadError || reads_ < at_ || (reads_ > at_ && !for_good_)) return SQLITE_OK;
  happened_ = true;
  return SQLITE_IOERR_READ;
}

int Disk::write(const std::string& path, const std::shared_ptr<File>& file, std::uint64_t offset, BytesView bytes) {
  Change change{false, offset, to_bytes(bytes)};
  const bool was_dead = dead_;
  const Fault fault = meets(path, true, false);
  if (fault == Fault::kPowerCut) {
    if (!was_dead) file->unsynced.push_back(std::move(change));  // It may still have got there, torn.
    return SQLITE_IOERR_WRITE;
  }
  if (fault == Fault::kFull) return SQLITE_FULL;
  if (fault == Fault::kWriteError) return SQLITE_IOERR_WRITE;
  if (fault == Fault::kShortWrite) change.bytes.resize(change.bytes.size() / 2);
  change_content(file->now, change);
  file->unsynced.push_back(std::move(change));
  return fault == Fault::kShortWrite ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

int Disk::truncate(const std::string& path, const std::shared_ptr<File>& file, std::uint64_t size) {
  if (meets(path, false, false) != Fault::kNone) return SQLITE_IOERR_TRUNCATE;
  file->unsynced.push_back({true, size, {}});
  change_content(file->now, file->unsynced.back());
  return SQLITE_OK;
}

int Disk::sync(const std::string& path, const std::shared_ptr<File>& file, bool with_folder) {
  const Fault fault = meets(path, false, true);
  if (fault == Fault::kSyncError) {
    // What was written is marked clean and never written out: seen until the power goes, then gone.
    file->unsynced.clear();
    return SQLITE_IOERR_FSYNC;
  }
  if (fault != Fault::kNone) return SQLITE_IOERR_FSYNC;
  for (const Change& change : file->unsynced) change_content(file->durable, change);
  file->unsynced.clear();
  if (with_folder) {
    for (auto it = files_.begin(); it != files_.end();) {
      it->second->entry_durable = true;
      it = it->second->removed ? files_.erase(it) : std::next(it);
    }
  }
  if (after_sync && path.starts_with(watched_)) after_sync();
  return SQLITE_OK;
}

int Disk::remove(const std::string& path, bool sync_folder) {
  const auto found = files_.find(path);
  if (found == files_.end() || found->second->removed) return SQLITE_IOERR_DELETE_NOENT;
  if (meets(path, false, false) != Fault::kNone) return SQLITE_IOERR_DELETE;
  if (sync_folder || !found->second->entry_durable)
    files_.erase(found);
  else
    found->second->removed = true;
  return SQLITE_OK;
}

std::shared_ptr<Disk::File> Disk::open(const std::string& path, bool create) {
  auto& file = files_[path];
  if (!file || file->removed) {
    if (!create) {
      if (!file) files_.erase(path);
      return nullptr;
    }
    file = std::make_shared<File>();
  }
  return file;
}

bool Disk::exists(const std::string& path) const {
  const auto found = files_.find(path);
  return found != files_.end() && !found->second->removed;
}

Disk::Image Disk::image(Survives survives, std::uint64_t seed) const {
  std::mt19937_64 chance(seed);
  // Disks promise to write a sector whole: of 512 bytes the old ones, of 4,096 those of today.
  const std::uint64_t sector = seed % 2 == 0 ? kSectorBytes : 8 * kSectorBytes;
  Image out;
  for (const auto& [path, file] : files_) {
    if (!path.starts_with(watched_)) continue;
    const bool all = survives == Survives::kEverything;
    if (survives != Survives::kRandomSectors) {
      if (all ? !file->removed : file->entry_durable) out.files[path] = all ? file->now : file->durable;
      continue;
    }
    if (file->removed && chance() % 2 == 0) continue;
    if (!file->entry_durable && chance() % 2 == 0) continue;
    Bytes content = file->durable;
    for (const Change& change : file->unsynced) {
      if (change.truncate) {
        if (chance() % 2 == 0) change_content(content, change);
        continue;
      }
      for (std::size_t at = 0, size = 0; at < change.bytes.size(); at += size) {
        size = std::min<std::size_t>(sector - (change.offset + at) % sector, change.bytes.size() - at);
        if (chance() % 2 == 0) continue;
        change_content(content, {false, change.offset + at, to_bytes(BytesView(change.bytes).subspan(at, size))});
      }
    }
    out.files[path] = std::move(content);
  }
  return out;
}

void Disk::put(const Image& image) {
  remove_all(watched_);
  put_beside(image, watched_);
}

void Disk::put_beside(const Image& image, const std::string& prefix) {
  for (const auto& [path, content] : image.files) {
    auto file = std::make_shared<File>();
    file->durable = content;
    file->now = content;
    file->entry_durable = true;
    files_[prefix + path.substr(watched_.size())] = std::move(file);
  }
}

std::map<std::string, Bytes> Disk::all() const {
  std::map<std::string, Bytes> out;
  for (const auto& [path, file] : files_)
    if (!file->removed) out[path] = file->now;
  return out;
}

void Disk::put_all(const std::map<std::string, Bytes>& files) {
  files_.clear();
  const std::string watched = std::exchange(watched_, {});
  put_beside({files}, {});
  watched_ = watched;
}

void Disk::remove_all(const std::string& prefix) {
  std::erase_if(files_, [&](const auto& each) { return each.first.starts_with(prefix); });
}

}  // namespace dudao::faults
