#include "worker/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/base/fail_point.h"
#include "shared/client/admin.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"
#include "shared/log/log.h"

namespace sluice::worker {
namespace {

constexpr Millis kPollWait{100};  // so that stop() and acknowledgements are seen soon
constexpr Millis kFirstBackoff{100};
constexpr Millis kLastBackoff{5'000};
constexpr Millis kTransactionPatience{60'000};  // then others may try: far below max.poll.interval
constexpr Millis kLagInterval{5'000};
constexpr std::int64_t kLagWorthALine = 10'000;  // records
constexpr Millis kStopFlush{1'000};  // with a question under way, all of it stays within 5 s
constexpr Millis kStopLeave{1'500};
constexpr std::size_t kForgetAtLeast = 1'000;  // sent rows; fewer wait for the next transaction

// 100 ms, 200 ms, … 5 s.
class Backoff {
 public:
  Millis next() { return std::exchange(wait_, std::min(wait_ * 2, kLastBackoff)); }

 private:
  Millis wait_ = kFirstBackoff;
};

}  // namespace

Worker::Worker(const Options& options, OrderStore& store, const Clock& clock,
               WorkerMetrics& metrics, WebhookSender* webhook)
    : options_(options),
      settings_{.bootstrap_servers = options.bootstrap_servers,
                .client_id = "sluice-worker",
                .extra = options.kafka},
      store_(store),
      clock_(clock),
      metrics_(metrics),
      webhook_(webhook),
      max_orders_per_second_(options.max_orders_per_second) {}

Worker::~Worker() {
  close_clients();
}

void Worker::run() {
  Backoff backoff;
  while (!stopping()) {
    const Instant began = clock_.now();
    const auto ended = session();
    close_clients();
    if (stopping()) break;
    if (clock_.now() - began > kTransactionPatience) backoff = Backoff();
    const Millis wait = backoff.next();
    log::warning("the worker joins again after_ms={} why={}", wait.count(),
                 log::quoted(ended ? "" : ended.error().context));
    not_working(ended ? "joining" : ended.error().context);
    pause_for(wait);
  }
  not_working("stopped");
}

void Worker::stop() {
  const std::lock_guard lock(mutex_);
  stopping_.store(true, std::memory_order_relaxed);
  stopped_.notify_all();
}

Status Worker::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Worker::working() {
  const std::lock_guard lock(mutex_);
  status_.working = true;
  status_.why_not.clear();
}

void Worker::not_working(std::string why) {
  const std::lock_guard lock(mutex_);
  status_.working = false;
  status_.why_not = std::move(why);
}

void Worker::pause_for(Millis duration) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, duration, [this] { return stopping(); });
}

// From joining the group to an error or stop().
Result<void> Worker::session() {
  TRY_VOID(open_clients());
  while (!stopping()) TRY_VOID(turn());
  relay();
  if (const auto flushed = producer_->flush(kStopFlush); !flushed) {
    log::warning("outbox records stay for the next start count={}", relay_->waiting());
  }
  relay();
  return forget_sent(relay_->take_sent());
}

Result<void> Worker::open_clients() {
  TRY_VOID(make_dead_letter_topic());
  TRY(producer, client::Producer::open(settings_));
  producer_ = std::move(producer);
  relay_ = std::make_unique<OutboxRelay>(
      [this](client::ProduceRecord record, client::Producer::Done done) {
        return producer_->send(std::move(record), std::move(done));
      });
  counted_sent_ = 0;
  counted_failed_sends_ = 0;
  client::GroupOptions group{.group_id = options_.group_id,
                             .topics = {options_.orders_topic},
                             .session_timeout = options_.session_timeout};
  group.group_instance_id = options_.group_instance_id;
  group.heartbeat_interval = options_.session_timeout / 4;
  group.on_assigned = [this](std::vector<client::TopicPartition> assigned) {
    auto taken = take_over(std::move(assigned));
    if (!taken) not_taken_ = taken.error();
    return taken;
  };
  group.on_revoked = [this](std::vector<client::TopicPartition> revoked, bool) {
    give_up(revoked);
  };
  TRY(consumer, client::Consumer::open(settings_, {.group = std::move(group)}));
  consumer_ = std::move(consumer);
  return {};
}

void Worker::close_clients() {
  if (consumer_) {
    if (const auto left = consumer_->close(kStopLeave); !left) {
      log::warning("leaving the group failed why={}", log::quoted(left.error().context));
    }
  }
  consumer_.reset();
  producer_.reset();  // its callbacks may still come until here
  relay_.reset();
  owned_.clear();
  joined_ = false;
  not_taken_.reset();
  tell_held();
  metrics_.outbox_depth.set(0);
}

Result<void> Worker::make_dead_letter_topic() {
  TRY(admin, client::Admin::open(settings_, kServerTimeout));
  const std::string topic = ledger::dead_letter_topic(options_.orders_topic);
  TRY(topics, admin->list_topics());
  const auto named = [&topic](const client::TopicInfo& info) { return info.name == topic; };
  if (std::any_of(topics.begin(), topics.end(), named)) return {};
  // A letter stays until it is dealt with, whatever the server's own retention is.
  const auto made = admin->create_topic(
      {.name = topic, .configs = {{"retention.ms", "-1"}, {"retention.bytes", "-1"}}});
  if (made || made.error().code == Code::exists) return {};
  const bool passing =
      made.error().code == Code::unavailable || made.error().code == Code::timed_out;
  if (passing) return made;
  // Servers that let nobody create topics have it made by their operators, or at the first send.
  log::warning("topic not created topic={} why={}", topic, log::quoted(made.error().context));
  return {};
}

// One batch: read, understand, write, relay.
Result<void> Worker::turn() {
  relay();
  if (const auto broken = producer_->fatal()) return std::unexpected(*broken);
  if (relay_->full()) {
    not_working("the log does not acknowledge outcomes");
    relay_->wait_for_answer(kPollWait);
    return {};
  }
  TRY_VOID(confirm_claims());
  const std::size_t most = records_to_take();
  if (most == 0) {
    pause_for(
        std::min(kPollWait, std::chrono::ceil<Millis>(pace_.next(clock_.now()) - clock_.now())));
    measure_lag();
    return expire();
  }
  just_taken_.clear();
  auto batch = consumer_->poll(most, std::min(kPollWait, until_expiry()));
  // The group takes them for ours, so nobody would read them.
  if (not_taken_) return std::unexpected(*not_taken_);
  if (!batch) {
    // The client reconnects by itself; anything else needs a new start.
    if (batch.error().code != Code::unavailable && batch.error().code != Code::timed_out) {
      return std::unexpected(batch.error());
    }
    not_working(batch.error().context);
    pause_for(kPollWait);
    return {};
  }
  TRY(stretches, sort(*batch));
  TRY_VOID(recall_orders(stretches));
  TRY_VOID(write(understand(stretches)));
  TRY_VOID(expire());
  if (!producer_->reachable()) {
    not_working(fmt::format("no server of {} answers", options_.bootstrap_servers));
  } else if (joined_) {
    working();
  }
  measure_lag();
  return {};
}

bool Worker::folds_again() const {
  return std::ranges::any_of(owned_, [](const auto& entry) { return entry.second.folds_again(); });
}

// 0: max_orders_per_second are placed.
std::size_t Worker::records_to_take() {
  pace_.set(max_orders_per_second_);
  const std::int64_t allowed = pace_.allowed(clock_.now());
  const bool at_full_speed = allowed > 0 && folds_again();
  return static_cast<std::size_t>(at_full_speed
                                      ? options_.batch_records
                                      : std::min<std::int64_t>(options_.batch_records, allowed));
}

Result<Worker::Stretches> Worker::sort(const client::Batch& batch) {
  Stretches stretches;
  std::map<std::int32_t, client::TopicPartition> again;
  for (const client::Record& record : batch.records()) {
    const auto found = owned_.find(record.partition);
    if (found == owned_.end()) continue;  // its owner reads it
    Owned& owned = found->second;
    // Read before or after the partition changed hands, which does not show: read it once more.
    if (just_taken_.contains(record.partition)) {
      again[record.partition] = {options_.orders_topic, record.partition, owned.machine.start()};
      continue;
    }
    LogRecord read(record.offset, record.key, record.value, record.headers);
    if (!owned.machine.goes_on(read)) {
      return fail(Code::corrupt,
                  fmt::format("{}-{} has another record at offset {} than the one that the "
                              "database knows: it is another log, or one that was restored",
                              options_.orders_topic, record.partition, record.offset));
    }
    stretches[record.partition].push_back(std::move(read));
  }
  std::vector<client::TopicPartition> seeks;
  for (const auto& [partition, at] : again) seeks.push_back(at);
  if (!seeks.empty()) TRY_VOID(consumer_->seek(seeks, kServerTimeout));
  return stretches;
}

// Those that the table may have and the records name.
Result<void> Worker::recall_orders(const Stretches& stretches) {
  std::vector<std::string> ids;
  for (const auto& [partition, records] : stretches) {
    const Owned& owned = owned_.find(partition)->second;
    if (owned.folds_again()) continue;
    for (const LogRecord& record : records) {
      if (auto id = owned.machine.order_to_recall(record)) ids.push_back(std::move(*id));
    }
  }
  if (ids.empty()) return {};
  std::vector<OrderRow> rows;
  TRY_VOID(until_done([&]() -> Result<void> {
    TRY(found, store_.find(ids));
    rows = std::move(found);
    return {};
  }));
  for (const OrderRow& row : rows) {
    if (!stretches.contains(row.log_partition)) continue;
    Owned& owned = owned_.find(row.log_partition)->second;
    if (!owned.folds_again()) TRY_VOID(owned.machine.recall(row));
  }
  return {};
}

std::vector<PartitionWork> Worker::understand(const Stretches& stretches) {
  std::vector<PartitionWork> works;
  const WallTime now = clock_.wall();
  for (const auto& [partition, records] : stretches) {
    Owned& owned = owned_.find(partition)->second;
    PartitionWork written_before;
    PartitionWork work{
        .partition = partition, .claim = owned.claim, .next_offset = owned.claim.next_offset};
    for (const LogRecord& record : records) {
      const bool is_written = record.offset < owned.claim.next_offset;
      owned.machine.apply(record, now, is_written ? written_before : work);
    }
    if (work.next_offset == owned.claim.next_offset) continue;
    owned.machine.finish(work);
    works.push_back(std::move(work));
  }
  return works;
}

Result<void> Worker::write(std::vector<PartitionWork> works) {
  if (works.empty()) {
    // Few of them go with the next transaction.
    if (relay_->waiting() > 0 && relay_->sent_count() < kForgetAtLeast) return {};
    return forget_sent(relay_->take_sent());
  }
  std::vector<OutboxKey> elsewhere;  // sent rows of partitions that have no work now
  for (const OutboxKey& key : relay_->take_sent()) {
    const auto work = std::find_if(works.begin(), works.end(), [&key](const PartitionWork& w) {
      return w.partition == key.partition;
    });
    (work == works.end() ? elsewhere : work->sent).push_back(key);
  }
  FAIL_POINT("worker-fetched");
  TRY_VOID(commit(works));
  FAIL_POINT("worker-committed");
  after_commit(std::move(works));
  return forget_sent(std::move(elsewhere));
}

Result<void> Worker::commit(const std::vector<PartitionWork>& works) {
  const auto done = until_done([this, &works] {
    const Instant start = clock_.now();
    auto committed = store_.commit(works);
    metrics_.transaction_seconds.observe(clock_.now() - start);
    return committed;
  });
  if (done) metrics_.transactions.add();
  if (!done && done.error().code == Code::fenced) metrics_.fenced.add();
  return done;
}

// Repeats what fails for a reason that may pass. Meanwhile nothing is read, so nothing piles up.
Result<void> Worker::until_done(const std::function<Result<void>()>& attempt) {
  Backoff backoff;
  const Instant began = clock_.now();
  while (true) {
    auto done = attempt();
    if (done || done.error().code == Code::fenced) return done;
    metrics_.transaction_retries.add();
    not_working(done.error().context);
    if (stopping() || clock_.now() - began > kTransactionPatience) return done;
    const Millis wait = backoff.next();
    log::warning("transaction failed retry_ms={} why={}", wait.count(),
                 log::quoted(done.error().context));
    measure_lag();
    pause_for(wait);
  }
}

void Worker::after_commit(std::vector<PartitionWork> works) {
  std::vector<client::TopicPartition> hints;
  std::int64_t orders = 0;
  bool deliveries = false;
  for (PartitionWork& work : works) {
    deliveries = deliveries || !work.deliveries.empty();
    orders += static_cast<std::int64_t>(work.orders.size());
    written_ += static_cast<std::uint64_t>(work.next_offset - work.claim.next_offset);
    Owned& owned = owned_.find(work.partition)->second;
    owned.claim.next_offset = work.next_offset;
    owned.payments.written();
    hints.push_back({options_.orders_topic, work.partition, work.next_offset});
    for (const OrderRow& row : work.orders) {
      const bool placed = row.state == ledger::OrderState::placed;
      if (placed) owned.payments.placed(row.deadline);
      (placed ? metrics_.placed : metrics_.rejected).add();
    }
    for (const OrderChange& change : work.changes) {
      if (change.state == ledger::OrderState::expired) metrics_.expired.add();
    }
    for (const OutboxRow& row : work.outbox) {
      if (row.topic != options_.orders_topic) metrics_.dead_letters.add();
    }
    relay_->add(std::move(work.outbox));
  }
  if (deliveries) webhook_->wake();
  pace_.placed(orders, clock_.now());
  relay();
  FAIL_POINT("worker-relayed");
  if (const auto hinted = consumer_->commit(hints, client::Consumer::Wait::no); !hinted) {
    log::debug("group commit failed why={}", log::quoted(hinted.error().context));
  }
  FAIL_POINT("worker-hinted");
}

Result<void> Worker::forget_sent(std::vector<OutboxKey> sent) {
  if (sent.empty()) return {};
  return until_done([this, &sent] { return store_.forget(sent); });
}

void Worker::relay() {
  relay_->pump(clock_.now());
  metrics_.outbox_depth.set(static_cast<std::int64_t>(relay_->waiting()));
  metrics_.outbox_sent.add(relay_->sent_total() -
                           std::exchange(counted_sent_, relay_->sent_total()));
  metrics_.outbox_failed_sends.add(relay_->failed_sends() -
                                   std::exchange(counted_failed_sends_, relay_->failed_sends()));
}

Millis Worker::until_expiry() const {
  Millis least = PaymentWatch::kIdle;
  for (const auto& [partition, owned] : owned_) {
    if (!owned.read_to_end()) continue;
    least = std::min(least, owned.payments.until_ask(clock_.now(), clock_.wall()));
  }
  return least;
}

// Calls off what was not paid in time.
Result<void> Worker::expire() {
  std::int64_t unpaid = 0;
  for (auto& [partition, owned] : owned_) {
    unpaid += owned.machine.unpaid();
    if (owned.read_to_end()) TRY_VOID(expire(partition, owned.payments));
  }
  metrics_.payment_deadlines.set(unpaid);
  return {};
}

Result<void> Worker::expire(std::int32_t partition, PaymentWatch& payments) {
  if (payments.until_ask(clock_.now(), clock_.wall()) > Millis(0)) return {};
  std::vector<Unpaid> unpaid;
  TRY_VOID(until_done([&]() -> Result<void> {
    TRY(found, store_.unpaid(partition, PaymentWatch::kMost));
    unpaid = std::move(found);
    return {};
  }));
  for (const Unpaid& order : payments.due(std::move(unpaid), clock_.now(), clock_.wall())) {
    if (!call_off(partition, order)) {
      payments.look_again();
      break;
    }
    payments.called_off(order.order_id, clock_.now());
  }
  return {};
}

// The log's order decides between that and a payment, so it may be said by anybody, twice, or of an
// order that was paid behind what was read. False: the sender takes nothing now.
bool Worker::call_off(std::int32_t partition, const Unpaid& order) {
  FAIL_POINT("worker-overdue");
  const ledger::Event event(ledger::Expired{.order = order.order_id, .sale = order.sale});
  const auto sent = producer_->send({.topic = options_.orders_topic,
                                     .partition = partition,
                                     .key = ledger::key_of(event),
                                     .value = ledger::encode(event)},
                                    [](const client::Delivery&) {});
  if (sent) FAIL_POINT("worker-expired");
  return sent.has_value();
}

void Worker::measure_lag() {
  const Instant now = clock_.now();
  if (now < measure_lag_at_) return;
  measure_lag_at_ = now + kLagInterval;
  std::int64_t lag = 0;
  std::int64_t answers = -static_cast<std::int64_t>(relay_->waiting());
  for (const auto& [partition, owned] : owned_) {
    const auto marks = consumer_->watermarks(options_.orders_topic, partition, Millis(1'000));
    if (!marks) return;
    lag += std::max<std::int64_t>(0, marks->high - owned.claim.next_offset);
    answers += owned.machine.unanswered();
  }
  const std::int64_t waiting = std::clamp<std::int64_t>(lag - answers, 0, lag);
  metrics_.lag.set(lag);
  metrics_.waiting.set(waiting);
  const std::lock_guard lock(mutex_);
  // How many answers there are is known when the fold has come to what the database has.
  const Drain before = folds_again() ? Drain() : status_.drain;
  status_.drain = before.measured(now, written_, lag, waiting);
  const Drain& drain = status_.drain;
  metrics_.records_per_second.set(static_cast<std::int64_t>(drain.records_per_second));
  if (waiting < kLagWorthALine) return;
  log::info("orders wait waiting_records={} lag_records={} records_per_second={:.0f} eta_s={}",
            waiting, lag, drain.records_per_second, drain.eta ? drain.eta->count() : -1);
}

}  // namespace sluice::worker
