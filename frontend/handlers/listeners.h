#pragma once
// What each of the two listeners serves, and the description of it: OpenAPI 3.1 at /openapi.json,
// of which frontend/openapi/ has the source.

#include "frontend/handlers/admin_api.h"
#include "frontend/handlers/api.h"
#include "shared/http/admin.h"
#include "shared/http/router.h"

namespace sluice::frontend {

// All that people who buy can ask for.
void add_shop(http::Router& router, const Api& api);

// All that operators can ask for.
void add_administration(http::Router& router, http::AdminCallbacks callbacks, const AdminApi& api);

}  // namespace sluice::frontend
