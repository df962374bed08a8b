#pragma once

/// A disk in memory under SQLite, which loses at a power cut what was not synced, tears sectors, fills up and fails. It
/// is SQLite's default file system in the program that installs it.

#include "platform/bytes.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace dudao::faults {

/// What happens to one call that changes the disk: write, truncate, sync, delete.
enum class Fault : std::uint8_t {
  kNone,
  kPowerCut,    ///< this call and all after it do not happen
  kFull,        ///< SQLITE_FULL, for writes
  kWriteError,  ///< SQLITE_IOERR_*, for every kind of call
  kShortWrite,  ///< half of the bytes are written, then SQLITE_IOERR_WRITE
  kSyncError,   ///< SQLITE_IOERR_FSYNC, and what was to be synced is lost at the next power cut, as on Linux
  kReadError,   ///< SQLITE_IOERR_READ, for reads, which are counted by themselves
};

/// What of the unsynced calls a power cut leaves.
enum class Survives : std::uint8_t { kNothing, kEverything, kRandomSectors };

class Disk {
 public:
  /// Installs the one disk of this process as SQLite's default, or returns it.
  static Disk& install();

  /// Calls on files whose path begins with this are counted and may fail; others always succeed.
  void watch(std::string prefix) { watched_ = std::move(prefix); }
  /// The call with this number, counted from 1 from now on, meets the fault; `for_good`: and all after it of its kind.
  void plan(Fault fault, std::uint64_t at, bool for_good);
  /// From now on nothing changes on the watched disk, as for a process that was killed.
  void freeze() { dead_ = true; }
  /// From now on everything succeeds; counting starts again.
  void heal();
  std::uint64_t calls() const { return calls_; }
  std::uint64_t reads() const { return reads_; }
  /// True: the planned fault has happened.
  bool happened() const { return happened_; }
  /// Called after each sync of a watched file; for looking at the disk as it is.
  std::function<void()> after_sync;

  /// All files as they would be found after a power cut now.
  struct Image {
    std::map<std::string, Bytes> files;
  };
  Image image(Survives survives, std::uint64_t seed) const;
  /// Takes the place of all watched files, all of it synced. REQUIRES: none of them is open.
  void put(const Image& image);
  /// Puts an image's files elsewhere, the watched prefix replaced, all of it synced.
  void put_beside(const Image& image, const std::string& prefix);
  void remove_all(const std::string& prefix);
  /// Every file of every machine, for putting all of it back.
  std::map<std::string, Bytes> all() const;
  void put_all(const std::map<std::string, Bytes>& files);

  struct Change {
    bool truncate = false;
    std::uint64_t offset = 0;  ///< of a write; the new size of a truncation
    Bytes bytes;
  };
  struct File {
    Bytes durable;
    Bytes now;
    std::vector<Change> unsynced;
    bool entry_durable = false;  ///< its name survives
    bool removed = false;        ///< and the removal is not durable yet
  };

  // What the file system does.
  int read(const std::string& path);
  int write(const std::string& path, const std::shared_ptr<File>& file, std::uint64_t offset, BytesView bytes);
  int truncate(const std::string& path, const std::shared_ptr<File>& file, std::uint64_t size);
  int sync(const std::string& path, const std::shared_ptr<File>& file, bool with_folder);
  int remove(const std::string& path, bool sync_folder);
  std::shared_ptr<File> open(const std::string& path, bool create);
  bool exists(const std::string& path) const;

 private:
  Fault meets(const std::string& path, bool write, bool sync);

  std::map<std::string, std::shared_ptr<File>> files_;
  std::string watched_;
  std::uint64_t calls_ = 0;
  std::uint64_t reads_ = 0;
  Fault planned_ = Fault::kNone;
  std::uint64_t at_ = 0;
  bool for_good_ = false;
  bool happened_ = false;
  bool dead_ = false;
};

}  // namespace dudao::faults
