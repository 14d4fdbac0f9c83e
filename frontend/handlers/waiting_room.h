#pragma once
// What a waiting room says to whoever wants to order.

#include <optional>
#include <string_view>

#include "frontend/handlers/api.h"
#include "shared/http/response.h"

namespace sluice::frontend {

// Why the user may not place a new order yet; nothing when he may, as in a sale without a waiting
// room. Who has no ticket is given one with the answer.
std::optional<http::Answer> refuse_waiting(const Api& api, const SaleStock& sale,
                                           const http::Request& request, std::string_view user,
                                           WallTime now);

}  // namespace sluice::frontend
