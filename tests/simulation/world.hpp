#pragma once

/// An office and its devices, all real code in one thread, and what happened to them as far as somebody was told: what
/// a save that returned wrote, what a receipt acknowledged, what the office said it had decided.

#include "agent/sync_job.hpp"
#include "agent/visit_book.hpp"
#include "sync/office/office.hpp"
#include "sync/pass.hpp"
#include "tests/simulation/chance.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/simulation/story.hpp"
#include "tests/simulation/tally.hpp"
#include "tests/support/temp_folder.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dudao::simulation {

/// What the network does to one exchange.
enum class Trouble : std::uint8_t {
  kNone,
  kRequestLost,
  kRequestLate,  ///< the device gives up; the request arrives all the same
  kRequestDoubled,
  kRequestCorrupt,  ///< one byte is another
  kRequestCut,
  kStrayFirst,  ///< a copy of an earlier request, of whatever device, arrives before it
  kAnswerLost,
  kAnswerCut,   ///< and the device can tell
  kAnswerHalf,  ///< and it looks complete
  kAnswerCorrupt,
  kAnswerOld,  ///< an earlier answer comes in its place
  kPortal,
  kProxyError,
};
inline constexpr std::size_t kTroubles = 14;
std::string_view to_string(Trouble trouble);
struct PlannedTrouble {
  Trouble trouble{};
  std::uint32_t where = 0;  ///< which byte, which stray
};

/// A promise of the design that did not hold. Thrown by the world and the checker, caught by whoever plays.
struct Broken {
  std::string promise;  ///< stable words: stories are shortened as long as they break the same one
  std::string what;
};

/// Rows of all synced tables by table and key.
using Rows = std::map<std::pair<int, Bytes>, std::vector<Value>>;
Rows rows_of(Database& db, bool only_visits);
Rows rows_of(Office& office);
/// "answer S1/I001"
std::string name_of(const std::pair<int, Bytes>& key, const Rows& rows);

/// One cell that a save wrote.
struct Fact {
  int table = 0;
  Bytes key;
  std::size_t column = 0;
  Value value;
};
/// A use case that returned: its entry in the journal, and what it changed.
struct Save {
  std::int64_t step = 0;
  std::vector<Fact> facts;
};
/// What must still be in a device's database, whatever happens to the machine.
struct Memory {
  std::vector<Save> saves;
  std::int64_t last_step = 0;
  std::uint64_t last_sealed = 0;
};

struct Agent {
  Agent(const std::int64_t& world_utc_ms, std::size_t which) : index(which), machine(world_utc_ms) {}
  std::size_t index;
  std::string name;  ///< "I001's device 2"
  std::string inspector;
  Machine machine;
  std::unique_ptr<Database> db;
  std::unique_ptr<VisitBook> book;
  std::unique_ptr<SyncPass> pass;  ///< of an exchange in two halves
  std::optional<HttpResponse> on_its_way;
  std::optional<HttpResponse> earlier;  ///< some answer that arrived before
  std::deque<PlannedTrouble> troubles;  ///< of its next exchanges
  std::string met;                      ///< the trouble that its exchanges met, for telling
  Bytes code;                           ///< to enrol with
  std::int64_t number = 0;
  Memory memory;
  struct Backup {
    std::string path;
    Memory memory;
    std::int64_t number;
  };
  std::optional<Backup> backup;
  std::optional<Error> end;  ///< with what the last synchronisation of all ended
};

class World {
 public:
  World(const Story& story, Tally& tally);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Throws Broken.
  void play(const Action& action);
  /// The network heals, locks are opened, everybody synchronises until nothing is left to say. Throws Broken.
  void settle();
  /// Throws Broken.
  void check();

  /// What happened, a line an action, in plain words.
  const std::vector<std::string>& told() const { return told_; }
  Office& office() { return *office_; }
  std::deque<Agent>& devices() { return devices_; }

 private:
  friend class Checker;
  void open_office(std::string path);
  void open(Agent& device, std::string path);
  Agent& new_device(const std::string& inspector);
  void enrol(Agent& device);
  std::string next_path(const std::string& what);
  void say(std::string line) { told_.push_back(std::move(line)); }

  /// A use case: either it returns and stands, or it fails and left nothing.
  void use(Agent& device, const std::string& what, const std::function<Status()>& call, bool one_step = true);
  void after_life(Agent& device, const std::string& what);  ///< the machine died; its database is opened again
  void remember_seals(Agent& device);
  void remember_receipts(Agent& device);
  void decide(const std::string& what, const std::function<Status()>& call);
  void office_lives_on();

  Result<HttpResponse> network(Agent& device, const HttpRequest& request);
  Result<HttpResponse> deliver(const HttpRequest& request);
  void remember_delivered(const Request& in, const Response& out);
  void plan_faults(Agent& device, const Action& action);
  void count(const Status& status);
  void count(const SyncReport& report);

  void work(const Action& action);
  void change_by_hand(Agent& device, const Action& action);
  void work_in(Agent& device, const Bytes& visit, const Action& action);
  void sync(Agent& device);
  void ask(Agent& device, const Action& action);
  void take(Agent& device, const Action& action);
  void plan_visit(const Action& action);
  std::vector<FindingView> findings_at_office();
  void follow_finding(const Action& action);
  void step_on_finding(const FindingKey& key, std::uint32_t which, std::uint32_t how);
  void office_decides(const Action& action);
  std::string visit_name(BytesView id);
  const Bytes* some_visit(std::uint32_t which) const;

  Tally& tally_;
  std::uint64_t seed_;
  std::int64_t now_utc_ms_ = 1'772'413'200'000;
  test::TempFolder folder_;
  int paths_ = 0;
  Machine office_machine_{now_utc_ms_};
  std::unique_ptr<Office> office_;
  std::deque<Agent> devices_;
  std::vector<Bytes> visits_;
  int templates_ = 1;
  std::vector<std::string> told_;
  std::deque<HttpRequest> strays_;  ///< requests that somebody kept and may send again

  // What somebody was told.
  std::int64_t office_size_ = 0;  ///< of the log, as the office last said
  struct Acknowledged {
    std::int64_t index;
    Bytes receipt;
  };
  std::map<Hash, Acknowledged> receipts_;
  std::map<Hash, std::pair<std::int64_t, std::uint64_t>> delivered_;  ///< statements that came whole: device, number
  std::set<std::int64_t> copied_;   ///< numbers of devices whose data were restored or cloned
  std::set<std::int64_t> by_hand_;  ///< numbers of devices whose records somebody changed past the rules
  std::set<std::int64_t> revoked_;  ///< numbers of devices that the office tried to revoke
};

/// Plays all of it. Absent: every promise held.
struct Outcome {
  std::optional<Broken> broken;
  std::vector<std::string> told;
};
Outcome play(const Story& story, Tally& tally);

}  // namespace dudao::simulation
