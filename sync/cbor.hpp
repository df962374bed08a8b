#pragma once

/// Deterministic CBOR (RFC 8949 section 4.2.1), strict in both directions: one value has one encoding, and nothing else
/// is accepted. Integers of 64 signed bits, byte strings, text, arrays, maps, tag 18, false, true and null; no floats,
/// no indefinite lengths, no other tags. For every input that is accepted, writing what was read gives the input again.
///
/// Time and memory are bounded by the input's size: nothing is allocated while reading, nesting ends at kMaxCborDepth.

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace dudao {

inline constexpr int kMaxCborDepth = 16;
inline constexpr std::uint64_t kCoseSign1Tag = 18;

enum class CborType : std::uint8_t { kInteger, kBytes, kText, kArray, kMap, kTag, kBoolean, kNull, kEnd };

/// Builds an encoding from front to back. REQUIRES: arrays and maps get exactly as many items as announced, and a map's
/// keys come in the order of their encodings.
class CborWriter {
 public:
  void integer(std::int64_t value);
  void bytes(BytesView value);
  /// REQUIRES: UTF-8; throws std::invalid_argument for anything else, such as what a damaged database holds.
  void text(std::string_view value);
  void array(std::size_t items);
  void map(std::size_t entries);
  void tag(std::uint64_t number);
  void boolean(bool value);
  void null();
  /// Appends an encoding as it is.
  void raw(BytesView encoded);

  const Bytes& written() const { return out_; }
  Bytes take() && { return std::move(out_); }
  /// Begins anew, in the same memory.
  void clear() { out_.clear(); }

 private:
  void head(std::uint8_t major, std::uint64_t argument);
  Bytes out_;
};

/// Reads an encoding from front to back; views point into the input. Each function reads one item of its kind or fails
/// and leaves the reader unusable. Errors: kCborEnd (the input ends inside an item), kCborType (another kind of item),
/// kCborForm (not the shortest form, indefinite, reserved, or a kind that is not used here), kCborRange (an integer
/// beyond 64 signed bits), kCborUtf8, kCborKeys (a map's keys not sorted or twice), kCborDepth.
class CborReader {
 public:
  explicit CborReader(BytesView input) : in_(input) {}

  /// Kind of the next item; kEnd when there is none.
  Result<CborType> peek() const;
  Result<std::int64_t> integer();
  Result<BytesView> bytes();
  Result<std::string_view> text();
  /// The number of items that follow. Never more than the bytes that are left.
  Result<std::uint64_t> array();
  /// The number of entries that follow, key then value. The whole map is checked for sorted and single keys before this
  /// returns, so what is inside can be read plainly.
  Result<std::uint64_t> map();
  /// A map of somebody else's that need not be in deterministic form: its keys in any order, but each once.
  Result<std::uint64_t> unordered_map();
  Status tag(std::uint64_t number);
  Result<bool> boolean();
  Status null();
  /// The bytes of the next item, whatever it is, checked through and through.
  Result<BytesView> item();
  bool at_end() const { return at_ == in_.size(); }
  /// Error: kCborTrailing.
  Status finish() const;

 private:
  struct Head {
    std::uint8_t major;
    std::uint8_t info;
    std::uint64_t argument;
  };
  Result<Head> head();
  Result<Head> head_of(std::uint8_t major);
  Status check_item(int depth);
  Status check_map(std::uint64_t entries, int depth);

  BytesView in_;
  std::size_t at_ = 0;
};

}  // namespace dudao
