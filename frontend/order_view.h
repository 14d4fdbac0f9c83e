#pragma once
// An order as people are shown it: looked up in what is in flight and what is folded, and written
// as JSON.

#include <optional>
#include <string>
#include <string_view>

#include "frontend/in_flight.h"
#include "frontend/ledger_reader.h"
#include "shared/base/bytes.h"
#include "shared/http/request.h"
#include "shared/http/response.h"
#include "shared/ledger/order_id.h"

namespace sluice::frontend {

std::optional<OrderStatus> look_up(const InFlight& in_flight, const LedgerReader& ledger,
                                   std::string_view id);

// Sent, and not known to be placed or not: what a client waits for changes by itself, soon.
bool is_under_way(const OrderStatus& order);

Buffer order_json(const OrderStatus& order);
std::string order_tag(const OrderStatus& order);

// 200 with the order, or 304 when the request knows it already.
http::Response show_order(const http::Request& request, const OrderStatus& order);

http::Response no_such_order();

}  // namespace sluice::frontend
