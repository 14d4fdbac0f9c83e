#include "broker/delay/delay_split.h"

#include <utility>

#include <fmt/format.h>

#include "broker/delay/delay_headers.h"
#include "shared/wire/record.h"

namespace sluice::broker {
namespace {

class Splitter {
 public:
  Splitter(const wire::RecordBatchView& batch, ByteView plain, WallTime now,
           std::size_t record_bytes_max)
      : batch_(batch), plain_(plain), now_(now), record_bytes_max_(record_bytes_max) {}

  std::expected<DelaySplit, SplitError> run() {
    wire::RecordCursor cursor(batch_, plain_);
    wire::Record record;
    for (std::int32_t index = 0; cursor.next(record); ++index) {
      if (auto wrong = add(record, index)) return std::unexpected(std::move(*wrong));
    }
    if (const auto walked = cursor.finish(); !walked) {
      return std::unexpected(SplitError{walked.error().code, walked.error().context});
    }
    if (split_.delayed.empty()) return DelaySplit{};
    if (rest_.count() > 0) {
      auto rest = std::move(rest_).finish(batch_.compression());
      if (!rest) return std::unexpected(SplitError{rest.error().code, rest.error().context});
      split_.rest = std::move(*rest);
    }
    return std::move(split_);
  }

 private:
  std::optional<SplitError> add(const wire::Record& record, std::int32_t index) {
    const auto due = due_of(record.headers, now_);
    if (!due) {
      return SplitError{due.error().code, fmt::format("record {}: {}", index, due.error().context),
                        index};
    }
    if (!*due || **due <= now_.unix_millis) {
      rest_.add(record);
      return std::nullopt;
    }
    wire::RecordBatchBuilder alone;
    alone.add(record);
    if (alone.size() > record_bytes_max_) {
      return SplitError{Code::too_large,
                        fmt::format("record {} is delayed and has {} bytes alone and uncompressed, "
                                    "max.message.bytes is {}",
                                    index, alone.size(), record_bytes_max_),
                        index};
    }
    if (split_.delayed.size() >= kDelayedRecordsMax) {
      return SplitError{Code::too_large, fmt::format("the batch has more than {} delayed records",
                                                     kDelayedRecordsMax)};
    }
    split_.delayed.push_back({**due, std::move(alone).finish()});
    return std::nullopt;
  }

  const wire::RecordBatchView& batch_;
  const ByteView plain_;
  const WallTime now_;
  const std::size_t record_bytes_max_;
  wire::RecordBatchBuilder rest_;
  DelaySplit split_;
};

}  // namespace

std::expected<DelaySplit, SplitError> split_delayed(const wire::RecordBatchView& batch,
                                                    ByteView plain, WallTime now,
                                                    std::size_t record_bytes_max) {
  if (!may_have_delay_headers(plain)) return DelaySplit{};
  return Splitter(batch, plain, now, record_bytes_max).run();
}

}  // namespace sluice::broker
