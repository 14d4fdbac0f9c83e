#pragma once
// GET /v1/topics/{topic}/messages?key=…: the records with a key, by the key index where there is
// one. On the loop thread; the store is read on the reader threads.

#include "broker/broker.h"
#include "shared/http/router.h"

namespace sluice::broker {

// REQUIRES: `broker` outlives the router.
void add_message_routes(http::Router& router, Broker& broker);

}  // namespace sluice::broker
