#pragma once
// dispatch: one request frame in, one reply frame out. Everything that is the same for every API
// (header, version check, decoding, encoding) happens here; broker/api_table.cc names the handlers.

#include <string>
#include <string_view>

#include "broker/broker.h"
#include "shared/async/task.h"
#include "shared/base/bytes.h"
#include "shared/wire/frame.h"

namespace sluice::broker {

// What a handler knows of its request besides the message.
struct RequestContext {
  Broker& broker;
  wire::RequestHeader header;
  std::string client_host;

  std::int16_t version() const { return header.api_version; }
  std::string client_id() const { return header.client_id.value_or(""); }
};

struct Reply {
  wire::GatheredFrame frame;  // empty: nothing is sent (produce with acks=0)
  std::string close_reason;   // not empty: the connection is closed after the frame
};

// Never fails: what cannot be answered in the protocol closes the connection, as Kafka does.
Task<Reply> dispatch(Broker& broker, std::string client_host, Buffer frame);

}  // namespace sluice::broker
