#pragma once

/// What the payload of each type of statement says. Writers and strict readers; the bytes are described in
/// sync/PROTOCOL.md. Views point into the payload.

#include "platform/bytes.hpp"
#include "platform/crypto.hpp"
#include "platform/error.hpp"
#include "sync/changes.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dudao {

/// A size of the office's log and the root of its tree then: what a device has seen, or claims to know.
struct LogState {
  std::uint64_t size = 0;
  Hash root{};
  bool operator==(const LogState&) const = default;
};

/// A change set of a device, or a decision of the office (then with actor and action).
struct ChangeSet {
  std::uint64_t seq = 0;  ///< from 1, without gaps, one chain an author
  Hash prev{};    ///< id of the author's statement before; of the enrolment (device) or genesis (office) at first
  LogState seen;  ///< newest checkpoint of the log that the author verified and whose rows they hold
  std::uint64_t hlc = 0;  ///< 48 bits of milliseconds, 16 bits of counter
  int schema_version = 0;
  std::string_view actor;   ///< office only: who decided
  std::string_view action;  ///< office only: what, as a stable word with dots, e.g. "visit.assign"
  Changes changes;
};
Bytes write_change_set(const ChangeSet& change_set);
/// Errors: CBOR errors, those of read_changes, kPayloadShape, kSchemaNewer.
Result<ChangeSet> read_change_set(BytesView payload);

/// The first two fields of a change set, which say where in its author's chain it belongs.
struct ChainLink {
  std::uint64_t seq = 0;
  Hash prev{};
};
/// Reads them even where what follows is of a newer program or wrong. Errors: CBOR errors, kPayloadShape.
Result<ChainLink> read_chain_link(BytesView payload);

/// First leaf of every log.
struct Genesis {
  std::string_view origin;  ///< the log's name, e.g. "dudao.edu.sx.cn/2026"
  Algorithm algorithm{};
  BytesView public_key;
  std::int64_t created_utc_ms = 0;
};
Bytes write_genesis(const Genesis& genesis);
Result<Genesis> read_genesis(BytesView payload);

/// What a device asks for before it has a number; signed with its new key, which proves that it holds it.
struct EnrolmentRequest {
  Algorithm algorithm{};
  BytesView public_key;
  std::string_view device_name;  ///< what people will call it
  std::string_view inspector;    ///< code, as typed; the office decides
  BytesView code_proof;          ///< prove_code() when the office sent a code, else empty
  std::int64_t made_utc_ms = 0;
};
/// Shows that whoever holds this key knows the one-time code, without telling it: who reads the request on its way can
/// enrol no key of their own. `code_hash` is SHA-256 of the 16 bytes, which is all that the office keeps.
Hash prove_code(const Hash& code_hash, const PublicKey& device_key);
Bytes write_enrolment_request(const EnrolmentRequest& request);
Result<EnrolmentRequest> read_enrolment_request(BytesView payload);

/// The office's word that a key is a device of an inspector.
struct Enrolment {
  std::int64_t device = 0;  ///< number, from 1, never reused
  Algorithm algorithm{};
  BytesView public_key;
  std::string_view inspector;
  std::string_view device_name;
  std::int64_t expires_utc_s = 0;
  std::string_view actor;
};
Bytes write_enrolment(const Enrolment& enrolment);
Result<Enrolment> read_enrolment(BytesView payload);

/// After this statement nothing of the device past the cut enters the log.
struct Revocation {
  std::int64_t device = 0;
  std::uint64_t cut_seq = 0;  ///< last statement of the device that counts; 0 when none
  Hash cut_id{};              ///< its id; of the enrolment when none
  std::string_view reason;
  std::string_view actor;
};
Bytes write_revocation(const Revocation& revocation);
Result<Revocation> read_revocation(BytesView payload);

/// The file that comes after the commitment: recusals since, all of them each time.
inline constexpr std::string_view kRecusedLater = "recused-later";
enum class DrawStage : std::uint8_t { kFile = 1, kCommit = 2, kReveal = 3, kVoid = 4 };
/// One step of a public draw (schema/draw.hpp); fields by stage.
struct DrawStep {
  std::string_view draw;
  DrawStage stage{};
  std::string_view file;     ///< kFile: "frame", "pool" or "recuse"
  std::int64_t part = 0;     ///< kFile: from 0
  std::int64_t parts = 0;    ///< kFile: how many
  std::string_view content;  ///< kFile: bytes of the part; kCommit: manifest; kReveal: result
  BytesView commitment;      ///< kCommit: 32 bytes
  BytesView secret;          ///< kReveal: 32 bytes
  std::string_view entropy;  ///< kReveal: the public event as it was used
  std::string_view reason;   ///< kVoid
  std::string_view actor;
};
Bytes write_draw_step(const DrawStep& step);
Result<DrawStep> read_draw_step(BytesView payload);

using Nonce = std::array<std::uint8_t, 16>;

/// What a device says at the head of a pass.
struct SyncRequest {
  std::int64_t device = 0;
  Nonce nonce{};  ///< random; or the office's, when it asked for one because the clock is wrong
  std::int64_t now_utc_ms = 0;
  std::uint64_t cursor = 0;    ///< log size up to which the device holds its feed
  LogState checkpoint;         ///< newest verified; size 0 for none
  std::uint64_t head_seq = 0;  ///< last statement that the device ever sealed
  Hash head_id{};
  std::uint64_t feed_budget_bytes = 0;
};
Bytes write_sync_request(const SyncRequest& request);
Result<SyncRequest> read_sync_request(BytesView payload);

/// Of what an error says beside its number; the rest is not sent.
inline constexpr std::size_t kMaxDetailBytes = 200;

/// Why a statement was not registered, or was registered without effect.
struct Refusal {
  std::uint64_t seq = 0;  ///< the device's own number of the statement; 0 when it could not be read
  std::uint16_t code = 0;
  std::string detail;
  bool registered = false;  ///< true: it has a receipt and stands in quarantine; false: it may be sent again
};

/// The office's signed answer to a pass.
struct FeedPage {
  std::int64_t device = 0;
  Nonce nonce{};  ///< of the request
  std::int64_t office_utc_ms = 0;
  std::uint64_t from = 0, to = 0;  ///< the page holds what changed in the device's scope in log entries [from, to)
  bool more = false;               ///< true: another page follows
  std::uint64_t accepted_seq = 0;  ///< the office holds the device's chain up to here
  std::vector<Refusal> refusals;
  Changes rows;  ///< whole rows, as "inserted"
};
Bytes write_feed_page(const FeedPage& page);
Result<FeedPage> read_feed_page(BytesView payload);

}  // namespace dudao
