// POST /v1/sales/{sale}/ticket: a place in the sale's waiting room, and how long it is from being
// called. Nothing is kept of who waits: his ticket has it all.

#include "frontend/handlers/waiting_room.h"

#include <algorithm>
#include <expected>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/handlers/rate_refusals.h"
#include "frontend/handlers/refusals.h"
#include "frontend/ticket.h"
#include "frontend/time_text.h"

namespace sluice::frontend {
namespace {

using ledger::SaleStage;
using State = WaitingLine::Place::State;

constexpr std::int64_t kSecond = 1'000;
// The wait that is told is exact, so only news of the sale are worth asking for: seldom by those
// who wait long, so that a large crowd is no large load.
constexpr std::int64_t kRefreshMin = 1;
constexpr std::int64_t kRefreshNear = 10;
constexpr std::int64_t kRefreshMax = 60;

http::Response busy() {
  return problem(503, "waiting-room-busy", "No place can be given right now")
      .detail("Ask again in a moment")
      .response()
      .add("Retry-After", "1");
}

// What somebody is told of his place.
struct Standing {
  bool waits = false;
  std::optional<std::int64_t> position;
  std::int64_t wait_ms = 0;  // until he is called, or while that is not known, until the start
  bool wait_known = true;

  std::int64_t wait_seconds() const { return (wait_ms + kSecond - 1) / kSecond; }
  std::int64_t refresh_seconds() const {
    if (!waits) return 0;
    const std::int64_t wait = wait_seconds();
    if (wait <= kRefreshNear) return std::max(wait, kRefreshMin);
    return std::clamp(wait / 5, kRefreshNear, kRefreshMax);
  }
};

Standing standing_of(const WaitingLine::Place& place, const SaleStock& sale, WallTime now) {
  if (place.state != State::waiting) return {};
  if (place.position) {
    return {.waits = true, .position = place.position, .wait_ms = place.wait_ms.value_or(0)};
  }
  const std::int64_t start = sale.definition().starts_at.value_or(0);
  return {.waits = true,
          .wait_ms = std::max<std::int64_t>(start - now.unix_millis, 0),
          .wait_known = false};
}

// A place of the user: by his ticket, or by a new one.
struct Seat {
  WaitingLine::Place place;
  std::string new_ticket;  // empty: he has it
};

// The other one: why there is none.
std::expected<Seat, http::Answer> seat_of(const Api& api, WaitingRoom& room, const SaleStock& sale,
                                          const http::Request& request, std::string_view user,
                                          WallTime now) {
  const auto known = room.place(ticket_of(request, sale.id()), user, now);
  if (known && known->state != State::over) return Seat{.place = *known};
  if (!room.has_ticket(now)) return std::unexpected(busy());
  const auto wait = api.rooms.admit_ticket(user, api.clock.now());
  if (wait.count() > 0) return std::unexpected(rate_limited(api, RateLimit::user, wait));
  auto ticket = room.take_ticket(user, now);
  if (!ticket) return std::unexpected(busy());
  api.metrics.tickets.add();
  const auto place = room.place(*ticket, user, now);
  return Seat{.place = *place, .new_ticket = std::move(*ticket)};
}

http::Response dismissed(http::Response response, const SaleStock& sale) {
  take_ticket_away(response, sale.id());
  return response;
}

// Cloudflare's names, in seconds.
Buffer standing_json(const Standing& standing, WallTime now) {
  return fmt::format(
      R"({{"inWaitingRoom":{},"position":{},"waitTime":{},"waitTimeKnown":{},)"
      R"("refreshIntervalSeconds":{},"lastUpdated":"{}"}})"
      "\n",
      standing.waits, standing.position ? fmt::to_string(*standing.position) : "null",
      standing.wait_seconds(), standing.wait_known, standing.refresh_seconds(), rfc3339(now));
}

http::Response standing_response(const Standing& standing, WallTime now) {
  http::Response response = http::Response::json(200, standing_json(standing, now));
  response.add("Cache-Control", "no-store");
  if (standing.waits) response.add("Retry-After", fmt::to_string(standing.refresh_seconds()));
  return response;
}

http::Answer ticket(const Api& api, const Refusals& refusals, const http::Request& request) {
  const SaleStock* sale = api.stock.find(request.param("sale"));
  const WallTime now = api.clock.wall();
  if (!api.ledger.ready()) return starting();
  const SaleStage stage = sale == nullptr ? SaleStage::draft : sale->stage(now);
  if (stage == SaleStage::draft) return no_such_sale();
  if (stage == SaleStage::closed) {
    return dismissed(problem(410, "sale-ended", "The sale has ended").response(), *sale);
  }
  if (auto refused = refuse_address(api, Asked::ticket, request)) return std::move(*refused);
  auto proven = api.identity.user_of(request, now);
  if (!proven) return std::move(proven.error());
  const std::string_view user = proven->view();
  if (auto refused = refuse_user(api, Asked::ticket, user)) return std::move(*refused);
  if (const auto* refused = refusals.by_lists(*api.lists.get(), sale->id(), user)) return refused;
  if (sale->definition().waiting_room_rate == 0) return standing_response({}, now);
  WaitingRoom* room = api.rooms.find(sale->id());
  if (room == nullptr) return busy();
  if (room->is_in_vain()) {
    return dismissed(problem(410, "sold-out", "Sold out")
                         .detail("Every unit is paid for: none can come back")
                         .response(),
                     *sale);
  }
  auto seat = seat_of(api, *room, *sale, request, user, now);
  if (!seat) return std::move(seat.error());
  http::Response response = standing_response(standing_of(seat->place, *sale, now), now);
  if (!seat->new_ticket.empty()) give_ticket(response, sale->id(), seat->new_ticket);
  return response;
}

}  // namespace

std::optional<http::Answer> refuse_waiting(const Api& api, const SaleStock& sale,
                                           const http::Request& request, std::string_view user,
                                           WallTime now) {
  if (sale.definition().waiting_room_rate == 0) return std::nullopt;
  WaitingRoom* room = api.rooms.find(sale.id());
  if (room == nullptr) return busy();
  auto seat = seat_of(api, *room, sale, request, user, now);
  if (!seat) return std::move(seat.error());
  if (seat->place.state == State::called) return std::nullopt;
  api.metrics.waiting.add();
  const Standing standing = standing_of(seat->place, sale, now);
  auto refusal = problem(429, "waiting-room", "You are in the waiting room");
  refusal.detail("Nothing was reserved; orders are taken from whoever was called");
  if (standing.position) refusal.member("position", *standing.position);
  refusal.member("waitTime", standing.wait_seconds()).member("waitTimeKnown", standing.wait_known);
  refusal.member("retry_after_ms", std::max<std::int64_t>(standing.wait_ms, 1));
  http::Response response = refusal.response();
  response.add("Retry-After", fmt::to_string(standing.refresh_seconds()));
  if (!seat->new_ticket.empty()) give_ticket(response, sale.id(), seat->new_ticket);
  return response;
}

void add_waiting_room(http::Router& router, const Api& api) {
  router.add("POST", "/v1/sales/{sale}/ticket",
             [api, refusals = std::make_shared<const Refusals>()](const http::Request& request) {
               return ticket(api, *refusals, request);
             });
}

}  // namespace sluice::frontend
