#pragma once
// The admin API: how operators create, change and stop sales, and renew the lists of users. On the
// admin listener.

#include "frontend/admin_token.h"
#include "frontend/ledger_reader.h"
#include "frontend/order_log.h"
#include "frontend/sale_changes.h"
#include "frontend/user_lists.h"
#include "shared/base/clock.h"
#include "shared/http/router.h"
#include "shared/net/loop.h"

namespace sluice::frontend {

// References outlive the router.
struct AdminApi {
  net::Loop& loop;  // the one that runs the handlers
  const Clock& clock;
  OrderLog& log;
  const LedgerReader& ledger;
  SaleChanges& changes;
  const AdminToken& token;
  CurrentUserLists& lists;
};

// GET and POST /v1/sales; GET and PATCH /v1/sales/{sale}; GET /v1/sales/{sale}/stock;
// POST /v1/sales/{sale}/publish, pause, resume, close, grants.
void add_admin_sales(http::Router& router, const AdminApi& api);
// GET /v1/user-lists, POST /v1/user-lists/reload
void add_admin_lists(http::Router& router, const AdminApi& api);

}  // namespace sluice::frontend
