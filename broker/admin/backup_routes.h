#pragma once
// The operator's way to backups: POST and GET /v1/backups, DELETE /v1/backups/{id}. On the loop
// thread.

#include "broker/backups.h"
#include "shared/http/router.h"

namespace sluice::broker {

// REQUIRES: `backups` outlives the router.
void add_backup_routes(http::Router& router, Backups& backups);

}  // namespace sluice::broker
