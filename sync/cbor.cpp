#include "sync/cbor.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

namespace dudao {
namespace {

enum Major : std::uint8_t {
  kUnsigned,
  kNegative,
  kByteString,
  kTextString,
  kArrayItems,
  kMapEntries,
  kTagged,
  kSimple
};
constexpr std::uint8_t kFalse = 20;
constexpr std::uint8_t kTrue = 21;
constexpr std::uint8_t kNullValue = 22;

}  // namespace

void CborWriter::head(std::uint8_t major, std::uint64_t argument) {
  const auto kind = static_cast<std::uint8_t>(major << 5);
  if (argument < 24) return out_.push_back(static_cast<std::uint8_t>(kind | argument));
  const int log2_bytes = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : argument <= 0xffffffff ? 2 : 3;
  std::uint8_t encoded[9] = {static_cast<std::uint8_t>(kind | (24 + log2_bytes))};
  const std::size_t bytes = std::size_t{1} << log2_bytes;
  for (std::size_t i = bytes; i > 0; --i, argument >>= 8) encoded[i] = static_cast<std::uint8_t>(argument);
  append(out_, BytesView(encoded, 1 + bytes));
}

void CborWriter::integer(std::int64_t value) {
  if (value >= 0)
    head(kUnsigned, static_cast<std::uint64_t>(value));
  else
    head(kNegative, ~static_cast<std::uint64_t>(value));
}
void CborWriter::bytes(BytesView value) {
  head(kByteString, value.size());
  append(out_, value);
}
void CborWriter::text(std::string_view value) {
  if (!is_utf8(view(value))) throw std::invalid_argument("a text to be sent or kept is not UTF-8");
  head(kTextString, value.size());
  append(out_, view(value));
}
void CborWriter::array(std::size_t items) { head(kArrayItems, items); }
void CborWriter::map(std::size_t entries) { head(kMapEntries, entries); }
void CborWriter::tag(std::uint64_t number) { head(kTagged, number); }
void CborWriter::boolean(bool value) { head(kSimple, value ? kTrue : kFalse); }
void CborWriter::null() { head(kSimple, kNullValue); }
void CborWriter::raw(BytesView encoded) { append(out_, encoded); }

Result<CborType> CborReader::peek() const {
  if (at_end()) return CborType::kEnd;
  switch (in_[at_] >> 5) {
    case kUnsigned:
    case kNegative:
      return CborType::kInteger;
    case kByteString:
      return CborType::kBytes;
    case kTextString:
      return CborType::kText;
    case kArrayItems:
      return CborType::kArray;
    case kMapEntries:
      return CborType::kMap;
    case kTagged:
      return CborType::kTag;
    default:
      break;
  }
  const auto info = static_cast<std::uint8_t>(in_[at_] & 31);
  if (info == kFalse || info == kTrue) return CborType::kBoolean;
  if (info == kNullValue) return CborType::kNull;
  return fail(Code::kCborForm, "simple value or float");
}

Result<CborReader::Head> CborReader::head() {
  const std::uint8_t first = in_[at_++];
  Head out{static_cast<std::uint8_t>(first >> 5), static_cast<std::uint8_t>(first & 31), 0};
  if (out.info < 24) {
    out.argument = out.info;
    return out;
  }
  if (out.info > 27) return fail(Code::kCborForm, "indefinite or reserved length");
  const std::size_t bytes = std::size_t{1} << (out.info - 24);
  if (in_.size() - at_ < bytes) return fail(Code::kCborEnd);
  for (std::size_t i = 0; i < bytes; ++i) out.argument = out.argument << 8 | in_[at_++];
  const std::uint64_t smallest = bytes == 1 ? 24 : std::uint64_t{1} << (bytes * 4);
  if (out.argument < smallest) return fail(Code::kCborForm, "not the shortest form");
  return out;
}

Result<CborReader::Head> CborReader::head_of(std::uint8_t major) {
  if (at_end()) return fail(Code::kCborEnd);
  if (in_[at_] >> 5 != major) return fail(Code::kCborType);
  return head();
}

Result<std::int64_t> CborReader::integer() {
  if (at_end()) return fail(Code::kCborEnd);
  if (in_[at_] >> 5 > kNegative) return fail(Code::kCborType);
  DUDAO_TRY(const Head found, head());
  if (found.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return fail(Code::kCborRange);
  const auto value = static_cast<std::int64_t>(found.argument);
  return found.major == kUnsigned ? value : -1 - value;
}

Result<BytesView> CborReader::bytes() {
  DUDAO_TRY(const Head found, head_of(kByteString));
  if (found.argument > in_.size() - at_) return fail(Code::kCborEnd);
  const BytesView value = in_.subspan(at_, static_cast<std::size_t>(found.argument));
  at_ += value.size();
  return value;
}

Result<std::string_view> CborReader::text() {
  DUDAO_TRY(const Head found, head_of(kTextString));
  if (found.argument > in_.size() - at_) return fail(Code::kCborEnd);
  const BytesView value = in_.subspan(at_, static_cast<std::size_t>(found.argument));
  if (!is_utf8(value)) return fail(Code::kCborUtf8);
  at_ += value.size();
  return dudao::text(value);
}

Result<std::uint64_t> CborReader::array() {
  DUDAO_TRY(const Head found, head_of(kArrayItems));
  // Every item takes a byte at least, so a count beyond what is left cannot be true.
  if (found.argument > in_.size() - at_) return fail(Code::kCborEnd);
  return found.argument;
}

Result<std::uint64_t> CborReader::map() {
  DUDAO_TRY(const Head found, head_of(kMapEntries));
  CborReader ahead = *this;
  DUDAO_CHECK(ahead.check_map(found.argument, 1));
  return found.argument;
}

Result<std::uint64_t> CborReader::unordered_map() {
  DUDAO_TRY(const Head found, head_of(kMapEntries));
  CborReader ahead = *this;
  std::set<Bytes> keys;
  for (std::uint64_t i = 0; i < found.argument; ++i) {
    DUDAO_TRY(const BytesView key, ahead.item());
    if (!keys.insert(to_bytes(key)).second) return fail(Code::kCborKeys);
    DUDAO_CHECK(ahead.item());
  }
  return found.argument;
}

Status CborReader::tag(std::uint64_t number) {
  DUDAO_TRY(const Head found, head_of(kTagged));
  if (found.argument != number) return fail(Code::kCborType, "tag " + std::to_string(found.argument));
  return {};
}

Result<bool> CborReader::boolean() {
  DUDAO_TRY(const Head found, head_of(kSimple));
  if (found.argument != kFalse && found.argument != kTrue) return fail(Code::kCborType);
  return found.argument == kTrue;
}

Status CborReader::null() {
  DUDAO_TRY(const Head found, head_of(kSimple));
  if (found.argument != kNullValue) return fail(Code::kCborType);
  return {};
}

Result<BytesView> CborReader::item() {
  const std::size_t start = at_;
  DUDAO_CHECK(check_item(1));
  return in_.subspan(start, at_ - start);
}

Status CborReader::finish() const {
  if (!at_end()) return fail(Code::kCborTrailing, std::to_string(in_.size() - at_) + " bytes");
  return {};
}

Status CborReader::check_item(int depth) {
  if (depth > kMaxCborDepth) return fail(Code::kCborDepth);
  DUDAO_TRY(const CborType type, peek());
  switch (type) {
    case CborType::kInteger:
      return integer().map([](auto) {});
    case CborType::kBytes:
      return bytes().map([](auto) {});
    case CborType::kText:
      return text().map([](auto) {});
    case CborType::kBoolean:
      return boolean().map([](auto) {});
    case CborType::kNull:
      return null();
    case CborType::kTag:
      DUDAO_CHECK(tag(kCoseSign1Tag));
      return check_item(depth + 1);
    case CborType::kArray: {
      DUDAO_TRY(const std::uint64_t items, array());
      for (std::uint64_t i = 0; i < items; ++i) DUDAO_CHECK(check_item(depth + 1));
      return {};
    }
    case CborType::kMap: {
      DUDAO_TRY(const Head found, head_of(kMapEntries));
      return check_map(found.argument, depth);
    }
    default:
      return fail(Code::kCborEnd);
  }
}

Status CborReader::check_map(std::uint64_t entries, int depth) {
  BytesView last;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::size_t start = at_;
    DUDAO_CHECK(check_item(depth + 1));
    const BytesView key = in_.subspan(start, at_ - start);
    // The first has nothing before it, which is less than any key.
    if (!std::lexicographical_compare(last.begin(), last.end(), key.begin(), key.end())) return fail(Code::kCborKeys);
    last = key;
    DUDAO_CHECK(check_item(depth + 1));
  }
  return {};
}

}  // namespace dudao
