// Delayed delivery on a store, with restarts, power cuts, full disks, retries, cancels, deletions
// and several batches in flight, against a model that is a list of what was promised: nothing
// early, lost, twice, or unreachable.

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/log/delayer.h"
#include "broker/log/verify.h"
#include "broker/topics.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::LogBench;
using wire::ErrorCode;

constexpr std::int32_t kPartitions = 3;
constexpr std::int64_t kProducerId = 7;

// A record that a client sent.
struct Sent {
  std::int32_t partition = 0;
  std::int64_t due_ms = 0;  // at or before the sending: at once
  bool acknowledged = false;
  bool cancelled = false;        // that was acknowledged
  bool maybe_cancelled = false;  // it was asked for, and answered with an error
};

struct Batch {
  Buffer bytes;
  std::vector<std::string> values;
};

// What a client knows of a partition: its batches go one after the other, as an idempotent
// producer's with one request in flight.
struct Client {
  std::int32_t sequence = 0;
  std::optional<Batch> unsure;  // sent, not acknowledged; is sent again
  std::optional<Batch> last;    // acknowledged
};

template <class Medium>
class DelayModel {
 public:
  explicit DelayModel(std::uint64_t seed) : random_(seed), bench_(seed) {
    bench_.committer_options.segment_bytes = 20'000;
    start();
  }
  ~DelayModel() { stop(); }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      check_delivered();
    }
    settle();
  }

  SimDisk& disk() { return bench_.medium.disk(); }
  std::size_t delivered() const { return delivered_; }
  std::size_t cancelled() const { return cancelled_; }
  std::size_t crashes() const { return crashes_; }

 private:
  struct Flight {
    std::int32_t partition;
    Batch batch;
    Task<PartitionLog::Appended> answer;
  };

  static constexpr bool kCanCrash = std::is_same_v<Medium, tests::SimMedium>;

  void step() {
    const auto what = random_.below(100);
    if (what < 45) return send(static_cast<std::int32_t>(random_.below(kPartitions)));
    if (what < 60) return pass(Millis(random_.below(8)));
    if (what < 70) return pass(Millis(random_.below(400)));
    if (what < 78) return land();
    if (what < 88) return cancel();
    if (what < 90) return list();
    if (what < 92) return restart(false);
    if (what < 94) return kCanCrash ? restart(true) : restart(false);
    if (what < 96) return fill_disk();
    if (what < 97) return remove_topic();
    send_again(static_cast<std::int32_t>(random_.below(kPartitions)));
  }

  // ---- life ----

  void start() {
    LogContext& context = bench_.context();
    delayer_ = std::make_unique<Delayer>(context, bench_.readers, bench_.loop.clock(),
                                         [this] { rearm(); });
    context.delayed = [this](std::shared_ptr<PartitionLog> log, DelayPosition from) {
      delayer_->add(std::move(log), from);
    };
    topics_ = std::make_unique<Topics>(context, random_, TopicLimits{});
    bench_.committer().on_caught_up([this] {
      for (const auto& [name, topic] : topics_->all()) {
        for (const auto& partition : topic->partitions) partition->catch_up();
      }
      delayer_->caught_up();
    });
    REQUIRE(topics_->recover());
    bench_.committer().set_segment(topics_->next_segment().value());
    verify();
    if (topics_->find("t") == nullptr) create_topic();
  }

  void stop() {
    land();
    delayer_->stop();
    bench_.await(delayer_->close());
    ++life_;
    topics_.reset();
    bench_.close();
    delayer_.reset();
  }

  // With a power cut nothing that was not synced is there afterwards.
  void restart(bool crash) {
    if constexpr (kCanCrash) {
      if (full_) fill_disk();
      if (crash) {
        ++crashes_;
        bench_.loop.run([this] { return random_.below(12) == 0; }, 50);
        disk().crash();
      }
    }
    stop();
    bench_.reopen();
    start();
  }

  void rearm() {
    const Instant at = delayer_->next_deadline();
    if (at == Instant::never()) return;
    bench_.loop.at(at, [this, life = life_] {
      if (life != life_) return;
      delayer_->tick();
      rearm();
    });
  }

  void pass(Millis time) { bench_.loop.run_until(bench_.loop.clock().now() + time); }
  WallTime now() const { return bench_.loop.clock().wall(); }

  void fill_disk() {
    if constexpr (kCanCrash) {
      full_ = !full_;
      disk().fill(full_);
      if (full_) return;
      bench_.committer().retry();
      pass(Millis(50));
      delayer_->tick();
    }
  }

  void verify() {
    Buffer version;
    append_be(version, kFormatVersion);
    bench_.committer().put(state_key(StateKind::meta, "format"), version);
    REQUIRE(bench_.await(bench_.committer().commit()));
    const VerifyReport report = Verifier(bench_.store()).run();
    REQUIRE_MESSAGE(report.clean(), report.findings.front().text());
  }

  void create_topic() {
    REQUIRE(bench_.await(topics_->create("t", kPartitions, {})).code == ErrorCode::none);
  }

  void remove_topic() {
    if (full_) return;
    land();
    std::vector<PartitionId> removed;
    REQUIRE(bench_.await(topics_->remove("t", &removed)).code == ErrorCode::none);
    for (const PartitionId id : removed) delayer_->forget(id);
    REQUIRE(bench_.context().delays.pending == 0);
    for (auto& client : clients_) client = {};
    sent_.clear();
    create_topic();
  }

  std::shared_ptr<PartitionLog> log_of(std::int32_t partition) {
    return topics_->find("t")->share(partition);
  }

  // ---- clients ----

  bool in_flight(std::int32_t partition) const {
    return std::ranges::any_of(flights_,
                               [&](const Flight& flight) { return flight.partition == partition; });
  }

  Batch new_batch(std::int32_t partition) {
    Client& client = clients_[static_cast<std::size_t>(partition)];
    wire::RecordBatchBuilder builder(
        {.producer_id = kProducerId, .producer_epoch = 0, .base_sequence = client.sequence});
    Batch batch;
    const auto count = 1 + random_.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string value = "v" + std::to_string(next_value_++);
      wire::Record record{.timestamp_ms = now().unix_millis, .value = value};
      std::int64_t due = 0;
      std::string header;
      if (random_.below(3) > 0) {
        due = now().unix_millis - 20 + static_cast<std::int64_t>(random_.below(600));
        header = std::to_string(due);
        record.headers.push_back({"deliver-at", header});
      }
      builder.add(record);
      sent_[value] = {.partition = partition, .due_ms = due};
      batch.values.push_back(value);
    }
    client.sequence += static_cast<std::int32_t>(count);
    batch.bytes = std::move(builder).finish();
    if (random_.below(3) == 0) batch.bytes = tests::compressed(batch.bytes, wire::Compression::lz4);
    return batch;
  }

  Task<PartitionLog::Appended> produce(std::int32_t partition, const Batch& batch) {
    const auto view = wire::RecordBatchView::at_front(batch.bytes);
    Buffer storage;
    const auto plain = wire::plain_records(*view, storage);
    auto split = split_delayed(*view, *plain, now(), 1 << 20);
    REQUIRE(split);
    const auto log = log_of(partition);
    return log->commit(split->delayed.empty()
                           ? log->stage(batch.bytes, now())
                           : log->stage_split(batch.bytes, std::move(*split), now()));
  }

  void send(std::int32_t partition) {
    if (in_flight(partition)) return;
    Client& client = clients_[static_cast<std::size_t>(partition)];
    Batch batch = client.unsure ? *client.unsure : new_batch(partition);
    client.unsure = batch;
    auto answer = produce(partition, batch);
    flights_.push_back({partition, std::move(batch), std::move(answer)});
  }

  // A batch that was acknowledged, once more: it is taken for what it is.
  void send_again(std::int32_t partition) {
    Client& client = clients_[static_cast<std::size_t>(partition)];
    if (in_flight(partition) || client.unsure || !client.last || full_) return;
    const auto answer = bench_.await(produce(partition, *client.last));
    REQUIRE(answer.error == ErrorCode::none);
  }

  // Awaits what is in flight.
  void land() {
    for (Flight& flight : flights_) {
      const auto answer = bench_.await(std::move(flight.answer));
      Client& client = clients_[static_cast<std::size_t>(flight.partition)];
      if (answer.error != ErrorCode::none) continue;
      for (const auto& value : flight.batch.values) sent_.at(value).acknowledged = true;
      client.unsure.reset();
      client.last = std::move(flight.batch);
    }
    flights_.clear();
  }

  std::vector<WaitingRecord> waiting(std::int32_t partition) {
    std::vector<WaitingRecord> all;
    DelayPosition from;
    for (;;) {
      auto page =
          list_delayed(bench_.store(), log_of(partition)->id(), from, 1 + random_.below(4), 1'000);
      REQUIRE(page);
      std::ranges::move(page->records, std::back_inserter(all));
      if (!page->next) return all;
      from = *page->next;
    }
  }

  void cancel() {
    const auto partition = static_cast<std::int32_t>(random_.below(kPartitions));
    const auto all = waiting(partition);
    if (all.empty()) return;
    const auto& chosen = all[random_.below(all.size())];
    // Twice at once, now and then.
    std::vector<Task<Result<bool>>> answers;
    for (std::uint64_t i = random_.below(5) == 0 ? 2 : 1; i > 0; --i) {
      answers.push_back(delayer_->cancel(log_of(partition), chosen.at));
    }
    Sent& sent = sent_.at(*chosen.record.value);
    int taken = 0;
    for (auto& answer : answers) {
      const auto done = bench_.await(std::move(answer));
      if (!done) sent.maybe_cancelled = true;
      if (done && *done) {
        ++taken;
        sent.cancelled = true;
      }
    }
    REQUIRE(taken <= 1);
    cancelled_ += static_cast<std::size_t>(taken);
  }

  // ---- what has to hold ----

  // How often each value is in the log.
  std::map<std::string, int> in_log() {
    std::map<std::string, int> found;
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      const auto log = log_of(p);
      for (Offset from = log->log_start(); from < log->high_watermark();) {
        const auto bytes = bench_.await(log->read(from, {1 << 16, true}));
        REQUIRE(bytes);
        const Buffer whole = bytes->copy();
        const auto batches = wire::split_batches(whole);
        REQUIRE(batches);
        for (const auto& batch : *batches) {
          Buffer storage;
          const auto records = tests::records_of(batch, storage);
          REQUIRE(records);
          for (const auto& record : *records) {
            const std::string value(*record.value);
            REQUIRE(sent_.at(value).partition == p);
            ++found[value];
          }
          from = batch.next_offset();
        }
      }
    }
    return found;
  }

  void check_delivered() {
    const std::int64_t before = now().unix_millis;
    for (const auto& [value, count] : in_log()) {
      const Sent& sent = sent_.at(value);
      REQUIRE_MESSAGE(count == 1, value << " was delivered " << count << " times");
      // It was read after `before`, but what is read was there when the reading began, or is due.
      REQUIRE_MESSAGE(sent.due_ms <= std::max(before, now().unix_millis), value << " came early");
      REQUIRE_MESSAGE(!sent.cancelled, value << " was cancelled and came");
    }
  }

  // What waits can be seen, and what is acknowledged waits or is in the log.
  void list() {
    land();
    const auto there = in_log();
    std::set<std::string> listed;
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      std::int64_t last = 0;
      for (const auto& record : waiting(p)) {
        REQUIRE(record.at.due_ms >= last);
        last = record.at.due_ms;
        REQUIRE(sent_.at(*record.record.value).due_ms == record.at.due_ms);
        REQUIRE(listed.insert(*record.record.value).second);
        const auto one = find_delayed(bench_.store(), log_of(p)->id(), record.at);
        REQUIRE(one);
      }
    }
    // What was on its way from the one to the other has arrived.
    pass(Millis(30));
    const auto later = in_log();
    for (const auto& [value, sent] : sent_) {
      if (!sent.acknowledged || sent.cancelled || sent.maybe_cancelled) continue;
      const bool somewhere =
          there.contains(value) || listed.contains(value) || later.contains(value);
      REQUIRE_MESSAGE(somewhere, value << " was acknowledged and is nowhere");
    }
  }

  // Everything comes to its end.
  void settle() {
    if (full_) fill_disk();
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      land();
      if (clients_[static_cast<std::size_t>(p)].unsure) send(p);
    }
    land();
    pass(Millis(2'000));
    const auto there = in_log();
    for (const auto& [value, sent] : sent_) {
      REQUIRE(sent.acknowledged);
      const bool delivered = there.contains(value);
      if (sent.cancelled) REQUIRE_FALSE(delivered);
      if (!sent.cancelled && !sent.maybe_cancelled) {
        REQUIRE_MESSAGE(delivered, value << " was acknowledged and never came");
      }
      if (delivered && sent.due_ms > 0) ++delivered_;
    }
    check_delivered();
    REQUIRE(bench_.context().delays.pending == 0);
    const auto left = bench_.store().cursor(Family::delay, 0);
    left->seek("");
    REQUIRE_FALSE(left->valid());
    REQUIRE(delayer_->next_due_ms() == std::nullopt);
    verify();
  }

  SeededRandom random_;
  LogBench<Medium> bench_;
  std::unique_ptr<Delayer> delayer_;
  std::unique_ptr<Topics> topics_;
  std::vector<Flight> flights_;
  std::map<std::string, Sent> sent_;
  std::vector<Client> clients_{kPartitions};
  std::uint64_t next_value_ = 0;
  int life_ = 0;  // timers of an earlier one mean nothing
  bool full_ = false;
  std::size_t delivered_ = 0;
  std::size_t cancelled_ = 0;
  std::size_t crashes_ = 0;
};

TEST_CASE("random histories of delayed records agree with the model") {
  std::size_t delivered = 0;
  std::size_t cancelled = 0;
  std::size_t crashes = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    DelayModel<tests::SimMedium> model(seed);
    model.run(200);
    delivered += model.delivered();
    cancelled += model.cancelled();
    crashes += model.crashes();
  }
  // It was about something.
  CHECK(delivered > 3'000);
  CHECK(cancelled > 500);
  CHECK(crashes > 250);
}

TEST_CASE("random histories of delayed records on RocksDB agree with the model") {
  DelayModel<tests::RocksMedium>(7).run(400);
}

// Bugs of the store, planted: the model finds each of them.
using Operation = WriteBatch::Operation;
using Kind = WriteBatch::Kind;

void run_with(std::function<bool(const Operation&)> lost) {
  DelayModel<tests::SimMedium> model(3);
  model.disk().lose(std::move(lost));
  model.run(600);
}

TEST_CASE("planted: what was delivered still waits" * doctest::should_fail()) {
  int erased = 0;
  run_with([erased](const Operation& operation) mutable {
    return operation.family == Family::delay && operation.kind == Kind::erase && ++erased % 20 == 0;
  });
}

TEST_CASE("planted: a delayed record is not stored" * doctest::should_fail()) {
  int put = 0;
  run_with([put](const Operation& operation) mutable {
    return operation.family == Family::delay && operation.kind == Kind::put && ++put % 20 == 0;
  });
}

TEST_CASE("planted: delayed records of a deleted topic stay" * doctest::should_fail()) {
  run_with([](const Operation& operation) {
    return operation.family == Family::delay && operation.kind == Kind::erase_range;
  });
}

}  // namespace
}  // namespace sluice::broker
