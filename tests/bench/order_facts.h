#pragma once
// The facts of many orders, as a frontend and a worker write them: what the programs that measure
// recovery put on a log.

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "shared/ledger/event.h"
#include "shared/ledger/order_id.h"

namespace sluice::bench {

inline std::string user_of(std::int64_t number) {
  return fmt::format("user-{:08}", number);
}

inline ledger::Sale sale_named(const std::string& name, std::int64_t stock) {
  return {.sale = name,
          .title = "A sale of " + name,
          .stock = stock,
          .unit_price = 9'900,
          .currency = "CNY",
          .payment_window_ms = 900'000,
          .change = "configured"};
}

inline ledger::Reserve reserve_of(const std::string& sale, std::int64_t number) {
  constexpr std::int64_t kStart = 4'102'444'800'000;  // 2100: no worker finds them unpaid
  const std::string user = user_of(number);
  const std::string key = ledger::slot_key(0);
  return {.order = ledger::order_id(sale, user, key),
          .sale = sale,
          .user = user,
          .quantity = 1,
          .unit_price = 9'900,
          .currency = "CNY",
          .key = key,
          .reserved_at = kStart + number / 100,
          .deadline = kStart + number / 100 + 900'000,
          .epoch = 1};
}

}  // namespace sluice::bench
