#pragma once
// The request target and the host that a request names, as RFC 9112 section 3.2 and RFC 3986 have
// them. Pure; the views of a result point into the arguments.

#include <optional>

#include "shared/base/bytes.h"

namespace sluice::http {

struct Target {
  ByteView path;   // "/v1/orders/7", still percent-encoded; "*" for the server as a whole
  ByteView query;  // "full=1"
};

// Empty: it has none of the forms that the method may have (origin-form; http or https as
// absolute-form, as a proxy gets it; "*" for OPTIONS), a fragment, or a broken escape.
std::optional<Target> split_target(ByteView method, ByteView target);

// uri-host [":" port], of which the host may be empty. A user before the host is none of it.
bool is_host_and_port(ByteView text);

}  // namespace sluice::http
