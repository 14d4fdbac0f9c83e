#include "tests/sim/order_desk.h"

#include <algorithm>
#include <utility>

#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"

namespace sluice::sim {
namespace {

constexpr std::size_t kExpiredMax = 3;     // in one turn
constexpr std::size_t kUnwrittenMax = 40;  // orders in one transaction, about

bool empty(const worker::PartitionWork& work) {
  return work.next_offset == work.claim.next_offset;
}

std::string snapshot_name(std::int32_t partition) {
  return "desk-" + std::to_string(partition);
}

}  // namespace

OrderDesk::OrderDesk(SimLoop& loop, BrokerHost& host, History& history, MemoryOrderStore& store,
                     SnapshotShelf& shelf, Options options)
    : loop_(loop),
      host_(host),
      history_(history),
      store_(store),
      shelf_(shelf),
      options_(std::move(options)),
      relay_([this](client::ProduceRecord record, SimProducer::Done done) {
        return send(std::move(record), std::move(done));
      }) {
  for (std::int32_t i = 0; i < options_.partitions; ++i) {
    lanes_.push_back(std::make_unique<Lane>(
        Lane{.partition = i,
             .machine = worker::OrderMachine(std::string(ledger::kOrdersTopic), i),
             .lost = true}));
  }
  gate_.spawn(run());
}

Task<void> OrderDesk::run() {
  while (!dead_) {
    for (const auto& lane : lanes_) {
      if (lane->lost) {
        claim(*lane);
      } else if (!empty(lane->work)) {
        co_await write(*lane);
      } else {
        expire(*lane);
      }
      if (dead_) co_return;
    }
    relay_.pump(loop_.clock().now());
    std::ranges::copy(relay_.take_sent(), std::back_inserter(sent_));
    if (!sent_.empty() && store_.forget(sent_)) sent_.clear();
    co_await loop_.wait(Millis(1) + loop_.up_to(Millis(30)));
  }
}

// A fold from a snapshot or the log's beginning: what is before the claim is folded and not
// written.
void OrderDesk::claim(Lane& lane) {
  const auto claimed = store_.claim(lane.partition);
  if (!claimed) return;
  auto leftovers = store_.outbox(lane.partition);
  if (!leftovers) return;
  relay_.drop(lane.partition);
  relay_.add(std::move(*leftovers));
  const std::string topic(ledger::kOrdersTopic);
  ledger::FoldedLog log = shelf_.load(snapshot_name(lane.partition));
  const bool early = options_.plant == Plant::early_snapshot;
  if (!early && log.fold.next_offset() > claimed->next_offset) log = {};
  lane.machine = worker::OrderMachine(topic, lane.partition, worker::Webhook::off, std::move(log));
  lane.claim = *claimed;
  lane.work = {
      .partition = lane.partition, .claim = lane.claim, .next_offset = lane.claim.next_offset};
  if (lane.consumer) {
    lane.consumer->kill();
    old_consumers_.push_back(std::move(lane.consumer));
  }
  std::erase_if(old_consumers_, [](const auto& consumer) { return consumer->ended(); });
  lane.consumer = std::make_unique<SimConsumer>(
      loop_, host_, history_, Place{topic, lane.partition}, lane.machine.log().start(),
      SimConsumer::Handler{.record = [this, &lane](const auto& record) { read(lane, record); }});
  lane.lost = false;
}

void OrderDesk::read(Lane& lane, const wire::Record& record) {
  const worker::LogRecord log_record{record.offset, record.key, record.value};
  const WallTime now = loop_.clock().wall();
  CHECK(lane.machine.goes_on(ledger::seam_at(record.offset, record.key, record.value)));
  if (record.offset < lane.claim.next_offset) {
    worker::PartitionWork written_before;
    lane.machine.apply(log_record, now, written_before);
    return;
  }
  lane.machine.apply(log_record, now, lane.work);
  lane.consumer->pause(lane.work.orders.size() >= kUnwrittenMax);
}

// As the worker does it: not before it has folded what was there, and nothing is remembered.
void OrderDesk::expire(Lane& lane) {
  if (lane.consumer->next_offset() < lane.consumer->high_watermark()) return;
  for (const ledger::Expired& overdue : lane.machine.overdue(loop_.clock().wall(), kExpiredMax)) {
    if (options_.plant == Plant::lost_expiry && overdue.order[1] % 4 == 0) continue;
    const ledger::Event event(overdue);
    producer({std::string(ledger::kOrdersTopic), lane.partition})
        .send(ledger::key_of(event), ledger::encode(event), {});
  }
}

Task<void> OrderDesk::write(Lane& lane) {
  worker::PartitionWork work = std::exchange(
      lane.work, {.partition = lane.partition,
                  .claim = {.next_offset = lane.work.next_offset, .fence = lane.claim.fence},
                  .next_offset = lane.work.next_offset});
  lane.consumer->pause(false);
  for (;;) {
    co_await loop_.wait(loop_.up_to(Millis(10)));
    if (dead_) co_return;
    const auto committed = store_.commit(std::span(&work, 1));
    co_await loop_.wait(loop_.up_to(Millis(10)));
    if (dead_) co_return;
    if (committed) break;
    if (committed.error().code == Code::fenced) {
      lane.lost = true;
      relay_.drop(lane.partition);
      co_return;
    }
  }
  lane.claim.next_offset = work.next_offset;
  const bool early = options_.plant == Plant::early_snapshot;
  if (early || lane.machine.next_offset() <= lane.claim.next_offset) {
    shelf_.keep(snapshot_name(lane.partition), lane.machine.log());
  }
  relay_.add(std::move(work.outbox));
}

Result<void> OrderDesk::send(client::ProduceRecord record, SimProducer::Done done) {
  if (options_.plant == Plant::lost_outcome && loop_.once_in(10)) {
    done({.outcome = client::Outcome::persisted});
    return {};
  }
  producer({record.topic, std::max(record.partition, 0)})
      .send(std::move(record.key), std::move(record.value), std::move(done));
  return {};
}

SimProducer& OrderDesk::producer(const Place& place) {
  auto& producer = producers_[place];
  if (!producer) {
    producer = std::make_unique<SimProducer>(
        loop_, host_, history_,
        SimProducer::Options{
            .name = options_.name + "-" + place.first + "-" + std::to_string(place.second),
            .place = place,
            .delivery_timeout = Millis(3'000)});
  }
  return *producer;
}

bool OrderDesk::idle() const {
  return relay_.waiting() == 0 && std::ranges::all_of(lanes_, [](const auto& lane) {
           return !lane->lost && empty(lane->work) && lane->machine.deadlines() == 0 &&
                  lane->consumer->next_offset() >= lane->consumer->high_watermark() &&
                  lane->claim.next_offset == lane->consumer->next_offset();
         });
}

void OrderDesk::kill() {
  dead_ = true;
  for (const auto& [place, producer] : producers_) producer->kill();
  for (const auto& lane : lanes_) {
    if (lane->consumer) lane->consumer->kill();
  }
}

bool OrderDesk::ended() const {
  const auto is_ended = [](const auto& consumer) { return consumer->ended(); };
  return dead_ && gate_.running() == 0 &&
         std::ranges::all_of(producers_, [](const auto& p) { return p.second->ended(); }) &&
         std::ranges::all_of(old_consumers_, is_ended) &&
         std::ranges::all_of(lanes_,
                             [](const auto& l) { return !l->consumer || l->consumer->ended(); });
}

}  // namespace sluice::sim
