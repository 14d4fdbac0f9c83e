#pragma once
// What the answers of all pages have in common.

#include <optional>
#include <string>
#include <string_view>

#include "frontend/handlers/api.h"
#include "frontend/sale_pages.h"
#include "shared/base/bytes.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::frontend {

// Of the process.
const SalePages& pages();

// Nothing from elsewhere, nothing inline, and no frame around a button that buys.
void add_security(http::Response& response);

PageVisit visit_of(const Api& api, const http::Request& request);

// Nothing for a draft.
std::optional<SaleView> view_of(const SaleStock& sale, WallTime now);

http::Response page(int status, const PageVisit& visit, Buffer html);
// A page for one visitor only, or of one moment.
http::Response private_page(int status, const PageVisit& visit, Buffer html);
// SalePages::notice.
http::Response notice(int status, const PageVisit& visit, std::string_view key);
// 503, and the browser asks again by itself.
http::Response starting_page(const PageVisit& visit);

// Whom a plain page is for: with tokens the token's user, else whom the browser was told to
// remember. Empty: nobody, or a token that is over.
UserName buyer_of(const Api& api, const http::Request& request);
// Has the browser remember him.
void keep_buyer(http::Response& response, std::string_view user, std::int64_t seconds);

// 303: the browser goes there by GET.
http::Response see_other(const std::string& target);

}  // namespace sluice::frontend
