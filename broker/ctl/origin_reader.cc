#include "broker/ctl/origin_reader.h"

#include <fmt/format.h>

#include <span>

#include "shared/base/clock.h"

namespace sluice::ctl {

namespace {

constexpr Millis kPoll{200};

std::unexpected<Error> gone(const Place& origin) {
  return fail(Code::not_found, fmt::format("it holds no copy of the record, and {} is not kept",
                                           place_text(origin)));
}

}  // namespace

Result<void> OriginReader::complete(DeadLetter& letter) {
  const Place& origin = letter.origin;
  if (origin.partition < 0 || origin.offset < 0) return gone(origin);
  if (!consumer_) {
    TRY(consumer, client::Consumer::open(context_.settings, {.report_ends = true}));
    consumer_ = std::move(consumer);
  }
  TRY(kept, consumer_->watermarks(origin.topic, origin.partition, context_.timeout()));
  if (origin.offset < kept.low || origin.offset >= kept.high) return gone(origin);
  const client::TopicPartition start{origin.topic, origin.partition, origin.offset};
  TRY_VOID(consumer_->assign(std::span(&start, 1)));
  const SystemClock clock;
  const Instant deadline = clock.now() + context_.timeout();
  while (clock.now() < deadline) {
    TRY(batch, consumer_->poll(1, kPoll));
    if (batch.records().empty()) {
      if (!batch.ends().empty()) return gone(origin);
      continue;
    }
    const client::Record& record = batch.records()[0];
    if (record.offset != origin.offset) return gone(origin);  // compaction took it
    add_copy(letter, record);
    return {};
  }
  return fail(Code::timed_out, fmt::format("reading {} brought nothing for {} s",
                                           place_text(origin), context_.timeout_seconds));
}

}  // namespace sluice::ctl
