#pragma once
// The HTTP API: what its handlers work with, one set a loop, and the routes.

#include <array>
#include <expected>
#include <iterator>
#include <string_view>
#include <vector>

#include "frontend/admission.h"
#include "frontend/client_address.h"
#include "frontend/in_flight.h"
#include "frontend/ledger_reader.h"
#include "frontend/order_board.h"
#include "frontend/order_log.h"
#include "frontend/payment_signature.h"
#include "frontend/purchase_tokens.h"
#include "frontend/stock_book.h"
#include "frontend/stock_ticker.h"
#include "frontend/user_identity.h"
#include "frontend/user_lists.h"
#include "frontend/waiting_rooms.h"
#include "shared/base/clock.h"
#include "shared/http/problem.h"
#include "shared/http/response.h"
#include "shared/http/router.h"
#include "shared/metrics/registry.h"
#include "shared/net/loop.h"

namespace sluice::frontend {

// What the handlers count; any thread.
struct ApiMetrics {
  explicit ApiMetrics(metrics::Registry& registry);
  metrics::Counter& accepted;
  metrics::Counter& replayed;
  metrics::Counter& sold_out;
  metrics::Counter& limit_reached;
  metrics::Counter& unavailable;
  metrics::Counter& pending;
  metrics::Counter& overloaded;
  metrics::Counter& waiting;
  metrics::Counter& tickets;
  std::array<metrics::Counter*, std::size(kRateLimits)> rate_limited;  // by RateLimit
};

// References outlive the router.
struct Api {
  net::Loop& loop;  // the one that runs the handlers
  const Clock& clock;
  StockBook& stock;
  InFlight& in_flight;
  OrderLog& log;
  const LedgerReader& ledger;
  OrderBoard& board;
  const UserIdentity& identity;
  const PurchaseTokens& tokens;
  const CurrentUserLists& lists;
  const PaymentSignature& payments;
  const std::string& payment_url;  // empty: pages have no button to pay
  const std::string& login_url;    // empty: pages have no link to log in
  StockTicker& ticker;
  Admission& admission;
  const ClientAddress& addresses;
  WaitingRooms& rooms;
  ApiMetrics& metrics;
};

// POST /v1/sales/{sale}/orders
void add_place_order(http::Router& router, const Api& api);
// GET /v1/sales/{sale}/challenge, POST /v1/sales/{sale}/purchase-token
void add_purchase_token(http::Router& router, const Api& api);
// POST /v1/sales/{sale}/ticket
void add_waiting_room(http::Router& router, const Api& api);
// GET /v1/orders, GET /v1/orders/{id}
void add_order_status(http::Router& router, const Api& api);
// GET /v1/orders/{id}/events, GET /v1/sales/{sale}/events
void add_events(http::Router& router, const Api& api);
// DELETE /v1/orders/{id}, POST /v1/orders/{id}/payment
void add_order_end(http::Router& router, const Api& api);
// GET /v1/user
void add_user(http::Router& router, const Api& api);
// GET /v1/sales, GET /v1/sales/{sale}, GET /v1/time
void add_sales(http::Router& router, const Api& api);
// GET and POST /sales/{sale}/buy, POST /sales/{sale}/buyer: buying without JavaScript
void add_counter(http::Router& router, const Api& api);
// GET /orders/{id}, POST /orders/{id}/cancel: an order without JavaScript
void add_order_page(http::Router& router, const Api& api);
// GET /, GET /sales/{sale}, GET /assets/{version}/{file}
void add_pages(http::Router& router, const Api& api);

// The order of the request's path, if it may be shown: with tokens only to its own user.
std::expected<OrderStatus, http::Answer> order_to_show(const Api& api,
                                                       const http::Request& request);

// All orders of the user, in one sale or, when it is null, in all; the newest first.
std::vector<OrderStatus> orders_of(const Api& api, std::string_view user, const SaleStock* sale);

// A problem type of this API: urn:sluice:problem:<code>.
http::Problem problem(int status, std::string_view code, std::string_view title);
http::Response no_such_sale();
http::Response starting();
// A change that was not made for it.
http::Response log_unavailable(std::string_view title);
http::Response bad_request(std::string_view detail);
// A body of another type, which would only be guessed at.
http::Response not_json();

}  // namespace sluice::frontend
