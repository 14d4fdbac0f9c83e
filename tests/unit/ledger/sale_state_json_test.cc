#include "shared/ledger/sale_state_json.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::ledger {

namespace {

SaleState state() {
  return {.definition = {.sale = "phone",
                         .title = "手机 \"X\"",
                         .stock = 5,
                         .grant_id = "g2",
                         .unit_price = 599'900,
                         .currency = "CNY",
                         .starts_at = 1'700'000'000'000,
                         .payment_window_ms = 900'000,
                         .paused = true,
                         .epoch = 7,
                         .change = "c2",
                         .request = "digest"},
          .granted = 12,
          .held = 5,
          .orders = 9,
          .waiting = 4,
          .revision = 3,
          .defined_at_offset = 1'000'000'000'000,
          .grants = {"g1", "g2"},
          .changes = {{"c1", "d1"}, {"c2", ""}}};
}

}  // namespace

TEST_CASE("a sale's state comes back from its JSON as it was") {
  for (const SaleState& sale : {state(), SaleState{.definition = {.sale = "s"}}}) {
    const auto decoded = decode_sale_state(encode_sale_state(sale));
    REQUIRE(decoded);
    CHECK(decoded->definition == sale.definition);
    CHECK(decoded->granted == sale.granted);
    CHECK(decoded->held == sale.held);
    CHECK(decoded->orders == sale.orders);
    CHECK(decoded->waiting == sale.waiting);
    CHECK(decoded->revision == sale.revision);
    CHECK(decoded->defined_at_offset == sale.defined_at_offset);
    CHECK(decoded->grants == sale.grants);
    CHECK(decoded->changes == sale.changes);
  }
}

TEST_CASE("what is no sale's state is refused, wherever it was cut or changed") {
  const std::string json = encode_sale_state(state());
  for (std::size_t length = 0; length < json.size(); ++length) {
    CHECK(decode_sale_state(json.substr(0, length)).error().code == Code::corrupt);
  }
  for (const char* field :
       {"\"granted\"", "\"held\":5", "\"type\":\"sale\"", "\"grants\":[", "\"c1\":\"d1\""}) {
    std::string changed = json;
    changed.replace(changed.find(field), std::string(field).size(), "\"x\":1");
    CAPTURE(changed);
    CHECK(decode_sale_state(changed).error().code == Code::corrupt);
  }
}

}  // namespace sluice::ledger
