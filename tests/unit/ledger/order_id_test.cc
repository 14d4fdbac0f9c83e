#include "shared/ledger/order_id.h"

#include <doctest/doctest.h>

#include <set>

namespace sluice::ledger {

TEST_CASE("an order id is a function of sale, user and key") {
  const std::string id = order_id("phone", "user-1", "slot:0");
  CHECK(id.size() == kOrderIdChars);
  CHECK(id == order_id("phone", "user-1", slot_key(0)));
  // From an independent computation: base32(sha256(len|"phone"|len|"user-1"|len|"slot:0")[:16]).
  CHECK(id == "ifvdktio25a4ul6lie3ry6l3b4");
}

TEST_CASE("no two triples read the same") {
  std::set<std::string> ids;
  ids.insert(order_id("a", "bc", "d"));
  ids.insert(order_id("ab", "c", "d"));
  ids.insert(order_id("a", "b", "cd"));
  ids.insert(order_id("abcd", "", ""));
  ids.insert(order_id("", "abcd", ""));
  ids.insert(order_id("", "", "abcd"));
  CHECK(ids.size() == 6);
}

TEST_CASE("an id packs into 16 bytes and back") {
  for (int i = 0; i < 1000; ++i) {
    const std::string id = order_id("sale", std::to_string(i), "k");
    const auto packed = pack_order_id(id);
    REQUIRE(packed);
    CHECK(order_id_text(*packed) == id);
  }
}

TEST_CASE("what is no order id does not pack") {
  const std::string id = order_id("s", "u", "k");
  CHECK(!pack_order_id(""));
  CHECK(!pack_order_id(id.substr(1)));
  CHECK(!pack_order_id(id + "a"));
  CHECK(!pack_order_id(std::string(26, 'A')));
  CHECK(!pack_order_id(std::string(26, '1')));
  CHECK(!pack_order_id(std::string(25, 'a') + "b"));  // not canonical: spare bits are set
  CHECK(!pack_order_id(std::string(26, '\0')));
  CHECK(pack_order_id(std::string(26, 'a')));
}

TEST_CASE("a sale stays in its partition") {
  CHECK(partition_of("anything", 1) == 0);
  CHECK(partition_of("", 7) == static_cast<std::int32_t>(0xcbf29ce484222325ULL % 7));
  CHECK(partition_of("a", 1000) == static_cast<std::int32_t>(0xaf63dc4c8601ec8cULL % 1000));
  std::set<std::int32_t> used;
  for (int i = 0; i < 200; ++i) {
    const std::int32_t partition = partition_of("sale-" + std::to_string(i), 8);
    CHECK(partition >= 0);
    CHECK(partition < 8);
    used.insert(partition);
  }
  CHECK(used.size() == 8);
}

}  // namespace sluice::ledger
