#pragma once
// What a plain HTML form sends: application/x-www-form-urlencoded (WHATWG URL, section 5.1).

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/http/request.h"

namespace sluice::frontend {

// Whether the body is one, as Content-Type says.
bool is_form(const http::Request& request);

// The first field of that name, decoded; nothing without one, or when an escape in it is broken.
// REQUIRES: the name needs no escapes.
std::optional<std::string> form_value(ByteView body, std::string_view name);

// With %XX for all but letters, digits and - . _ ~ (RFC 3986 section 2.3): for a query, a path's
// segment or a cookie.
std::string percent_encode(ByteView text);

}  // namespace sluice::frontend
