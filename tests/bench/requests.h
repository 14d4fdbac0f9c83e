#pragma once
// Produce and Fetch of one partition as a raw client sends and reads them. Answers are read in
// place, without copying records: what is measured is the broker.

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/wire/codec.h"
#include "shared/wire/frame.h"
#include "shared/wire/io.h"
#include "shared/wire/messages/fetch.h"
#include "shared/wire/messages/produce.h"
#include "shared/wire/record.h"
#include "shared/wire/record_batch.h"
#include "tests/bench/sockets.h"

namespace sluice::bench {

inline constexpr std::int16_t kProduceVersion = 9;
inline constexpr std::int16_t kFetchVersion = 11;  // the newest in which records end the answer

inline Buffer record_batch(std::size_t record_bytes, int records, std::int64_t time_ms) {
  wire::RecordBatchBuilder batch({.producer_id = -1, .producer_epoch = -1, .base_sequence = -1});
  const Buffer value(record_bytes, 'v');
  for (int n = 0; n < records; ++n) batch.add(time_ms, std::nullopt, value);
  return std::move(batch).finish();
}

inline Buffer produce_request(const std::string& topic, std::int32_t partition, ByteView records) {
  wire::ProduceRequest request{.acks = -1, .timeout_ms = 30'000};
  auto& data = request.topic_data.emplace_back();
  data.name = topic;
  data.partition_data.push_back({.index = partition, .records = records});
  return wire::encode_request({.api_version = kProduceVersion, .client_id = "bench"}, request);
}

// At least one batch, at most about `bytes_max`; waits for nothing.
inline Buffer fetch_request(const std::string& topic, std::int32_t partition, std::int64_t offset,
                            std::int32_t bytes_max) {
  wire::FetchRequest request{.max_wait_ms = 0, .min_bytes = 0, .max_bytes = bytes_max};
  auto& wanted = request.topics.emplace_back();
  wanted.topic = topic;
  wanted.partitions.push_back(
      {.partition = partition, .fetch_offset = offset, .partition_max_bytes = bytes_max});
  return wire::encode_request({.api_version = kFetchVersion, .client_id = "bench"}, request);
}

inline Result<void> refused(wire::ErrorCode error) {
  if (error == wire::ErrorCode::none) return {};
  return fail(Code::unavailable,
              fmt::format("the broker answers error {}", std::to_underlying(error)));
}

// What follows the size prefix of the next answer; its memory is reused.
inline Result<ByteView> read_frame(int socket, Buffer& memory) {
  char prefix[wire::kSizePrefixBytes];
  TRY_VOID(read_into(socket, prefix, sizeof(prefix)));
  const auto size = load_be<std::uint32_t>(prefix);
  if (memory.size() < size) memory.resize(size);
  TRY_VOID(read_into(socket, memory.data(), size));
  return ByteView(memory).substr(0, size);
}

inline Result<void> check_produced(ByteView frame) {
  TRY(parsed, wire::decode_response_frame(frame, wire::ApiKey::produce, kProduceVersion));
  TRY(response, wire::decode<wire::ProduceResponse>(parsed.body, kProduceVersion));
  return refused(response.responses.at(0).partition_responses.at(0).error_code);
}

// The records of an answer about one partition, inside the frame.
inline Result<ByteView> fetched_records(ByteView frame) {
  wire::Reader reader(frame);
  reader.take(4 + 4);  // correlation id, throttle time
  const auto error = wire::ErrorCode{reader.integer<std::int16_t>()};
  reader.take(4 + 4);  // session id, topics
  reader.nullable_string(wire::Form::classic);
  reader.take(4 + 4);  // partitions, index
  const auto partition_error = wire::ErrorCode{reader.integer<std::int16_t>()};
  reader.take(8 + 8 + 8 + 4 + 4);  // three offsets, no aborted transactions, preferred replica
  const auto records = reader.nullable_bytes(wire::Form::classic);
  TRY_VOID(refused(error));
  TRY_VOID(refused(partition_error));
  if (!reader.finished() || !records) return fail(Code::corrupt, "an answer is not understood");
  return *records;
}

// The offset behind the last of these batches.
inline Result<std::int64_t> next_offset(ByteView records) {
  TRY(batches, wire::split_batches(records));
  if (batches.empty()) return fail(Code::corrupt, "an answer holds no records");
  return batches.back().next_offset();
}

}  // namespace sluice::bench
