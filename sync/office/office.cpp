#include "sync/office/office.hpp"

#include "schema/deadline.hpp"
#include "schema/visit_state.hpp"
#include "sync/answer.hpp"
#include "sync/checkpoint.hpp"
#include "sync/compress.hpp"
#include "sync/ledger_file.hpp"
#include "sync/merkle.hpp"
#include "sync/office/apply.hpp"
#include "sync/office/draws.hpp"
#include "sync/office/feed.hpp"
#include "sync/office/rows.hpp"
#include "sync/office/school_desk.hpp"
#include "sync/office/visit_events.hpp"
#include "sync/pack.hpp"
#include "sync/pass.hpp"
#include "sync/sealed_assignment.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <set>
#include <shared_mutex>
#include <system_error>
#include <thread>

namespace dudao {
namespace {

/// Rows of a decision are split so that each statement stays far below its limit.
constexpr std::size_t kDecisionBytes = 40'000;
constexpr std::int64_t kOfferLife_ms = std::int64_t{72} * 3600 * 1000;
constexpr std::int64_t kEnrolmentLife_s = std::int64_t{2} * 365 * 86'400;
constexpr std::int64_t kDay_ms = 86'400'000;
constexpr std::int64_t kNonceSlot_ms = 10 * 60 * 1000;
constexpr std::size_t kMaxPendingEnrolments = 1'000;
constexpr std::size_t kMaxFeedBudget = 2u << 20;
constexpr std::size_t kMaxEnrolmentBytes = 4'096;

Response refuse(int status, const Error& error, std::int64_t office_utc_ms, std::optional<Nonce> nonce = std::nullopt) {
  // What a stranger can learn from a refusal is its number and its own ids, never contents.
  return {status,
          {{"content-type", std::string(kErrorContentType)}, {"cache-control", "no-store"}},
          write_error_answer({static_cast<std::uint16_t>(error.code),
                              std::string(excerpt(error.detail, kMaxDetailBytes)), office_utc_ms, nonce})};
}

/// Calls work(0) to work(count - 1), beginning in this order, on threads beside the caller's while that goes on. The
/// destructor waits for all of them.
class Beside {
 public:
  Beside(std::size_t count, std::function<void(std::size_t)> work) : work_(std::move(work)), done_(count) {
    constexpr std::size_t kWorthAThread = 4;
    const std::size_t spare = std::max(2u, std::thread::hardware_concurrency()) - 1;
    threads_.reserve(spare);
    try {
      for (std::size_t i = 0; i < std::min(spare, count / kWorthAThread); ++i)
        threads_.emplace_back([this] { work_through(); });
    } catch (const std::system_error&) {
      // The machine gives no more threads; those that are there do it.
    }
    if (threads_.empty()) work_through();
  }
  /// Returns when work(n) has been done; what it wrote is seen. Does what is next itself rather than wait for others.
  /// Throws std::bad_alloc where memory ran out in work(n).
  void wait_for(std::size_t n) {
    while (done_[n] == State::kOpen && run_next())
      ;
    done_[n].wait(State::kOpen);
    if (done_[n] == State::kNoMemory) throw std::bad_alloc();
  }

 private:
  enum class State : std::uint8_t { kOpen, kDone, kNoMemory };
  void work_through() {
    while (run_next()) {
    }
  }
  /// False when all has been begun.
  bool run_next() {
    const std::size_t n = next_++;
    if (n >= done_.size()) return false;
    State state = State::kDone;
    try {
      work_(n);
    } catch (const std::bad_alloc&) {
      state = State::kNoMemory;
    }
    done_[n] = state;
    done_[n].notify_one();
    return true;
  }

  std::function<void(std::size_t)> work_;
  std::atomic<std::size_t> next_ = 0;
  std::vector<std::atomic<State>> done_;
  std::vector<std::jthread> threads_;
};

}  // namespace

struct Office::Impl {
  Impl(Platform& machine, Options chosen, std::unique_ptr<Store> opened, PublicKey office_key)
      : platform(machine),
        options(std::move(chosen)),
        store(std::move(opened)),
        applier(*store),
        key(std::move(office_key)) {}

  // --- Everything below here that touches the store is called with `lock` held.

  NodeReader nodes = [this](int level, std::int64_t position) { return store->node(level, position); };

  Result<Bytes> sign(BytesView message) { return platform.keys.sign(options.key_name, message); }
  Signer signer = [this](BytesView message) { return sign(message); };

  Result<Bytes> office_statement(StatementType type, std::string subject, BytesView payload) {
    return office_statement(type, std::move(subject), payload, platform.clock.wall_utc_ms());
  }
  Result<Bytes> office_statement(StatementType type, std::string subject, BytesView payload, std::int64_t at_utc_ms) {
    return sign_statement({type, options.origin, std::move(subject), std::max<std::int64_t>(0, at_utc_ms / 1000)},
                          payload, key, signer);
  }

  /// Gives a statement its place in the log and derives what follows from it. The caller has a transaction open.
  Result<std::int64_t> append(BytesView bytes, const Statement& statement, const ChangeSet* change_set,
                              std::int64_t author, std::uint64_t seq, std::optional<Error>& refusal) {
    DUDAO_TRY(const std::int64_t index, store->size());
    LedgerEntry entry;
    entry.index = index;
    entry.id = statement.id;
    entry.type = statement.type;
    entry.author = author;
    entry.seq = seq;
    entry.bytes = to_bytes(bytes);
    DUDAO_CHECK(store->append(entry));
    DUDAO_CHECK(append_leaf(index, leaf_hash(bytes), nodes, [this](int level, std::int64_t position, const Hash& hash) {
      return store->put_node(level, position, hash);
    }));
    DUDAO_TRY(refusal, applier.apply(statement, {index, author, batch_utc_ms, seq}, change_set));
    if (refusal) DUDAO_CHECK(store->set_refusal(index, static_cast<std::uint16_t>(refusal->code), refusal->detail));
    return index;
  }

  /// The office's own statement; what its rules refuse does not get into the log.
  Result<std::int64_t> append_own(StatementType type, std::string subject, BytesView payload, std::uint64_t seq = 0) {
    DUDAO_TRY(const Bytes bytes, office_statement(type, std::move(subject), payload));
    DUDAO_TRY(const Statement statement, parse_statement(bytes));
    std::optional<Error> refusal;
    DUDAO_TRY(const std::int64_t index, append(bytes, statement, nullptr, kOfficeAuthor, seq, refusal));
    if (refusal) return fail(*refusal);
    registry_changed = registry_changed || type == StatementType::kEnrolment || type == StatementType::kRevocation;
    if (type == StatementType::kOfficeDecision) {
      chain_seq = seq;
      chain_head = statement.id;
    }
    return index;
  }

  Status append_decision(std::string_view actor, std::string_view action, const ChangesBuilder& rows,
                         std::vector<std::int64_t>& indices) {
    ChangeSet decision;
    decision.seq = chain_seq + 1;
    decision.prev = chain_head;
    DUDAO_TRY(const std::int64_t size, store->size());
    DUDAO_TRY(decision.seen.root, tree_root(size, nodes));
    decision.seen.size = static_cast<std::uint64_t>(size);
    hlc = std::max(hlc + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(0, platform.clock.wall_utc_ms())) << 16);
    decision.hlc = hlc;
    decision.schema_version = kSchemaVersion;
    decision.actor = actor;
    decision.action = action;
    decision.changes = rows.changes();
    DUDAO_TRY(const std::int64_t index, append_own(StatementType::kOfficeDecision, std::string(action),
                                                   write_change_set(decision), decision.seq));
    indices.push_back(index);
    return {};
  }

  /// One transaction around `work`, with its own batch when the log grew.
  Status transact(const std::function<Status()>& work) {
    const auto before = std::tuple(chain_seq, chain_head, hlc);
    const Status done = without_throwing([&]() -> Status {
      DUDAO_CHECK(store->begin());
      DUDAO_TRY(const std::int64_t size_before, store->size());
      DUDAO_TRY(const auto last, size_before == 0 ? Result<Batch>(Batch{}) : store->batch_of(size_before - 1));
      // Small steps of the office's own clock do not make time run backwards in the log. A large one is a clock that
      // was wrong before and is right now, or the other way round; the log says what it said, and the audit tells.
      // Whole seconds, as they are signed: what the signature does not cover anybody could change.
      batch_utc_ms = platform.clock.wall_utc_ms() / 1000 * 1000;
      if (last.registered_utc_ms - batch_utc_ms < kDay_ms)
        batch_utc_ms = std::max(batch_utc_ms, last.registered_utc_ms);
      DUDAO_CHECK(work());
      DUDAO_TRY(const std::int64_t size, store->size());
      if (size > size_before) DUDAO_CHECK(store->put_batch({size, batch_utc_ms}));
      DUDAO_CHECK(registry_changed ? commit_with_registry() : store->commit());
      if (size > size_before) ++commits;
      return {};
    });
    if (!done) {
      store->rollback();
      std::tie(chain_seq, chain_head, hlc) = before;
      next_unsealing_utc_ms = 0;
      registry_changed = false;
      applier.forget_checklists();
    }
    return done;
  }

  using Registry = std::map<std::int64_t, Device>;
  Result<std::shared_ptr<const Registry>> read_registry() {
    DUDAO_TRY(const auto all, store->devices());
    auto fresh = std::make_shared<Registry>();
    for (const Device& device : all) fresh->emplace(device.no, device);
    return std::shared_ptr<const Registry>(std::move(fresh));
  }
  /// Reads the registry while the transaction may still fail, commits, and cannot fail then: what is durable is
  /// reported as done.
  Status commit_with_registry() {
    DUDAO_TRY(auto fresh, read_registry());
    DUDAO_CHECK(store->commit());
    set_registry(std::move(fresh));
    return {};
  }
  void set_registry(std::shared_ptr<const Registry> fresh) {
    const std::unique_lock guard(registry_lock);
    registry = std::move(fresh);
    registry_changed = false;
  }

  Status found_log() {
    Genesis genesis;
    genesis.origin = options.origin;
    genesis.algorithm = key.algorithm();
    genesis.public_key = key.raw();
    genesis.created_utc_ms = platform.clock.wall_utc_ms();
    return transact([&]() -> Status {
      DUDAO_CHECK(append_own(StatementType::kGenesis, options.origin, write_genesis(genesis)));
      return store->put_setting("nonce_secret", BytesView(random_bytes(32)));
    });
  }

  Status load() {
    DUDAO_TRY(const std::int64_t size, store->size());
    if (size == 0) DUDAO_CHECK(found_log());
    DUDAO_TRY(const auto first, store->entry(0));
    if (!first) return fail(Code::kLedgerBroken, "no genesis");
    DUDAO_TRY(const Statement statement, parse_statement(first->bytes));
    DUDAO_TRY(const Genesis genesis, read_genesis(statement.payload));
    if (genesis.origin != options.origin) return fail(Code::kOriginChanged, std::string(genesis.origin));
    if (!std::equal(genesis.public_key.begin(), genesis.public_key.end(), key.raw().begin(), key.raw().end()))
      return fail(Code::kOfficeKeyChanged);
    chain_head = statement.id;
    DUDAO_TRY(const auto last, store->last_of(kOfficeAuthor));
    if (last && last->seq > 0) {
      DUDAO_TRY(const Statement newest, parse_statement(last->bytes));
      DUDAO_TRY(const ChangeSet decision, read_change_set(newest.payload));
      chain_seq = decision.seq;
      chain_head = newest.id;
      hlc = decision.hlc;
    }
    DUDAO_TRY(const auto secret, store->setting("nonce_secret"));
    if (!secret || !std::holds_alternative<Bytes>(*secret)) return fail(Code::kLedgerBroken, "nonce_secret");
    nonce_secret = std::get<Bytes>(*secret);
    DUDAO_TRY(auto sealing, store->setting("seal_secret"));
    if (!sealing || !std::holds_alternative<Bytes>(*sealing)) {
      sealing = random_bytes(32);
      DUDAO_CHECK(transact([&] { return store->put_setting("seal_secret", BytesView(std::get<Bytes>(*sealing))); }));
    }
    seal_secret = std::get<Bytes>(*sealing);
    DUDAO_TRY(auto devices, read_registry());
    set_registry(std::move(devices));
    return {};
  }

  // --- The exchange.

  struct Incoming {
    Bytes bytes;  ///< what the views of all else point into
    Statement statement;
    ChainLink link;
    std::optional<ChangeSet> change_set;  ///< absent: has not the form of one, which the log will say
    Status sound;                         ///< form, author, signature: all that needs no store
  };
  /// One request on its way through the group commit.
  struct Work {
    Work(Device from, const SyncRequest& asked, std::vector<Bytes> all)
        : device(std::move(from)), request(asked), statements(all.size()) {
      for (std::size_t n = 0; n < all.size(); ++n) statements[n].bytes = std::move(all[n]);
    }
    Device device;
    SyncRequest request;
    std::vector<Incoming> statements;
    std::vector<Refusal> refusals;
    std::vector<std::pair<std::uint64_t, std::int64_t>> registered;  ///< number, log index
    Beside* judging = nullptr;
    Response response;
    bool done = false;
    std::exception_ptr thrown;  ///< in place of a response
  };

  std::optional<Device> find_device(std::int64_t no) {
    const std::shared_lock guard(registry_lock);
    const auto found = registry->find(no);
    if (found == registry->end()) return std::nullopt;
    return found->second;
  }

  Nonce lent_nonce(std::int64_t device, std::int64_t slot) const {
    CborWriter out;
    out.integer(device);
    out.integer(slot);
    const Hash mac = hmac_sha256(nonce_secret, out.written());
    Nonce nonce;
    std::copy_n(mac.begin(), nonce.size(), nonce.begin());
    return nonce;
  }

  Response sync(const Request& http) {
    const std::int64_t office_utc_ms = platform.clock.wall_utc_ms();
    if (http.body.size() > kMaxSyncBodyBytes) return refuse(413, {Code::kCompressedTooLarge, {}}, office_utc_ms);
    const auto plain = decompress(http.body, kMaxSyncPlainBytes);
    if (!plain)
      return refuse(plain.error().code == Code::kCompressedTooLarge ? 413 : 400, plain.error(), office_utc_ms);
    CborReader body(*plain);
    const auto bare = body.item();
    if (!bare) return refuse(400, bare.error(), office_utc_ms);
    const auto parts = read_bare_statement(*bare);
    if (!parts) return refuse(400, parts.error(), office_utc_ms);
    const auto request = read_sync_request(parts->payload);
    if (!request) return refuse(400, request.error(), office_utc_ms);
    const auto device = find_device(request->device);
    if (!device) return refuse(403, {Code::kDeviceUnknown, std::to_string(request->device)}, office_utc_ms);
    const auto whole = whole_statement(*bare,
                                       {.type = StatementType::kSyncRequest,
                                        .issuer = "d" + std::to_string(device->no),
                                        .subject = options.origin,
                                        .issued_utc_s = std::max<std::int64_t>(0, request->now_utc_ms / 1000)},
                                       device->key);
    const auto head = whole ? open_statement(*whole, StatementType::kSyncRequest, device->key) : fail(whole.error());
    if (!head) return refuse(403, head.error(), office_utc_ms);

    // A request is fresh when its clock says so, or when it holds the nonce that was lent a moment ago.
    const std::int64_t slot = office_utc_ms / kNonceSlot_ms;
    const bool lent =
        request->nonce == lent_nonce(device->no, slot) || request->nonce == lent_nonce(device->no, slot - 1);
    std::int64_t difference = 0;
    const bool far = __builtin_sub_overflow(request->now_utc_ms, office_utc_ms, &difference) ||
                     difference > options.clock_tolerance_ms || difference < -options.clock_tolerance_ms;
    if (!lent && far) return refuse(401, {Code::kClockNotAgreed, {}}, office_utc_ms, lent_nonce(device->no, slot));
    if (device->state == DeviceState::kActive && office_utc_ms / 1000 > device->expires_utc_s)
      return refuse(403, {Code::kDeviceExpired, {}}, office_utc_ms);

    auto statements =
        unpack_statements(BytesView(*plain).subspan(bare->size()), device->no, device->key, kMaxStatementsPerRequest,
                          kMaxSyncPlainBytes, [](std::size_t count, const auto& work) {
                            Beside done(count, work);
                            for (std::size_t n = 0; n < count; ++n) done.wait_for(n);
                          });
    if (!statements)
      return refuse(statements.error().code == Code::kCompressedTooLarge ? 413 : 400, statements.error(),
                    office_utc_ms);

    Work work(*device, *request, *std::move(statements));
    // Signatures are checked on all cores while the transaction writes down what has been checked already.
    Beside judging(work.statements.size(),
                   [&work](std::size_t n) { work.statements[n].sound = judge(work.device, work.statements[n]); });
    work.judging = &judging;
    commit_together(work);
    if (work.thrown) std::rethrow_exception(work.thrown);
    return std::move(work.response);
  }

  static Status judge(const Device& device, Incoming& in) {
    DUDAO_TRY(in.statement, parse_statement(in.bytes));
    if (in.statement.type != StatementType::kChangeSet)
      return fail(Code::kStatementType, std::to_string(static_cast<int>(in.statement.type)));
    if (in.statement.kid != key_id(device.key)) return fail(Code::kForeignStatement, to_hex(in.statement.kid));
    DUDAO_CHECK(verify_statement(in.statement, device.key));
    in.statement.to_be_signed = Bytes();
    auto change_set = read_change_set(in.statement.payload);
    if (change_set) {
      in.link = {change_set->seq, change_set->prev};
      in.change_set = *std::move(change_set);
      return {};
    }
    DUDAO_TRY(in.link, read_chain_link(in.statement.payload));
    // What a newer program says cannot be judged yet; it waits at the device until this office is brought up to date.
    return change_set.error().code == Code::kSchemaNewer ? fail(change_set.error()) : Status();
  }

  /// Requests that arrive while one is being committed share the next commit.
  void commit_together(Work& work) {
    std::unique_lock guard(queue_lock);
    queue.push_back(&work);
    if (leading) {
      queue_changed.wait(guard, [&] { return work.done; });
      return;
    }
    leading = true;
    std::vector<Work*> together;
    while (!queue.empty()) {
      together.swap(queue);
      guard.unlock();
      std::exception_ptr thrown;
      try {
        commit(together);
      } catch (const std::bad_alloc&) {
        thrown = std::current_exception();
      }
      guard.lock();
      for (Work* each : together) {
        each->thrown = thrown;
        each->done = true;
      }
      together.clear();
      queue_changed.notify_all();
    }
    leading = false;
  }

  void commit(const std::vector<Work*>& together) {
    const std::lock_guard guard(lock);
    const bool anything =
        std::any_of(together.begin(), together.end(), [](const Work* work) { return !work->statements.empty(); });
    Status done;
    if (anything || must_unseal()) {
      done = transact([&]() -> Status {
        if (must_unseal()) DUDAO_CHECK(unseal());
        for (Work* work : together) {
          for (std::size_t n = 0; n < work->statements.size(); ++n) {
            work->judging->wait_for(n);
            DUDAO_CHECK(receive(*work, work->statements[n]));
          }
        }
        return {};
      });
    }
    for (Work* work : together) {
      auto answered = done ? answer(*work) : Result<Response>(fail(done.error()));
      if (answered) {
        work->response = std::move(*answered);
      } else {
        platform.log.write(Log::Level::kError, "sync failed", answered.error().message());
        work->response = refuse(503, answered.error(), platform.clock.wall_utc_ms());
      }
    }
  }

  Status receive(Work& work, const Incoming& in) {
    if (!in.sound) {
      work.refusals.push_back(
          {in.link.seq, static_cast<std::uint16_t>(in.sound.error().code), in.sound.error().detail, false});
      return {};
    }
    DUDAO_TRY(const auto already, store->find(in.statement.id));
    if (already) {
      ++duplicates;
      work.registered.emplace_back(in.link.seq, *already);
      return {};
    }
    DUDAO_TRY(const auto device, store->device(work.device.no));
    if (!device) return fail(Code::kLedgerBroken, "device " + std::to_string(work.device.no));
    const auto refuse_it = [&](Code code, std::string detail) {
      ++refused;
      work.refusals.push_back({in.link.seq, static_cast<std::uint16_t>(code), std::move(detail), false});
    };
    const auto keep_apart = [&](Code code) -> Status {
      DUDAO_CHECK(store->quarantine({in.statement.id, device->no, in.link.seq, static_cast<std::uint16_t>(code),
                                     std::string(info(code).name), batch_utc_ms, in.bytes}));
      refuse_it(code, {});
      return {};
    };
    if (device->state == DeviceState::kRevoked) return keep_apart(Code::kDeviceRevoked);
    if (device->state == DeviceState::kForked) return keep_apart(Code::kDeviceForked);
    if (in.link.seq > device->head_seq + 1) {
      refuse_it(Code::kChainGap,
                "number " + std::to_string(in.link.seq) + " after " + std::to_string(device->head_seq));
      return {};
    }
    if (in.link.seq != device->head_seq + 1 || in.link.prev != device->head_id) {
      // Validly signed, and not what follows: there are two chains of one device. Both are kept, and the log says so.
      DUDAO_CHECK(keep_apart(Code::kChainFork));
      Revocation revocation;
      revocation.device = device->no;
      revocation.cut_seq = device->head_seq;
      revocation.cut_id = device->head_id;
      revocation.reason = "fork";
      revocation.actor = "office";
      DUDAO_CHECK(
          append_own(StatementType::kRevocation, "d" + std::to_string(device->no), write_revocation(revocation)));
      return {};
    }
    std::optional<Error> refusal;
    DUDAO_TRY(const std::int64_t index, append(in.bytes, in.statement, in.change_set ? &*in.change_set : nullptr,
                                               device->no, in.link.seq, refusal));
    ++registered;
    work.registered.emplace_back(in.link.seq, index);
    return {};
  }

  /// Receipts, checkpoint and one page of the feed, as things stand after the commit.
  Result<Response> answer(Work& work) {
    DUDAO_TRY(const auto device, store->device(work.device.no));
    const std::int64_t office_utc_ms = platform.clock.wall_utc_ms();
    if (!device || device->state == DeviceState::kRevoked)
      return refuse(403, {Code::kDeviceRevoked, {}}, office_utc_ms);
    if (device->state == DeviceState::kForked) return refuse(403, {Code::kDeviceForked, {}}, office_utc_ms);
    DUDAO_TRY(const std::int64_t size, store->size());
    const auto known = static_cast<std::int64_t>(work.request.checkpoint.size);
    if (work.request.checkpoint.size > static_cast<std::uint64_t>(size) ||
        work.request.cursor > static_cast<std::uint64_t>(size))
      return refuse(409,
                    {Code::kLogShrunk, std::to_string(size) + " after " + std::to_string(work.request.checkpoint.size)},
                    office_utc_ms);

    SyncAnswer out;
    std::vector<HeldRange> held;
    std::sort(work.registered.begin(), work.registered.end());
    work.registered.erase(std::unique(work.registered.begin(), work.registered.end()), work.registered.end());
    for (std::size_t i = 0; i < work.registered.size();) {
      const auto [seq, index] = work.registered[i];
      DUDAO_TRY(const Batch batch, store->batch_of(index));
      std::size_t end = i + 1;
      while (end < work.registered.size() && work.registered[end].first == seq + (end - i) &&
             work.registered[end].second == index + static_cast<std::int64_t>(end - i) &&
             work.registered[end].second < batch.size)
        ++end;
      BatchReceipt receipt;
      receipt.head = {batch.size, batch.registered_utc_ms / 1000};
      DUDAO_TRY(receipt.signature, batch_signature(batch));
      receipt.first = index;
      receipt.count = static_cast<std::int64_t>(end - i);
      if (index >= known) {
        held.push_back({receipt.first, receipt.count, batch.size});
      } else {
        DUDAO_TRY(receipt.proof, range_proof(receipt.first, receipt.count, batch.size, nodes));
      }
      out.receipts.emplace_back(seq, std::move(receipt));
      for (; i < end; ++i) {
        DUDAO_TRY(const auto entry, store->entry(work.registered[i].second));
        if (entry && entry->refusal)
          work.refusals.push_back({work.registered[i].first, *entry->refusal, entry->refusal_detail, true});
      }
    }
    if (size > known) {
      LogGrowth& growth = out.growth.emplace();
      growth.size = size;
      DUDAO_TRY(const Hash root, tree_root(size, nodes));
      if (held.empty() || held.back().size != size) growth.root = root;
      DUDAO_CHECK(sign_checkpoint({options.origin, size, root}, key, [&](BytesView text) -> Result<Bytes> {
        DUDAO_TRY(growth.signature, signer(text));
        return growth.signature;
      }));
      DUDAO_TRY(growth.proof, growth_proof(known, size, held, nodes));
    }
    FeedPage page;
    page.device = device->no;
    page.nonce = work.request.nonce;
    page.office_utc_ms = office_utc_ms;
    page.from = work.request.cursor;
    page.accepted_seq = device->head_seq;
    page.refusals = std::move(work.refusals);
    DUDAO_TRY(
        const FeedRows feed,
        feed_for(*store, *device, static_cast<std::int64_t>(work.request.cursor), size, office_utc_ms / kDay_ms,
                 static_cast<std::size_t>(std::min<std::uint64_t>(work.request.feed_budget_bytes, kMaxFeedBudget))));
    page.to = static_cast<std::uint64_t>(feed.to);
    page.more = feed.more;
    page.rows = feed.rows.changes();
    DUDAO_TRY(const Bytes page_bytes, sign_page(device->no, page));
    out.page = page_bytes;
    return Response{
        200,
        {{"content-type", std::string(kSyncContentType)}},  // Answers to POST are not cached unless they say so.
        compress(write_sync_answer(out))};
  }

  Result<Bytes> sign_page(std::int64_t device, const FeedPage& page) {
    DUDAO_TRY(const Bytes whole, office_statement(StatementType::kFeedPage, "d" + std::to_string(device),
                                                  write_feed_page(page), page.office_utc_ms));
    return bare_statement(whole);
  }

  Result<Bytes> batch_signature(const Batch& batch) {
    if (batch.size == signed_size) return signed_signature;
    DUDAO_TRY(const Hash root, tree_root(batch.size, nodes));
    DUDAO_TRY(signed_signature,
              sign(batch_to_be_signed({batch.size, batch.registered_utc_ms / 1000}, root, options.origin, key)));
    signed_size = batch.size;
    return signed_signature;
  }

  Result<std::string> checkpoint(std::int64_t size) {
    DUDAO_TRY(const Hash root, tree_root(size, nodes));
    return sign_checkpoint({options.origin, size, root}, key, signer);
  }

  // --- Enrolment.

  Response enrol(const Request& http) {
    const std::int64_t office_utc_ms = platform.clock.wall_utc_ms();
    if (http.body.size() > kMaxEnrolmentBytes) return refuse(413, {Code::kStatementTooLarge, {}}, office_utc_ms);
    const auto statement = parse_statement(http.body);
    if (!statement) return refuse(400, statement.error(), office_utc_ms);
    if (statement->type != StatementType::kEnrolmentRequest)
      return refuse(400, {Code::kStatementType, {}}, office_utc_ms);
    const auto request = read_enrolment_request(statement->payload);
    if (!request) return refuse(400, request.error(), office_utc_ms);
    const auto device_key = PublicKey::from_raw(request->algorithm, request->public_key);
    if (!device_key) return refuse(400, device_key.error(), office_utc_ms);
    // Signed with the very key that it asks for: whoever asks holds it.
    if (const Status own = verify_statement(*statement, *device_key); !own)
      return refuse(403, own.error(), office_utc_ms);

    const std::lock_guard guard(lock);
    auto answered = enrol_locked(http.body, *request, *device_key, office_utc_ms);
    if (answered) return std::move(*answered);
    return refuse(answered.error().retryable() ? 503 : 403, answered.error(), office_utc_ms);
  }

  Result<Response> enrol_locked(BytesView bytes, const EnrolmentRequest& request, const PublicKey& device_key,
                                std::int64_t office_utc_ms) {
    const KeyId kid = key_id(device_key);
    DUDAO_TRY(auto device, store->device(kid));
    if (!device && !request.code_proof.empty()) {
      DUDAO_TRY(const auto offers, store->offers());
      const auto offer = std::find_if(offers.begin(), offers.end(), [&](const Offer& each) {
        return each.expires_utc_ms >= office_utc_ms &&
               equal_constant_time(prove_code(each.code_hash, device_key), request.code_proof);
      });
      if (offer == offers.end()) return fail(Code::kOfferUnknown);
      DUDAO_CHECK(transact([&]() -> Status {
        DUDAO_CHECK(store->remove_offer(offer->code_hash));
        return append_enrolment("one-time code", device_key, offer->inspector, request.device_name).map([](auto) {});
      }));
      DUDAO_TRY(device, store->device(kid));
    }
    if (!device) {
      DUDAO_TRY(const auto waiting, store->enrolment_requests());
      const auto from_it = [&](const Bytes& asked) {
        const auto each = parse_statement(asked);
        return each && each->subject == to_hex(kid);
      };
      if (waiting.size() >= kMaxPendingEnrolments && std::none_of(waiting.begin(), waiting.end(), from_it))
        return fail(Code::kTooManyEnrolments);
      DUDAO_CHECK(transact([&] { return store->put_enrolment_request(kid, bytes, office_utc_ms); }));
      return Response{202, {{"content-type", std::string(kSyncContentType)}, {"cache-control", "no-store"}}, {}};
    }
    DUDAO_TRY(const auto genesis, store->entry(0));
    DUDAO_TRY(const auto enrolment, store->entry(device->enrolled_index));
    if (!genesis || !enrolment) return fail(Code::kLedgerBroken, "enrolment");
    Bytes body = genesis->bytes;
    dudao::append(body, enrolment->bytes);
    return Response{
        200, {{"content-type", std::string(kSyncContentType)}, {"cache-control", "no-store"}}, compress(body)};
  }

  Result<std::int64_t> append_enrolment(std::string_view actor, const PublicKey& device_key, std::string_view inspector,
                                        std::string_view device_name) {
    DUDAO_TRY(const auto person, row_of(*store, "inspector", {inspector}));
    if (!person) return fail(Code::kInspectorUnknown, std::string(inspector));
    DUDAO_TRY(const auto all, store->devices());
    Enrolment enrolment;
    enrolment.device = all.empty() ? 1 : all.back().no + 1;
    enrolment.algorithm = device_key.algorithm();
    enrolment.public_key = device_key.raw();
    enrolment.inspector = inspector;
    enrolment.device_name = device_name;
    enrolment.expires_utc_s = platform.clock.wall_utc_ms() / 1000 + kEnrolmentLife_s;
    enrolment.actor = actor;
    DUDAO_CHECK(
        append_own(StatementType::kEnrolment, "d" + std::to_string(enrolment.device), write_enrolment(enrolment)));
    DUDAO_CHECK(store->remove_enrolment_request(key_id(device_key)));
    return enrolment.device;
  }

  // --- Decisions.

  Result<std::vector<std::int64_t>> decide(std::string_view actor, std::string_view action,
                                           const std::function<Result<ChangesBuilder>(Store& rows)>& build) {
    std::vector<std::int64_t> indices;
    DUDAO_CHECK(transact([&]() -> Status {
      DUDAO_TRY(const ChangesBuilder all, build(*store));
      for (const ChangesBuilder& part : all.split(kDecisionBytes))
        DUDAO_CHECK(append_decision(actor, action, part, indices));
      return {};
    }));
    return indices;
  }

  PlanningDesk desk() const { return {now(platform.clock), seal_secret}; }

  Result<std::vector<Bytes>> plan_locked(std::string_view actor, const std::vector<VisitPlan>& plans) {
    PlannedVisits planned;
    DUDAO_CHECK(decide(actor, "visit.plan", [&](Store& rows) -> Result<ChangesBuilder> {
      DUDAO_TRY(planned, plan_visits(rows, plans, desk()));
      return planned.rows;
    }));
    next_unsealing_utc_ms = 0;
    return std::move(planned.ids);
  }

  /// Opens what was sealed until now. The caller has a transaction open.
  Status unseal() {
    DUDAO_TRY(const ChangesBuilder opened, unseal_due(*store, desk()));
    std::vector<std::int64_t> indices;
    for (const ChangesBuilder& part : opened.split(kDecisionBytes))
      DUDAO_CHECK(append_decision("office", "visit.unseal", part, indices));
    DUDAO_TRY(next_unsealing_utc_ms, next_unsealing(*store));
    return {};
  }
  bool must_unseal() const { return next_unsealing_utc_ms && *next_unsealing_utc_ms <= platform.clock.wall_utc_ms(); }

  /// Puts steps of a draw into the log in somebody's name.
  DrawLog draw_log(std::string_view actor) {
    return [this, actor](DrawStep step) -> Status {
      step.actor = actor;
      return append_own(StatementType::kDraw, std::string(step.draw), write_draw_step(step)).map([](auto) {});
    };
  }

  // --- Rebuilding.

  /// Everything that must come out the same, as one hash a table.
  Result<std::map<std::string, Hash>> fingerprint() {
    std::map<std::string, Hash> out;
    for (const Table& table : synced_tables()) {
      Hash running{};
      DUDAO_CHECK(store->each_row(table, [&](const StoredRow& row) -> Status {
        std::vector<ValueView> cells;
        for (const Value& cell : row.cells) cells.push_back(as_view(cell));
        for (const std::int64_t number :
             {row.clock.index, row.clock.author, row.clock.hlc, row.clock.feed, row.clock.feed_author})
          cells.emplace_back(number);
        running = sha256({running, encode_key(cells)});
        return {};
      }));
      out[std::string(table.name)] = running;
    }
    Hash running{};
    DUDAO_TRY(const auto all, store->devices());
    for (const Device& device : all) {
      const std::string line = std::to_string(device.no) + device.inspector + device.name +
                               std::string(to_string(device.state)) + std::to_string(device.head_seq) +
                               to_hex(device.head_id) + device.reason;
      running = sha256({running, view(line)});
    }
    out["device"] = running;
    return out;
  }

  Status rebuild_locked() {
    const Status done = without_throwing([&]() -> Status {
      DUDAO_CHECK(store->begin());
      DUDAO_TRY(const auto before, fingerprint());
      DUDAO_CHECK(store->forget_derived());
      DUDAO_TRY(const std::int64_t size, store->size());
      Batch batch;
      for (std::int64_t index = 0; index < size; ++index) {
        if (index >= batch.size) {
          DUDAO_TRY(batch, store->batch_of(index));
        }
        DUDAO_TRY(const auto entry, store->entry(index));
        if (!entry) return fail(Code::kLedgerBroken, std::to_string(index));
        DUDAO_TRY(const Statement statement, parse_statement(entry->bytes));
        DUDAO_TRY(const auto refusal,
                  applier.apply(statement, {index, entry->author, batch.registered_utc_ms, entry->seq}));
        if (refusal) DUDAO_CHECK(store->set_refusal(index, static_cast<std::uint16_t>(refusal->code), refusal->detail));
      }
      DUDAO_TRY(const auto after, fingerprint());
      for (const auto& [table, hash] : before)
        if (after.at(table) != hash) return fail(Code::kRebuildDiffers, table);
      return commit_with_registry();
    });
    if (!done) {
      store->rollback();
      applier.forget_checklists();
    }
    return done;
  }

  Platform& platform;
  const Options options;
  std::mutex lock;
  std::unique_ptr<Store> store;
  Applier applier;
  const PublicKey key;
  std::uint64_t chain_seq = 0;
  Hash chain_head{};
  std::uint64_t hlc = 0;
  Bytes nonce_secret;
  Bytes seal_secret;
  std::optional<std::int64_t> next_unsealing_utc_ms = 0;  ///< 0: has to be looked up
  std::int64_t batch_utc_ms = 0;
  std::int64_t signed_size = -1;
  Bytes signed_signature;

  // Who may speak, for checking signatures without the store's lock; states and chains are read from the store.
  std::shared_mutex registry_lock;
  bool registry_changed = false;
  std::shared_ptr<const Registry> registry = std::make_shared<Registry>();

  std::mutex queue_lock;
  std::condition_variable queue_changed;
  std::vector<Work*> queue;
  bool leading = false;

  std::atomic<std::uint64_t> requests = 0, registered = 0, duplicates = 0, refused = 0, commits = 0;
};

Result<std::unique_ptr<Office>> Office::open(Platform& platform, const Options& options) {
  DUDAO_TRY(auto store, open_sqlite_store(options.database));
  return open(platform, options, std::move(store));
}

Result<std::unique_ptr<Office>> Office::open(Platform& platform, const Options& options, std::unique_ptr<Store> store) {
  auto key = platform.keys.public_key(options.key_name);
  if (!key && key.error().code == Code::kKeyMissing) key = platform.keys.create(options.key_name, Algorithm::kEd25519);
  if (!key) return fail(key.error());
  std::unique_ptr<Office> office(
      new Office(std::make_unique<Impl>(platform, options, std::move(store), std::move(*key))));
  DUDAO_CHECK(office->impl_->load());
  return office;
}

Office::Office(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Office::~Office() = default;

Response Office::handle(const Request& request) {
  ++impl_->requests;
  const std::int64_t office_utc_ms = impl_->platform.clock.wall_utc_ms();
  const auto only = [&](std::string_view method) { return request.method == method; };
  if (request.path == kSyncPath)
    return only("POST") ? impl_->sync(request) : refuse(405, {Code::kMethodUnknown, {}}, office_utc_ms);
  if (request.path == kSchoolPath)
    return only("POST") ? serve_school(*this, impl_->platform.clock, request)
                        : refuse(405, {Code::kMethodUnknown, {}}, office_utc_ms);
  if (request.path == "/v1/enrol")
    return only("POST") ? impl_->enrol(request) : refuse(405, {Code::kMethodUnknown, {}}, office_utc_ms);
  if (request.path == "/v1/checkpoint" || request.path == "/v1/key") {
    if (!only("GET")) return refuse(405, {Code::kMethodUnknown, {}}, office_utc_ms);
    if (request.path == "/v1/key")
      return {
          200, {{"content-type", "text/plain; charset=utf-8"}}, to_bytes(view(to_hex(impl_->key.thumbprint()) + "\n"))};
    const std::lock_guard guard(impl_->lock);
    const auto size = impl_->store->size();
    const auto note = size ? impl_->checkpoint(*size) : Result<std::string>(fail(size.error()));
    if (!note) return refuse(503, note.error(), office_utc_ms);
    return {200, {{"content-type", "text/plain; charset=utf-8"}}, to_bytes(view(*note))};
  }
  return refuse(404, {Code::kPathUnknown, {}}, office_utc_ms);
}

const PublicKey& Office::key() const { return impl_->key; }
const std::string& Office::origin() const { return impl_->options.origin; }

Result<Bytes> Office::offer_enrolment(std::string_view actor, std::string_view inspector) {
  const std::lock_guard guard(impl_->lock);
  DUDAO_TRY(const auto person, row_of(*impl_->store, "inspector", {inspector}));
  if (!person) return fail(Code::kInspectorUnknown, std::string(inspector));
  Bytes code = random_bytes(16);
  const std::int64_t now_utc_ms = impl_->platform.clock.wall_utc_ms();
  DUDAO_CHECK(impl_->transact([&]() -> Status {
    DUDAO_TRY(const auto offers, impl_->store->offers());
    for (const Offer& old : offers)
      if (old.expires_utc_ms < now_utc_ms) DUDAO_CHECK(impl_->store->remove_offer(old.code_hash));
    return impl_->store->put_offer({sha256(code), std::string(inspector), now_utc_ms + kOfferLife_ms});
  }));
  impl_->platform.log.write(Log::Level::kInfo, "enrolment offered", actor);
  return code;
}

Result<std::vector<PendingEnrolment>> Office::pending_enrolments() {
  const std::lock_guard guard(impl_->lock);
  DUDAO_TRY(const auto waiting, impl_->store->enrolment_requests());
  std::vector<PendingEnrolment> out;
  for (const Bytes& bytes : waiting) {
    DUDAO_TRY(const Statement statement, parse_statement(bytes));
    DUDAO_TRY(const EnrolmentRequest request, read_enrolment_request(statement.payload));
    DUDAO_TRY(const PublicKey key, PublicKey::from_raw(request.algorithm, request.public_key));
    out.push_back({to_hex(key.thumbprint()), std::string(request.device_name), std::string(request.inspector)});
  }
  return out;
}

Result<std::int64_t> Office::approve_enrolment(std::string_view actor, std::string_view thumbprint_hex,
                                               std::string_view inspector) {
  const std::lock_guard guard(impl_->lock);
  DUDAO_TRY(const auto waiting, impl_->store->enrolment_requests());
  for (const Bytes& bytes : waiting) {
    DUDAO_TRY(const Statement statement, parse_statement(bytes));
    DUDAO_TRY(const EnrolmentRequest request, read_enrolment_request(statement.payload));
    DUDAO_TRY(const PublicKey key, PublicKey::from_raw(request.algorithm, request.public_key));
    if (to_hex(key.thumbprint()) != thumbprint_hex) continue;
    std::int64_t number = 0;
    DUDAO_CHECK(impl_->transact([&]() -> Status {
      DUDAO_TRY(number, impl_->append_enrolment(actor, key, inspector, request.device_name));
      return {};
    }));
    return number;
  }
  return fail(Code::kEnrolmentUnknown, std::string(thumbprint_hex.substr(0, 64)));
}

Result<std::vector<Device>> Office::devices() {
  const std::lock_guard guard(impl_->lock);
  return impl_->store->devices();
}

Status Office::revoke(std::string_view actor, std::int64_t number, std::string_view reason) {
  const std::lock_guard guard(impl_->lock);
  if (reason.empty()) return fail(Code::kReasonMissing);
  return impl_->transact([&]() -> Status {
    DUDAO_TRY(const auto device, impl_->store->device(number));
    if (!device) return fail(Code::kDeviceUnknown, std::to_string(number));
    if (device->state == DeviceState::kRevoked) return fail(Code::kDeviceRevoked, std::to_string(number));
    Revocation revocation;
    revocation.device = number;
    revocation.cut_seq = device->head_seq;
    revocation.cut_id = device->head_id;
    const std::string said = "revoked: " + std::string(reason);
    revocation.reason = said;
    revocation.actor = actor;
    return impl_->append_own(StatementType::kRevocation, "d" + std::to_string(number), write_revocation(revocation))
        .map([](auto) {});
  });
}

Result<std::vector<std::int64_t>> Office::decide(std::string_view actor, std::string_view action,
                                                 const std::function<Result<ChangesBuilder>(Store& rows)>& build) {
  const std::lock_guard guard(impl_->lock);
  return impl_->decide(actor, action, build);
}

Result<std::int64_t> Office::publish_template(std::string_view actor, std::string_view json) {
  DUDAO_TRY(const std::string body, Checklist::compact(json));
  DUDAO_TRY(const Checklist checklist, Checklist::parse(body));
  const std::lock_guard guard(impl_->lock);
  DUDAO_TRY(const auto published,
            row_of(*impl_->store, "template", {std::string_view(checklist.code()), checklist.version()}));
  if (published) {
    DUDAO_TRY(const Checklist before, Checklist::parse(std::get<std::string>(published->cells[3])));
    DUDAO_CHECK(check_republication(before, checklist));
    return published->clock.index;
  }
  DUDAO_CHECK(checklist.check_publishable());
  DUDAO_TRY(const auto indices, impl_->decide(actor, "template.publish", [&](Store&) -> Result<ChangesBuilder> {
    ChangesBuilder out;
    out.insert("template", {checklist.code(), checklist.version(), std::string(checklist.title().in("zh")), body,
                            impl_->platform.clock.wall_utc_ms()});
    return out;
  }));
  return indices.front();
}

Result<std::vector<Bytes>> Office::plan(std::string_view actor, const std::vector<VisitPlan>& plans) {
  const std::lock_guard guard(impl_->lock);
  return impl_->plan_locked(actor, plans);
}

Result<PlannedDue> Office::plan_due(std::string_view actor, std::string_view unit, const VisitPlan& pattern) {
  const std::lock_guard guard(impl_->lock);
  PlannedDue due;
  DUDAO_CHECK(impl_->decide(actor, "visit.plan", [&](Store& rows) -> Result<ChangesBuilder> {
    DUDAO_TRY(due, dudao::plan_due(rows, unit, pattern, impl_->desk()));
    return due.visits.rows;
  }));
  impl_->next_unsealing_utc_ms = 0;
  return due;
}

Status Office::merge(std::string_view actor, BytesView visit, BytesView other) {
  const std::lock_guard guard(impl_->lock);
  return impl_
      ->decide(actor, "visit.merge", [&](Store& rows) { return merge_visits(rows, visit, other, impl_->desk()); })
      .map([](auto&&) {});
}

Status Office::assign(std::string_view actor, BytesView visit, const std::vector<std::string>& team) {
  const std::lock_guard guard(impl_->lock);
  DUDAO_CHECK(
      impl_->decide(actor, "visit.assign", [&](Store& rows) { return assign_team(rows, visit, team, impl_->desk()); }));
  impl_->next_unsealing_utc_ms = 0;
  return {};
}

Result<std::string> Office::unseal_code(std::string_view actor, BytesView visit, std::string_view reason) {
  const std::lock_guard guard(impl_->lock);
  DUDAO_CHECK(impl_->decide(actor, "visit.unseal",
                            [&](Store& rows) { return unseal_visit(rows, visit, reason, impl_->desk()); }));
  return seal_code_text(seal_code(impl_->seal_secret, visit));
}

Status Office::visit_event(std::string_view actor, BytesView visit, std::string_view event_name, std::string_view item,
                           std::string_view reason) {
  const auto event = visit_event_from(event_name);
  if (!event || *event == VisitEvent::kAssign)  // assign() names the team.
    return fail(Code::kTransitionNotAllowed, std::string(event_name.substr(0, 40)));
  const std::lock_guard guard(impl_->lock);
  const std::string action = "visit." + std::string(event_name);
  return impl_
      ->decide(actor, action,
               [&](Store& rows) { return visit_change(rows, visit, *event, item, reason, now(impl_->platform.clock)); })
      .map([](auto&&) {});
}

Status Office::commit_draw(std::string_view actor, std::string_view draw, const DrawFiles& files) {
  const std::lock_guard guard(impl_->lock);
  return impl_->transact(
      [&] { return dudao::commit_draw(*impl_->store, draw, files, impl_->desk(), impl_->draw_log(actor)); });
}

Result<Draw> Office::run_draw(std::string_view actor, std::string_view code, std::string_view entropy,
                              const VisitPlan& pattern) {
  const std::lock_guard guard(impl_->lock);
  std::optional<Draw> draw;
  DUDAO_CHECK(impl_->decide(actor, "visit.plan", [&](Store& rows) -> Result<ChangesBuilder> {
    DUDAO_TRY(DrawnVisits drawn, dudao::run_draw(rows, code, entropy, pattern, impl_->desk()));
    draw = std::move(drawn.draw);
    return std::move(drawn.visits.rows);
  }));
  impl_->next_unsealing_utc_ms = 0;
  return std::move(*draw);
}

Result<Bytes> Office::replace_drawn(std::string_view actor, BytesView visit, std::string_view inspector,
                                    std::string_view reason) {
  const std::lock_guard guard(impl_->lock);
  Bytes stands;
  DUDAO_CHECK(impl_->decide(actor, "draw.replace", [&](Store& rows) -> Result<ChangesBuilder> {
    DUDAO_TRY(ReplacedVisit replaced,
              dudao::replace_drawn(rows, visit, inspector, reason, impl_->desk(), impl_->draw_log(actor)));
    stands = std::move(replaced.visit);
    return std::move(replaced.rows);
  }));
  impl_->next_unsealing_utc_ms = 0;
  return stands;
}

Status Office::reveal_draw(std::string_view actor, std::string_view code) {
  const std::lock_guard guard(impl_->lock);
  return impl_->transact([&] { return dudao::reveal_draw(*impl_->store, code, impl_->draw_log(actor)); });
}

Status Office::void_draw(std::string_view actor, std::string_view code, std::string_view reason) {
  const std::lock_guard guard(impl_->lock);
  return impl_->transact([&] { return dudao::void_draw(*impl_->store, code, reason, impl_->draw_log(actor)); });
}

Result<std::vector<std::pair<std::string, std::string>>> Office::draw_publication(std::string_view code) {
  const std::lock_guard guard(impl_->lock);
  return dudao::draw_publication(*impl_->store, code);
}

Status Office::read(const std::function<Status(Store& rows)>& look) {
  const std::lock_guard guard(impl_->lock);
  return look(*impl_->store);
}

Result<std::vector<Quarantined>> Office::quarantine() {
  const std::lock_guard guard(impl_->lock);
  return impl_->store->quarantined(10'000);
}

OfficeCounters Office::counters() const {
  return {impl_->requests, impl_->registered, impl_->duplicates, impl_->refused, impl_->commits};
}

Status Office::export_ledger(const std::function<Status(BytesView piece)>& write) {
  const std::lock_guard guard(impl_->lock);
  DUDAO_CHECK(write(write_ledger_head(impl_->options.origin, impl_->key)));
  DUDAO_TRY(const std::int64_t size, impl_->store->size());
  for (std::int64_t index = 0; index < size;) {
    DUDAO_TRY(const Batch batch, impl_->store->batch_of(index));
    for (; index < batch.size; ++index) {
      DUDAO_TRY(const auto entry, impl_->store->entry(index));
      if (!entry) return fail(Code::kLedgerBroken, std::to_string(index));
      DUDAO_CHECK(write(write_ledger_entry(entry->bytes)));
    }
    DUDAO_TRY(const Bytes signature, impl_->batch_signature(batch));
    DUDAO_CHECK(write(write_ledger_batch(batch.size, batch.registered_utc_ms, signature)));
  }
  DUDAO_TRY(const std::string note, impl_->checkpoint(size));
  return write(write_ledger_end(note));
}

Status Office::rebuild() {
  const std::lock_guard guard(impl_->lock);
  return impl_->rebuild_locked();
}

Status Office::backup(const std::string& path) {
  const std::lock_guard guard(impl_->lock);
  return impl_->store->copy_to(path);
}

}  // namespace dudao
