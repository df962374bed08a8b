#pragma once

/// INSPECT-DRAW-1: a random draw of schools and inspectors that anybody can check. The office freezes three files and a
/// manifest, publishes the manifest's hash and a commitment to a secret, waits for a public event that nobody can
/// steer, and draws with both. Everything here is a pure function of bytes: no clock, no randomness, no files; any
/// thread.
///
/// All four files are ASCII (the manifest's entropy line: UTF-8) with LF after every line, the last one too. Codes are
/// 1 to 64 of A-Z, 0-9 and '-'. Numbers are decimal without leading zeros. The lines of the three lists are sorted
/// bytewise. One content has one form, so that one hash stands for it.
///
///   frame.txt   school|stratum|weight|status      status: E, or why it cannot be drawn, X1 to X4
///   pool.txt    inspector|capacity|lead           lead: 1 may lead a team, 0 may not
///   recuse.txt  inspector|school|reason           reason: R1 to R5; may be empty
///   manifest    eight lines, see DrawManifest

#include "platform/bytes.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dudao {

inline constexpr std::size_t kMaxDrawLines = 1'000'000;       ///< Schools, inspectors and recusals, each.
inline constexpr std::uint32_t kMaxWeight = 10'000;           ///< Of one school.
inline constexpr std::uint32_t kMaxCapacity = 10'000;         ///< Visits of one inspector.
inline constexpr std::uint32_t kMaxTeam = 20;                 ///< Inspectors of one visit.
inline constexpr std::uint64_t kMaxDrawTickets = 20'000'000;  ///< HMACs in all: some 20 s. More is kDrawTooLarge.
inline constexpr std::size_t kMaxClasses = 2'000;

enum class FrameStatus : std::uint8_t {
  kEligible,         ///< E
  kMinimumInterval,  ///< X1: inspected too short a time ago
  kClosed,           ///< X2: closed or on holiday
  kAlreadyPlanned,   ///< X3: another visit is planned
  kNoTeam,           ///< X4: nobody may go there
};

struct FrameEntry {
  std::string school;
  std::string stratum;
  std::uint32_t weight = 1;  ///< 1 to kMaxWeight: so many tickets, the best of which counts.
  FrameStatus status{};
  bool operator==(const FrameEntry&) const = default;
};

struct PoolEntry {
  std::string inspector;
  std::uint32_t capacity;  ///< 0 to kMaxCapacity visits in this draw.
  bool lead;
  bool operator==(const PoolEntry&) const = default;
};

struct Recusal {
  std::string inspector;
  std::string school;
  std::uint8_t reason;  ///< n of Rn, 1 to 5: relative of the head, family there, staff, left not long ago, other.
  bool operator==(const Recusal&) const = default;
};

/// Strict readers of the three lists. Errors: kDrawLine, kDrawOrder, kDrawDuplicate (the detail names file and line),
/// kDrawTooLarge.
Result<std::vector<FrameEntry>> parse_frame(std::string_view text);
Result<std::vector<PoolEntry>> parse_pool(std::string_view text);
Result<std::vector<Recusal>> parse_recusals(std::string_view text);

/// The canonical text of a list in any order. Errors: as the readers'.
Result<std::string> frame_text(const std::vector<FrameEntry>& entries);
Result<std::string> pool_text(const std::vector<PoolEntry>& entries);
Result<std::string> recusal_text(const std::vector<Recusal>& entries);

/// What is fixed before the event:
///
///   INSPECT-DRAW-1
///   draw=<code>
///   quota=<stratum>:<schools>,…     sorted bytewise
///   team=<inspectors of one visit>
///   frame=<SHA-256 of frame.txt>
///   pool=<SHA-256 of pool.txt>
///   recuse=<SHA-256 of recuse.txt>
///   entropy=<the future public event, in words>
struct DrawManifest {
  struct Quota {
    std::string stratum;
    std::uint32_t schools;
    bool operator==(const Quota&) const = default;
  };
  std::string draw;
  std::vector<Quota> quotas;
  std::uint32_t team = 0;
  Hash frame{};
  Hash pool{};
  Hash recuse{};
  std::string entropy;  ///< 1 to 500 bytes, no control characters.
};

/// Error: kDrawManifest; the detail names the line.
Result<DrawManifest> parse_manifest(std::string_view text);
/// The canonical text; quotas in any order. Error: kDrawManifest.
Result<std::string> manifest_text(const DrawManifest& manifest);

/// The four files as bytes.
struct DrawFiles {
  std::string manifest;
  std::string frame;
  std::string pool;
  std::string recuse;
};

/// The files, read and found to fit each other.
struct DrawInputs {
  DrawManifest manifest;
  std::vector<FrameEntry> frame;
  std::vector<PoolEntry> pool;
  std::vector<Recusal> recusals;
};

/// What an office calls to freeze a draw. Each stratum of the frame has a quota (0 is one) and the other way round;
/// each recusal names a school and an inspector that are there, since a misspelt one would silently protect nobody.
/// Errors: as the readers', kDrawManifest, kDrawUnknown.
Result<DrawFiles> freeze_draw(std::string_view draw, const std::vector<DrawManifest::Quota>& quotas, std::uint32_t team,
                              std::string_view entropy_event, const std::vector<FrameEntry>& frame,
                              const std::vector<PoolEntry>& pool, const std::vector<Recusal>& recusals);
/// Reads frozen files back. Errors: as above, and kDrawFileChanged if a file is not the one that the manifest fixes.
Result<DrawInputs> read_draw(const DrawFiles& files);

/// M, the hash that names a draw.
Hash manifest_hash(std::string_view manifest);
/// C, published with M before the event.
Hash draw_commitment(const Hash& manifest_hash, const Hash& secret);
/// The seed of a draw, known once the event has happened. Errors: kDrawCommitment if the secret is not the one
/// committed to, kDrawEntropy if the numbers are not in canonical form.
Result<Hash> draw_seed(const Hash& manifest_hash, const Hash& commitment, const Hash& secret, std::string_view entropy);

/// The event's numbers in the form of RFC 3797 section 4: per source ascending, each followed by '.', each source
/// closed by '/', "9319./2.5.8.10.12./". One event has one form, so nobody can choose among spellings.
/// Error: kDrawEntropy (no source, an empty source, more than 100 numbers or sources).
Result<std::string> canonical_entropy(const std::vector<std::vector<std::uint64_t>>& sources);
/// True for what canonical_entropy() can give, and nothing else.
bool is_canonical_entropy(std::string_view entropy) noexcept;

/// What the ticket order said about one inspector, in the order asked.
enum class TicketOutcome : std::uint8_t {
  kTaken = 0,  ///< OK
  kR1 = 1,
  kR2 = 2,
  kR3 = 3,
  kR4 = 4,
  kR5 = 5,        ///< recused from this school
  kCapacity = 6,  ///< CAP: has as many visits as they can make
  kLead = 7,      ///< LEAD: the last place needs one who may lead
  kInTeam = 8,    ///< TEAM: in a replacement, is in the team already
};
std::string_view to_string(TicketOutcome outcome) noexcept;

struct Ticket {
  std::uint32_t inspector;  ///< place in the pool
  TicketOutcome outcome;
  bool operator==(const Ticket&) const = default;
};

enum class DrawnState : std::uint8_t {
  kSelected,  ///< drawn, with a team
  kNoTeam,    ///< drawn, but no team could be found: X4; the next one took its place
  kReserve,   ///< not reached
};

struct DrawnSchool {
  std::uint32_t school;  ///< place in the frame
  Hash key;
  DrawnState state;
  std::vector<Ticket> log;          ///< every inspector who was asked and what came of it; the newest asking only
  std::vector<std::uint32_t> team;  ///< places in the pool, in the order in which they joined; empty unless kSelected
};

struct DrawnStratum {
  std::string stratum;
  std::uint32_t quota;
  std::vector<DrawnSchool> schools;  ///< all eligible ones in the order of the draw: the selected ones come first
};

/// One draw and what became of it. Capacity counts across all schools in the order in which they are listed: strata
/// bytewise, in each the schools by key. When the inspectors who have capacity left cannot make up a team even for a
/// school with no recusals, the search ends, and the schools not asked for stay reserves.
class Draw {
 public:
  /// Errors: kDrawTooLarge, kDrawUnknown.
  static Result<Draw> run(DrawInputs inputs, const Hash& seed);

  const DrawInputs& inputs() const noexcept { return inputs_; }
  const Hash& seed() const noexcept { return seed_; }
  const std::vector<DrawnStratum>& strata() const noexcept { return strata_; }
  /// The first of the team who may lead leads it. Nothing if the school has no team.
  std::optional<std::uint32_t> lead_of(const DrawnSchool& school) const noexcept;
  /// The place of a school or an inspector by code.
  const DrawnSchool* find(std::string_view school) const noexcept;

  /// A recusal after the draw. The rest of the team and all other teams keep their visits; the inspector's place goes
  /// to the first in the school's ticket order who fits now, and their capacity is free for later replacements. If
  /// nobody fits, the school becomes X4 and the stratum's next reserve takes its place. Recusals are applied in the
  /// order in which they were decided; the same ones in the same order give the same result everywhere.
  /// Errors: kDrawNotInTeam, kDrawLine (reason is not 1 to 5), kDrawTooLarge; nothing is changed then.
  Status recuse(std::string_view school, std::string_view inspector, std::uint8_t reason);

  /// Recusals in lines school|inspector|Rn, in the order decided. Errors: those of recuse(), kDrawLine.
  Status recuse_all(std::string_view lines);

  /// result.txt: canonical, ASCII, LF after every line. First the draw itself, then each recusal in its turn; earlier
  /// lines never change.
  ///
  ///   INSPECT-DRAW-1|result
  ///   draw|<code>
  ///   manifest|<M>
  ///   seed|<seed>
  ///   stratum|<stratum>|<quota>|<schools selected>         then, for every eligible school of it:
  ///   school|<stratum>|<rank from 1>|<school>|<SELECTED, X4 or RESERVE>|<key>
  ///   ticket|<school>|<inspector>|<OK, R1..R5, CAP, LEAD or TEAM>   in the order asked
  ///   team|<school>|<inspector>+<inspector>…|<who leads>            if there is one
  ///   recuse|<school>|<inspector>|<reason>                 then what changes, in lines as above
  const std::string& text() const noexcept { return text_; }

 private:
  Draw() = default;
  Status order_schools();
  /// Every inspector by key for this school. Error: kDrawTooLarge.
  Result<std::vector<std::uint32_t>> ticket_order(std::string_view school);
  /// Asks the inspectors in turn until the team is full; leaves the outcome in the school.
  Status ask(DrawnSchool& school);
  /// Goes on to the next reserves until the quota is reached; `asked` gets their places.
  Status fill(DrawnStratum& stratum, std::vector<std::size_t>& asked);
  bool pool_can_serve() const noexcept;
  void render(const DrawnStratum& stratum, const DrawnSchool& school);

  DrawInputs inputs_;
  Hash seed_{};
  std::vector<DrawnStratum> strata_;
  std::vector<std::uint32_t> used_;  ///< visits given, by place in the pool
  /// By school: place in the pool and reason.
  std::unordered_map<std::string, std::vector<std::pair<std::uint32_t, std::uint8_t>>> recused_;
  std::uint64_t tickets_made_ = 0;
  std::string text_;
};

/// The key that stands for a school's chance: the least of its tickets. REQUIRES: 1 ≤ weight ≤ kMaxWeight.
Hash school_key(const Hash& seed, std::string_view draw, std::string_view stratum, std::string_view school,
                std::uint32_t weight);
Hash inspector_key(const Hash& seed, std::string_view draw, std::string_view school, std::string_view inspector);

/// Goes out to the team's devices with the visit, sealed like it, so that classes can be drawn with no network.
Hash visit_seed(const Hash& seed, std::string_view draw, std::string_view school);

struct DrawnClass {
  std::string name;
  Hash key;
};
/// The classes (or teachers, or rooms) in the order of the draw; whoever needs three takes the first three. The list's
/// own order does not matter. Names: 1 to 100 bytes of UTF-8 without control characters or surrounding blanks, as they
/// stand on the door; at most kMaxClasses, none twice. Error: kClassList.
Result<std::vector<DrawnClass>> draw_classes(const Hash& visit_seed, const std::vector<std::string>& names);

/// What a third party has in hand when a draw has been revealed.
struct PublishedDraw {
  DrawFiles files;
  Hash commitment{};                  ///< as published before the event
  Bytes secret;                       ///< as revealed, 32 bytes
  std::string entropy;                ///< the event's numbers
  std::string recused_later;          ///< lines school|inspector|reason in the order decided; usually empty
  std::optional<std::string> result;  ///< result.txt, if it was published
};

struct DrawReport {
  struct Line {
    bool agrees;
    std::string text;  ///< a sentence for a reader who knows nothing of hashes
  };
  std::vector<Line> lines;
  std::optional<Draw> draw;  ///< the recomputed draw, if the files allow one
  bool agrees() const noexcept;
};
/// Recomputes a draw from what was published and says what agrees and what does not. Cannot fail: what is wrong stands
/// in the report.
DrawReport verify_draw(const PublishedDraw& published);

}  // namespace dudao
