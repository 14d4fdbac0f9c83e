#include "tests/sim/sim_producer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "shared/wire/messages/init_producer_id.h"
#include "shared/wire/messages/produce.h"
#include "shared/wire/record.h"

namespace sluice::sim {
namespace {

using wire::ErrorCode;

constexpr Millis kRequestTimeout{2'000};
constexpr Millis kBackoff{40};
constexpr std::size_t kBatchRecordsMax = 6;

const wire::ProduceResponse::Topic::Partition* only_partition(
    const Result<wire::ProduceResponse>& response) {
  if (!response || response->responses.size() != 1) return nullptr;
  const auto& partitions = response->responses.front().partition_responses;
  return partitions.size() == 1 ? &partitions.front() : nullptr;
}

}  // namespace

SimProducer::SimProducer(SimLoop& loop, BrokerHost& host, History& history, Options options)
    : loop_(loop), history_(history), options_(std::move(options)), client_(loop, host) {
  gate_.spawn(run());
}

void SimProducer::send(std::optional<Buffer> key, std::optional<Buffer> value, Done done) {
  queue_.push_back({.id = fmt::format("{}:{}", options_.name, next_number_++),
                    .key = std::move(key),
                    .value = std::move(value),
                    .since = loop_.clock().now(),
                    .done = std::move(done)});
  if (asleep_) std::exchange(asleep_, nullptr)->set(true);
}

void SimProducer::kill() {
  dead_ = true;
  client_.close();
  if (asleep_) std::exchange(asleep_, nullptr)->set(true);
}

Task<void> SimProducer::run() {
  while (!dead_) {
    give_up();
    if (idle()) {
      OneShot<bool> woken;
      asleep_ = &woken;
      co_await woken;
      co_await loop_.wait(loop_.up_to(Millis(2)));  // linger
      continue;
    }
    if (producer_id_ >= 0 || co_await new_producer_id()) co_await session();
    client_.close();
    if (!dead_) co_await loop_.wait(Millis(1) + loop_.up_to(kBackoff));
  }
  client_.close();
  co_await client_.drain();
}

Task<bool> SimProducer::new_producer_id() {
  const wire::InitProducerIdRequest request;
  const auto version = static_cast<std::int16_t>(loop_.random().below(5));
  const auto response =
      co_await client_.call<wire::InitProducerIdResponse>(request, version, kRequestTimeout);
  if (!response || response->error_code != ErrorCode::none) co_return false;
  producer_id_ = response->producer_id;
  next_sequence_ = 0;
  co_return true;
}

// From a connection to its end, or to the end of the work.
Task<void> SimProducer::session() {
  std::deque<Sent> sent;
  bool good = true;
  while (good && !dead_) {
    cut_batches();
    while (sent.size() < in_flight_.size()) sent.push_back(post(in_flight_[sent.size()]));
    if (sent.empty()) co_return;
    good = co_await take_answer(sent.front());
    sent.pop_front();
  }
  client_.close();
  for (auto& rest : sent) (void)co_await rest;  // unknown now: they go again
}

Task<bool> SimProducer::take_answer(Sent& sent) {
  const auto response = co_await sent;
  if (dead_) co_return false;
  const auto* partition = only_partition(response);
  if (partition == nullptr) co_return false;
  if (partition->error_code == ErrorCode::none) {
    const Buffer bytes = bytes_of(in_flight_.front());
    Batch batch = std::move(in_flight_.front());
    in_flight_.pop_front();
    acknowledge(std::move(batch), partition->base_offset);
    if (loop_.once_in(12)) gate_.spawn(send_again(producer_id_, bytes, partition->base_offset));
    co_return true;
  }
  if (partition->error_code != ErrorCode::kafka_storage_error &&
      partition->error_code != ErrorCode::unknown_topic_or_partition) {
    history_.fail(fmt::format("producer {} was refused: {}", options_.name,
                              wire::name_of(partition->error_code)));
  }
  co_return false;
}

// A duplicate of what was acknowledged, as a network or a hasty client makes it.
Task<void> SimProducer::send_again(std::int64_t, Buffer bytes, std::int64_t offset) {
  auto sent = post(std::move(bytes));
  const auto response = co_await sent;
  const auto* partition = only_partition(response);
  if (partition == nullptr || partition->error_code != ErrorCode::none) co_return;
  if (partition->base_offset != offset) {
    history_.fail(
        fmt::format("a batch of producer {} was acknowledged at {} and, sent again, at {}",
                    options_.name, offset, partition->base_offset));
  }
}

void SimProducer::cut_batches() {
  while (in_flight_.size() < options_.in_flight && !queue_.empty()) {
    Batch batch{.sequence = next_sequence_};
    const std::size_t most = 1 + loop_.random().below(kBatchRecordsMax);
    while (!queue_.empty() && batch.items.size() < most) {
      batch.items.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    next_sequence_ += static_cast<std::int32_t>(batch.items.size());
    in_flight_.push_back(std::move(batch));
  }
}

Buffer SimProducer::bytes_of(const Batch& batch) const {
  wire::RecordBatchBuilder builder(
      {.producer_id = producer_id_, .producer_epoch = 0, .base_sequence = batch.sequence});
  for (const Item& item : batch.items) {
    wire::Record record{.timestamp_ms = loop_.clock().wall().unix_millis};
    if (item.key) record.key = *item.key;
    if (item.value) record.value = *item.value;
    record.headers.push_back({.key = "id", .value = item.id});
    builder.add(record);
  }
  return std::move(builder).finish();
}

SimProducer::Sent SimProducer::post(Batch& batch) {
  auto sent = post(bytes_of(batch));
  batch.attempted = batch.attempted || client_.connected();
  return sent;
}

SimProducer::Sent SimProducer::post(Buffer bytes) {
  wire::ProduceRequest request{.acks = -1, .timeout_ms = 30'000};
  auto& topic = request.topic_data.emplace_back();
  topic.name = options_.place.first;
  topic.partition_data.push_back({.index = options_.place.second, .records = bytes});
  const auto version = static_cast<std::int16_t>(3 + loop_.random().below(9));
  return client_.call<wire::ProduceResponse>(request, version, request_timeout());
}

// No answer is awaited for longer than the record may take in all.
Millis SimProducer::request_timeout() const {
  if (options_.delivery_timeout.count() == 0) return kRequestTimeout;
  return std::min(kRequestTimeout, options_.delivery_timeout);
}

void SimProducer::acknowledge(Batch batch, std::int64_t base_offset) {
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    history_.acknowledged(options_.place, base_offset + static_cast<std::int64_t>(i),
                          batch.items[i].id);
  }
  report(std::move(batch.items), client::Outcome::persisted, base_offset);
}

// What is too old is reported as far as it is known; a batch that was sent may still arrive, so the
// next one goes under a new producer id.
void SimProducer::give_up() {
  if (options_.delivery_timeout.count() == 0) return;
  const Instant now = loop_.clock().now();
  const auto late = [&](const Item& item) { return now - item.since >= options_.delivery_timeout; };
  while (!in_flight_.empty() && late(in_flight_.front().items.front())) {
    Batch batch = std::move(in_flight_.front());
    in_flight_.pop_front();
    producer_id_ = -1;
    const auto outcome =
        batch.attempted ? client::Outcome::possibly_persisted : client::Outcome::not_persisted;
    report(std::move(batch.items), outcome, -1);
  }
  std::vector<Item> unsent;
  while (in_flight_.empty() && !queue_.empty() && late(queue_.front())) {
    unsent.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  report(std::move(unsent), client::Outcome::not_persisted, -1);
}

void SimProducer::report(std::vector<Item> items, client::Outcome outcome,
                         std::int64_t base_offset) {
  for (Item& item : items) {
    if (!item.done) continue;
    item.done({.outcome = outcome, .offset = base_offset < 0 ? -1 : base_offset++});
  }
}

}  // namespace sluice::sim
