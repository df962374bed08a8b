#pragma once

/// The school's side of rectification. Whoever holds the code of a visit sees its findings and says what the school
/// does about them: no account, no app. POST /v1/school, JSON both ways:
///
///     {"code": "…32 hex digits…", "do": "show"}
///     {"code": …, "do": "acknowledge", "finding": "3/1", "person": "李校长"}
///     {"code": …, "do": "plan",   "finding": "3/1", "person": …, "responsible": …, "text": …}
///     {"code": …, "do": "photo", "data": "…base64 of a JPEG, PNG or WebP file of at most 2 MiB…"}
///     {"code": …, "do": "report", "finding": "3/1", "person": …, "text": …,
///      "before": ["…SHA-256 in hex…", …], "after": […]}                       both may be missing
///     {"code": …, "do": "see", "photo": "…SHA-256 in hex…"}
///
/// Answers (200): to photo {"photo": "…SHA-256 in hex…"}, to be named by a report and safe to send again; to see
/// {"photo", "media", "data"}; to the others how the findings stand then. Or {"error": {"number", "en", "zh",
/// "detail"}} (400, 403, 503). What may follow what stands in schema/visit_state.hpp. Only findings of which the office
/// gave notice are shown.

#include "platform/platform.hpp"
#include "sync/office/http_message.hpp"
#include "sync/office/photos.hpp"
#include "sync/office/rectification.hpp"

#include <cstdint>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace dudao {

inline constexpr std::string_view kSchoolPath = "/v1/school";
inline constexpr std::size_t kMaxSchoolRequestBytes = (kMaxPhotoBytes + 2) / 3 * 4 + (64u << 10);
inline constexpr std::int64_t kSchoolCodeLife_ms = std::int64_t{90} * 86'400'000;

/// A code for the visit's school, in place of the one before; valid 90 days. 16 bytes, to be handed over as hex.
/// Errors: kVisitUnknown, database errors.
Result<Bytes> offer_school_code(Office& office, Clock& clock, std::string_view actor, BytesView visit);

/// What everybody may know of a finding, days as "2026-04-30".
nlohmann::json finding_json(const FindingView& finding, std::int64_t today);

/// {"photo", "media", "data"}: a photograph that came with the visit, in base64. Errors: those of photo_body().
Result<nlohmann::json> show_photo(Office& office, BytesView visit, const Hash& hash);

/// Never fails: every refusal is a response.
Response serve_school(Office& office, Clock& clock, const Request& request);

}  // namespace dudao
