#pragma once
// The API table: key, versions, handler, in one list. dispatch and the ApiVersions answer both come
// from it.

#include <cstdint>
#include <span>

#include "broker/dispatch.h"
#include "shared/wire/api_key.h"

namespace sluice::broker {

struct Api {
  wire::ApiKey key;
  std::int16_t min_version;  // advertised
  std::int16_t max_version;
  std::int16_t
      min_accepted;  // Produce advertises 0, which librdkafka < 2.11.1 looks for, but takes 3
  // `frame` holds the whole request; the message starts at `body_at`.
  Task<Reply> (*serve)(RequestContext context, Buffer frame, std::size_t body_at);
};

// In key order.
std::span<const Api> api_table();

// Null when the key is not offered.
const Api* find_api(wire::ApiKey key);

}  // namespace sluice::broker
