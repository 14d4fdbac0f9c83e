#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Asks for a producer id; with a transactional id, fences the older producers of that id.
struct InitProducerIdRequest {
  static constexpr std::string_view name = "InitProducerIdRequest";
  static constexpr ApiKey key = ApiKey::init_producer_id;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 2;

  std::optional<std::string> transactional_id;
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("transactional_id", m.transactional_id);
    io("transaction_timeout_ms", m.transaction_timeout_ms);
    io("producer_id", m.producer_id, {.since = 3});
    io("producer_epoch", m.producer_epoch, {.since = 3});
  }
};

// The producer id and epoch for idempotent batches.
struct InitProducerIdResponse {
  static constexpr std::string_view name = "InitProducerIdResponse";
  static constexpr ApiKey key = ApiKey::init_producer_id;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 2;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("error_code", m.error_code);
    io("producer_id", m.producer_id);
    io("producer_epoch", m.producer_epoch);
  }
};

}  // namespace sluice::wire
