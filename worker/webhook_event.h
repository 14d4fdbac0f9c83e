#pragma once
// What a shop's own system is told of an order (docs/webhook.md): the delivery of one fact. Pure.
//
//   {"type":"order.paid","timestamp":"2026-11-11T00:00:03.120Z","data":{"order_id":"…","sale":"…",
//    "user":"…","quantity":1,"unit_price":9900,"currency":"CNY","state":"paid","reserved_at":"…",
//    "expires_at":"…","reason":"…","payment":"…","amount":9900}}
//
// `data` has the names of GET /v1/orders/{id}, and the payment; what there is none of is left out.

#include <string_view>

#include "shared/base/clock.h"
#include "shared/ledger/event.h"
#include "shared/orders/delivery.h"
#include "shared/orders/order_row.h"

namespace sluice::worker {

// `fact`: placed, rejected, paid, cancelled, expired or refund_due; an order comes to each of them
// once, so order and fact are the delivery's id. `row`: as the fact leaves it, with the offset of
// the fact's record. `payment`: of paid and refund_due.
orders::Delivery delivery_of(std::string_view fact, const orders::OrderRow& row, WallTime now,
                             const ledger::Paid* payment = nullptr);

}  // namespace sluice::worker
