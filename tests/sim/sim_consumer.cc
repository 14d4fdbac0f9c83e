#include "tests/sim/sim_consumer.h"

#include <utility>

#include <fmt/format.h>

#include "shared/wire/messages/fetch.h"
#include "shared/wire/record.h"

namespace sluice::sim {
namespace {

using wire::ErrorCode;

constexpr Millis kFetchWait{150};
constexpr Millis kRequestTimeout{2'000};

}  // namespace

SimConsumer::SimConsumer(SimLoop& loop, BrokerHost& host, History& history, Place place,
                         std::int64_t from, Handler handler)
    : loop_(loop),
      history_(history),
      place_(std::move(place)),
      handler_(std::move(handler)),
      client_(loop, host),
      next_offset_(from) {
  gate_.spawn(run());
}

void SimConsumer::kill() {
  dead_ = true;
  client_.close();
}

Task<void> SimConsumer::run() {
  while (!dead_) {
    const bool good = !paused_ && co_await fetch();
    if (!good && !dead_) co_await loop_.wait(Millis(1) + loop_.up_to(Millis(40)));
  }
  client_.close();
  co_await client_.drain();
}

Task<bool> SimConsumer::fetch() {
  wire::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(kFetchWait.count());
  request.min_bytes = 1;
  auto& topic = request.topics.emplace_back();
  topic.topic = place_.first;
  const auto bytes_max = static_cast<std::int32_t>(loop_.once_in(3) ? 300 : 20'000);
  topic.partitions.push_back(
      {.partition = place_.second, .fetch_offset = next_offset_, .partition_max_bytes = bytes_max});
  const auto version = static_cast<std::int16_t>(4 + loop_.random().below(9));
  const auto response =
      co_await client_.call<wire::FetchResponse>(request, version, kRequestTimeout);
  if (dead_ || !response || response->responses.size() != 1) co_return false;
  const auto& partition = response->responses.front().partitions.front();
  if (partition.error_code == ErrorCode::offset_out_of_range) {
    history_.fail(fmt::format("{}-{}: offset {} was readable and is out of range now", place_.first,
                              place_.second, next_offset_));
  }
  if (partition.error_code != ErrorCode::none) co_return false;
  high_watermark_ = partition.high_watermark;
  if (!take(partition.records.value_or(SharedBytes()).copy())) co_return false;
  handler_.batch_end();
  if (!dead_ && next_offset_ >= high_watermark_) handler_.end();
  co_return true;
}

// Offsets are dense: each record is the one after the last.
bool SimConsumer::take(const Buffer& bytes) {
  const auto batches = wire::split_batches(bytes);
  if (!batches) {
    history_.fail("a fetched batch is damaged: " + batches.error().context);
    return false;
  }
  for (const auto& batch : *batches) {
    const auto records = wire::read_records(batch);
    if (!batch.validate() || !records) {
      history_.fail("a fetched batch is damaged");
      return false;
    }
    for (const auto& record : *records) {
      if (record.offset < next_offset_) continue;
      if (record.offset != next_offset_) {
        history_.fail(fmt::format("{}-{}: offset {} follows {}", place_.first, place_.second,
                                  record.offset, next_offset_ - 1));
        return false;
      }
      history_.read(place_, record);
      ++next_offset_;
      handler_.record(record);
      if (dead_) return true;
    }
  }
  return true;
}

}  // namespace sluice::sim
