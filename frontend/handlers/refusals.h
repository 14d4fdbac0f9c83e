#pragma once
// Refusals of the order path that are always the same bytes. The sold-out one is in sold_out.h.

#include "frontend/handlers/api.h"
#include "shared/http/response.h"

namespace sluice::frontend {

struct Refusals {
  http::StaticResponse ended{problem(410, "sale-ended", "The sale has ended").response()};
  http::StaticResponse paused{
      problem(409, "sale-paused", "The sale is paused").response().add("Retry-After", "5")};
  // Whoever has seen TLS early data can send it once more (RFC 8470): a proxy must wait for the
  // handshake, and try again.
  http::StaticResponse too_early{
      problem(425, "too-early", "An order cannot be placed in TLS early data").response()};
  http::StaticResponse not_ready{starting()};
  http::StaticResponse unreachable{problem(503, "log-unavailable", "Orders cannot be stored now")
                                       .detail("Nothing was reserved; try again")
                                       .response()
                                       .add("Retry-After", "1")};
  http::StaticResponse overloaded{
      problem(503, "overloaded", "Too many orders are on their way to the log")
          .detail("Nothing was reserved; try again")
          .response()
          .add("Retry-After", "1")};
  http::StaticResponse no_purchase_token{
      problem(404, "no-purchase-token", "There is no purchase token to be had here now")
          .response()};
  http::StaticResponse token_required{
      problem(403, "purchase-token-required", "The sale asks for a purchase token")
          .detail("Get one from purchase-token of the sale and send it as Sluice-Purchase-Token")
          .response()};
  http::StaticResponse token_invalid{
      problem(403, "purchase-token-invalid", "The purchase token is over, or not of this user")
          .detail("Get another one from purchase-token of the sale")
          .response()};
  http::StaticResponse blocked{
      problem(403, "blocked", "The user is blocked from buying").response()};
  http::StaticResponse not_allowed{
      problem(403, "not-allowed", "The sale is for users on its list only").response()};

  // Why the operator's lists keep the user from buying in the sale; null when they do not.
  const http::StaticResponse* by_lists(const UserLists& lists, std::string_view sale,
                                       std::string_view user) const {
    if (lists.is_blocked(user)) return &blocked;
    return lists.is_allowed(sale, user) ? nullptr : &not_allowed;
  }
};

}  // namespace sluice::frontend
