#pragma once
// A ticket of a waiting room: a number, signed for one sale and one user, so that it is worth
// nothing to anybody else. It is all that is kept of who waits, and it is kept in his browser, in a
// cookie that scripts cannot read. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::frontend {

// "<number>.<HMAC-SHA-256 in hex>".
std::string ticket_text(ByteView secret, std::string_view sale, std::string_view user,
                        std::int64_t number);
// The number, if the ticket is genuine and theirs.
std::optional<std::int64_t> read_ticket(ByteView secret, std::string_view sale,
                                        std::string_view user, ByteView ticket);

// The ticket that the request has for the sale; empty if none.
ByteView ticket_of(const http::Request& request, std::string_view sale);
// Has the browser keep it, for a day.
void give_ticket(http::Response& response, std::string_view sale, std::string_view ticket);
// Has the browser forget it.
void take_ticket_away(http::Response& response, std::string_view sale);

}  // namespace sluice::frontend
