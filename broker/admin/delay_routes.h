#pragma once
// Delayed records over HTTP: list, show, cancel.

#include "broker/broker.h"
#include "shared/http/router.h"

namespace sluice::broker {

// REQUIRES: the broker outlives the router.
void add_delay_routes(http::Router& router, Broker& broker);

}  // namespace sluice::broker
