#include <algorithm>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Partition = wire::FetchResponse::Topic::Partition;

// One pass over what was asked for.
struct Pass {
  wire::FetchResponse response;
  std::size_t bytes = 0;
  bool failed = false;                           // some partition has an error: answer at once
  std::vector<FetchWaiters::Available> waiting;  // what to wait for if it is not enough
  std::vector<std::pair<std::shared_ptr<PartitionLog>, Offset>> seen;  // high watermarks read to
};

ErrorCode check(const PartitionLog* log, const wire::FetchRequest::Topic::Partition& wanted) {
  if (log == nullptr) return ErrorCode::unknown_topic_or_partition;
  if (wanted.current_leader_epoch > 0) return ErrorCode::unknown_leader_epoch;
  if (wanted.fetch_offset < log->log_start() || wanted.fetch_offset > log->high_watermark()) {
    return ErrorCode::offset_out_of_range;
  }
  return ErrorCode::none;
}

ErrorCode error_of(Code code) {
  return code == Code::out_of_range ? ErrorCode::offset_out_of_range
                                    : ErrorCode::kafka_storage_error;
}

Task<void> read_partition(std::shared_ptr<PartitionLog> log,
                          const wire::FetchRequest::Topic::Partition& wanted, std::size_t budget,
                          Pass& pass, Partition& answer) {
  answer.partition_index = wanted.partition;
  answer.error_code = check(log.get(), wanted);
  answer.records.emplace();  // empty, not null: Java's consumer wants bytes
  if (answer.error_code != ErrorCode::none) {
    answer.high_watermark = -1;
    pass.failed = true;
    co_return;
  }
  answer.high_watermark = answer.last_stable_offset = log->high_watermark();
  answer.log_start_offset = log->log_start();
  pass.seen.emplace_back(log, log->high_watermark());
  pass.waiting.push_back({log->id(), 0});
  // KIP-74: the first batch of the answer comes whole even when it is above every limit.
  const bool first = pass.bytes == 0;
  const auto partition_max = static_cast<std::size_t>(std::max(wanted.partition_max_bytes, 0));
  const std::size_t bytes_max = std::min(partition_max, budget - std::min(budget, pass.bytes));
  if (bytes_max == 0 && !first) co_return;
  auto records = co_await log->read(wanted.fetch_offset,
                                    {.bytes_max = bytes_max, .at_least_one_batch = first});
  if (!records) {
    answer.error_code = error_of(records.error().code);
    pass.failed = true;
    co_return;
  }
  pass.bytes += records->size();
  answer.records = std::move(*records);
}

Task<Pass> read_all(const RequestContext& context, const wire::FetchRequest& request) {
  Broker& broker = context.broker;
  const auto budget =
      static_cast<std::size_t>(std::clamp(request.max_bytes, 0, broker.options().fetch_bytes_max));
  Pass pass;
  for (const auto& wanted_topic : request.topics) {
    pass.response.responses.emplace_back().topic = wanted_topic.topic;
    for (const auto& wanted : wanted_topic.partitions) {
      // Looked up anew each time: a topic may go while another partition is read.
      const Topic* topic = broker.topics().find(wanted_topic.topic);
      auto log = topic ? topic->share(wanted.partition) : nullptr;
      auto& answer = pass.response.responses.back().partitions.emplace_back();
      co_await read_partition(std::move(log), wanted, budget, pass, answer);
    }
  }
  co_return pass;
}

// Appended to or deleted while it was read: then nobody would wake the fetch.
bool changed_since(const Pass& pass) {
  return std::ranges::any_of(pass.seen, [](const auto& seen) {
    return seen.first->closed() || seen.first->high_watermark() > seen.second;
  });
}

}  // namespace

// Answers at once when there is enough, an error, or no wish to wait; else parks until min_bytes
// more arrived or max_wait_ms is over, and answers with what there is
// (ReplicaManager.fetchMessages). Sessions (KIP-227) are declined with session_id 0, which every
// client accepts.
Task<wire::FetchResponse> handle_fetch(const RequestContext& context, wire::FetchRequest request) {
  const Instant deadline = context.broker.clock().now() + Millis(std::max(request.max_wait_ms, 0));
  const auto min_bytes = static_cast<std::size_t>(std::max(request.min_bytes, 0));
  for (;;) {
    Pass pass = co_await read_all(context, request);
    const bool late = context.broker.clock().now() >= deadline;
    if (pass.failed || pass.bytes >= min_bytes || pass.waiting.empty() || late) {
      co_return std::move(pass.response);
    }
    if (changed_since(pass)) continue;
    const bool waited = co_await context.broker.wait_for_records(deadline, min_bytes - pass.bytes,
                                                                 std::move(pass.waiting));
    if (!waited) co_return std::move(pass.response);
  }
}

}  // namespace sluice::broker
