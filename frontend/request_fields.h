#pragma once
// Fields of requests that more than one handler reads.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/http/request.h"

namespace sluice::frontend {

// Whether it can stand in a record: what is not UTF-8 cannot be written as JSON and read back.
bool is_text(ByteView text, std::size_t max_bytes);

// The Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07: a quoted string; plain text is
// taken too). Nothing when the request has none.
Result<std::optional<std::string>> idempotency_key(const http::Request& request,
                                                   std::size_t max_bytes);

// What follows "Bearer " in Authorization (RFC 6750 section 2.1); nothing without that.
std::optional<ByteView> bearer_token(const http::Request& request);

// Whether a page of somebody else's had the browser send this: by Sec-Fetch-Site, or by Origin and
// Host from a browser that does not send that. What comes from no browser is from nobody else's
// page. To be asked before a request changes anything by the right of a cookie.
bool is_from_another_origin(const http::Request& request);

// Whether the body, if there is one, is JSON as far as Content-Type says: application/json, or a
// type that is written so, as application/merge-patch+json. Who does not say is believed.
bool says_json(const http::Request& request);

// The value of the cookie of that name (RFC 6265); the first, if there are several.
std::optional<ByteView> cookie_value(const http::Request& request, std::string_view name);

// How long the request wants to wait for news: "Prefer: wait=20" (RFC 7240). Nothing when it does
// not say, or nothing that can be understood.
std::optional<std::chrono::seconds> preferred_wait(const http::Request& request);

// Whether a list of entity tags, as of If-None-Match, has this one or is "*"; compared weakly
// (RFC 9110 section 13.1.2). REQUIRES: the tag has no comma inside.
bool lists_tag(ByteView list, ByteView tag);

// The same for If-Match, compared strongly (section 13.1.1): a weak tag matches nothing.
bool lists_strong_tag(ByteView list, ByteView tag);

// Whether an answer may be compressed: what Accept-Encoding says of gzip, or else of "*". Without
// the header the answer is no: who does not ask may not know.
bool accepts_gzip(const http::Request& request);

}  // namespace sluice::frontend
