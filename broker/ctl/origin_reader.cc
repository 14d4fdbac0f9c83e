#include "broker/ctl/origin_reader.h"

#include <fmt/format.h>

#include <span>

#include "shared/base/clock.h"
#include "shared/client/consumer.h"

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
  if (!admin_) {
    TRY(admin, context_.admin());
    admin_ = std::move(admin);
  }
  TRY(kept, admin_->watermarks(origin.topic, origin.partition));
  if (origin.offset < kept.low || origin.offset >= kept.high) return gone(origin);
  const client::TopicPartition start{origin.topic, origin.partition, origin.offset};
  // A new one each time: it has nothing left over of another record that was read there.
  TRY(consumer, client::Consumer::open(context_.settings, {.report_ends = true}));
  TRY_VOID(consumer->assign(std::span(&start, 1)));
  const SystemClock clock;
  const Instant deadline = clock.now() + context_.timeout();
  while (clock.now() < deadline) {
    TRY(batch, consumer->poll(1, kPoll));
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
