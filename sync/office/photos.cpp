#include "sync/office/photos.hpp"

#include "sync/office/rows.hpp"

#include <algorithm>

namespace dudao {
namespace {

bool begins(BytesView body, std::string_view with, std::size_t at = 0) {
  return body.size() >= at + with.size() && std::ranges::equal(body.subspan(at, with.size()), view(with));
}

}  // namespace

std::string_view photo_media(BytesView body) noexcept {
  if (begins(body, "\xFF\xD8\xFF")) return "image/jpeg";
  if (begins(body, "\x89PNG\r\n\x1A\n")) return "image/png";
  if (begins(body, "RIFF") && begins(body, "WEBP", 8)) return "image/webp";
  return {};
}

Result<Hash> photo_hash_from(std::string_view hex) {
  const auto bytes = from_hex(hex);
  const auto hash = bytes ? to_array<32>(*bytes) : std::nullopt;
  if (!hash) return fail(Code::kPhotoUnknown, std::string(excerpt(hex, 80)));
  return *hash;
}

Result<Hash> keep_photo(Office& office, Clock& clock, std::string_view actor, BytesView visit, BytesView body) {
  if (body.size() > kMaxPhotoBytes || photo_media(body).empty()) return fail(Code::kPhotoWrong);
  const Hash hash = sha256(body);
  // Nothing that stands in the log until a report names it; the decision's transaction keeps the file.
  DUDAO_CHECK(office.decide(actor, "school.photo", [&](Store& rows) -> Result<ChangesBuilder> {
    DUDAO_TRY(const auto known, row_of(rows, "visit", {visit}));
    if (!known) return fail(Code::kVisitUnknown, to_hex(visit));
    DUDAO_TRY(const auto there, rows.photo(visit, hash));
    DUDAO_TRY(const std::int64_t count, rows.photos_of(visit));
    if (!there && count >= kMaxPhotosOfVisit) return fail(Code::kTooManyPhotos);
    DUDAO_CHECK(rows.put_photo({to_bytes(visit), hash, to_bytes(body), clock.wall_utc_ms()}));
    return ChangesBuilder();
  }));
  return hash;
}

Result<Bytes> photo_body(Store& rows, BytesView visit, const Hash& hash) {
  DUDAO_TRY(auto photo, rows.photo(visit, hash));
  if (!photo) return fail(Code::kPhotoUnknown, to_hex(hash));
  if (sha256(photo->body) != hash) return fail(Code::kDatabaseCorrupt, "photo " + to_hex(hash));
  return std::move(photo->body);
}

}  // namespace dudao
