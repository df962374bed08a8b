#pragma once

/// Photographs from before and after, which a school sends with its report. The office keeps the file as it came; the
/// report's decision names it by its hash, so that nobody can put another in its place.

#include "sync/office/office.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dudao {

inline constexpr std::size_t kMaxPhotoBytes = std::size_t{2} << 20U;
inline constexpr std::int64_t kMaxPhotosOfVisit = 200;

/// "image/jpeg", "image/png" or "image/webp", by what the file begins with; empty for anything else.
std::string_view photo_media(BytesView body) noexcept;

/// As people and programs name one: SHA-256 in hex. Error: kPhotoUnknown.
Result<Hash> photo_hash_from(std::string_view hex);

/// Durable when it returns; the same may be sent again. Gives the hash of the file. Errors: kPhotoWrong,
/// kTooManyPhotos (kMaxPhotosOfVisit), kVisitUnknown, database errors.
Result<Hash> keep_photo(Office& office, Clock& clock, std::string_view actor, BytesView visit, BytesView body);

/// The file, as it came: one that is not the named one any more is not given. Errors: kPhotoUnknown (of this visit),
/// kDatabaseCorrupt, database errors.
Result<Bytes> photo_body(Store& rows, BytesView visit, const Hash& hash);

}  // namespace dudao
