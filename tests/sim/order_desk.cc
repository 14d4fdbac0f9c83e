#include "tests/sim/order_desk.h"

#include <algorithm>
#include <utility>

#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"

namespace sluice::sim {
namespace {

constexpr std::size_t kUnwrittenMax = 40;  // records in one transaction, about

}  // namespace

OrderDesk::OrderDesk(SimLoop& loop, BrokerHost& host, History& history, MemoryOrderStore& store,
                     Options options)
    : loop_(loop),
      host_(host),
      history_(history),
      store_(store),
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
      } else if (!lane->unwritten.empty()) {
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

void OrderDesk::claim(Lane& lane) {
  const auto claimed = store_.claim(lane.partition);
  if (!claimed) return;
  auto leftovers = store_.outbox(lane.partition);
  if (!leftovers) return;
  const auto stored = store_.fold(lane.partition);
  if (!stored) return;
  relay_.drop(lane.partition);
  relay_.add(std::move(*leftovers));
  const std::string topic(ledger::kOrdersTopic);
  const worker::StoredFold fold = stored->value_or(worker::StoredFold());
  CHECK(fold.next_offset == claimed->next_offset);
  auto machine = worker::OrderMachine::resume(topic, lane.partition, worker::Webhook::off, fold);
  CHECK(machine);
  lane.machine = std::move(*machine);
  lane.claim = *claimed;
  lane.payments = {};
  lane.unwritten.clear();
  if (lane.consumer) {
    lane.consumer->kill();
    old_consumers_.push_back(std::move(lane.consumer));
  }
  std::erase_if(old_consumers_, [](const auto& consumer) { return consumer->ended(); });
  lane.consumer = std::make_unique<SimConsumer>(
      loop_, host_, history_, Place{topic, lane.partition}, lane.machine.start(),
      SimConsumer::Handler{.record = [this, &lane](const auto& record) { read(lane, record); }});
  lane.lost = false;
}

void OrderDesk::read(Lane& lane, const wire::Record& record) {
  lane.unwritten.push_back({record.offset, record.key.transform([](auto k) { return Buffer(k); }),
                            record.value.transform([](auto v) { return Buffer(v); })});
  lane.consumer->pause(lane.unwritten.size() >= kUnwrittenMax);
}

// Not before it has written all that is there; the worker only waits for what was there at its
// claim.
void OrderDesk::expire(Lane& lane) {
  const Instant now = loop_.clock().now();
  const WallTime wall = loop_.clock().wall();
  if (lane.consumer->next_offset() < lane.consumer->high_watermark()) return;
  if (lane.payments.until_ask(now, wall) > Millis(0)) return;
  auto unpaid = store_.unpaid(lane.partition, worker::PaymentWatch::kMost);
  if (!unpaid) return;
  for (const worker::Unpaid& due : lane.payments.due(std::move(*unpaid), now, wall)) {
    lane.payments.called_off(due.order_id, now);
    if (options_.plant == Plant::lost_expiry && due.order_id[1] % 4 == 0) continue;
    const ledger::Event event(ledger::Expired{.order = due.order_id, .sale = due.sale});
    producer({std::string(ledger::kOrdersTopic), lane.partition})
        .send(ledger::key_of(event), ledger::encode(event), {});
  }
}

Task<void> OrderDesk::recall(Lane& lane, const std::vector<worker::LogRecord>& records) {
  if (options_.plant == Plant::no_recall) co_return;
  std::vector<std::string> ids;
  for (const worker::LogRecord& record : records) {
    if (auto id = lane.machine.order_to_recall(record)) ids.push_back(std::move(*id));
  }
  auto rows = store_.find(ids);
  while (!rows && !dead_) {
    co_await loop_.wait(loop_.up_to(Millis(10)));
    rows = store_.find(ids);
  }
  if (dead_) co_return;
  for (const worker::OrderRow& row : *rows) CHECK(lane.machine.recall(row));
}

worker::PartitionWork OrderDesk::understand(Lane& lane,
                                            const std::vector<worker::LogRecord>& records) {
  worker::PartitionWork work{
      .partition = lane.partition, .claim = lane.claim, .next_offset = lane.claim.next_offset};
  for (const worker::LogRecord& record : records) {
    CHECK(lane.machine.goes_on(record));
    lane.machine.apply(record, loop_.clock().wall(), work);
  }
  lane.machine.finish(work);
  return work;
}

Task<void> OrderDesk::write(Lane& lane) {
  const std::vector<Read> reads = std::exchange(lane.unwritten, {});
  lane.consumer->pause(false);
  std::vector<worker::LogRecord> records;
  for (const Read& read : reads) records.emplace_back(read.offset, read.key, read.value);
  co_await recall(lane, records);
  if (dead_) co_return;
  worker::PartitionWork work = understand(lane, records);
  if (work.next_offset == lane.claim.next_offset) co_return;
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
  for (const worker::OrderRow& row : work.orders) lane.payments.placed(row.deadline);
  lane.payments.written();
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
           return !lane->lost && lane->unwritten.empty() && lane->machine.unpaid() == 0 &&
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
