#pragma once
// A shop that is open, on a log of its own, and what is true of its answers.

#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/shop.h"

namespace sluice::frontend {

// An empty log that shops can share.
struct ShopLog : client::MockCluster {
  ShopLog() { create_topic("seckill.orders", kShopPartitions); }
};

struct Open {
  ShopLog log;
  Shop shop;

  explicit Open(Shop::Options options = {}) : shop(log, std::move(options)) {
    shop.start_and_wait();
  }
};

// Every error is a problem document with a stable code.
inline void check_problem(const Reply& reply, int status, std::string_view code) {
  CAPTURE(reply.head);
  CAPTURE(reply.body);
  CHECK(reply.status == status);
  CHECK(reply.header("Content-Type") == "application/problem+json");
  CHECK(reply.says(fmt::format(R"("code":"{}")", code)));
  CHECK(reply.says(fmt::format(R"("status":{})", status)));
}

// Its orders are read back from the log.
inline void wait_read_back(Shop& shop) {
  REQUIRE(client::eventually([&] { return shop.in_flight.size() == 0; }));
}

}  // namespace sluice::frontend
