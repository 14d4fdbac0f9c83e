#include "shared/ledger/codec.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "shared/base/random.h"
#include "shared/ledger/order_id.h"

namespace sluice::ledger {

namespace {

const std::string kOrder = order_id("phone", "u1", "slot:0");

std::vector<Event> samples() {
  return {
      Epoch{.epoch = 7, .writer = "f00d"},
      Sale{.sale = "phone",
           .title = "手机 \"X\"",
           .stock = 1000,
           .grant_id = "restock-2",
           .unit_price = 99'900,
           .currency = "CNY",
           .per_user_limit = 2,
           .starts_at = 1'700'000'000'000,
           .ends_at = 1'700'000'600'000,
           .payment_window_ms = 900'000,
           .purchase_token = true,
           .proof_of_work = 20,
           .waiting_room_rate = 50,
           .draft = true,
           .paused = true,
           .closed = true,
           .epoch = 7,
           .change = "k-1",
           .request = "0123abcd"},
      Sale{.sale = "plain"},
      Reserve{.order = kOrder,
              .sale = "phone",
              .user = "u1",
              .quantity = 2,
              .unit_price = 99'900,
              .currency = "CNY",
              .key = "slot:0",
              .reserved_at = 1'700'000'000'123,
              .deadline = 1'700'000'900'123,
              .epoch = 7},
      Placed{.order = kOrder, .sale = "phone"},
      Rejected{.order = kOrder, .sale = "phone", .why = "no such\nsale"},
      Paid{.order = kOrder, .sale = "phone"},
      Paid{.order = kOrder, .sale = "phone", .payment = "pay-1", .amount = 99'900},
      Cancelled{.order = kOrder, .sale = "phone"},
      Expired{.order = kOrder, .sale = "phone"},
  };
}

// The error of decoding, as "code: context".
std::string refusal(ByteView json) {
  const auto event = decode(json);
  if (event) return "accepted";
  return std::string(name_of(event.error().code)) + ": " + event.error().context;
}

std::string outcome(std::string_view fields) {
  return R"({"type":"placed",)" + std::string(fields) + "}";
}

std::string reserve_with(std::string_view field) {
  return R"({"type":"reserve","order":")" + kOrder +
         R"(","sale":"phone","user":"u1","quantity":1,"reserved_at":1,"epoch":1,)" +
         std::string(field) + "}";
}

}  // namespace

TEST_CASE("a sale record of before there was a lifecycle") {
  const auto event =
      decode(R"({"type":"sale","sale":"demo","title":"A demo","stock":1000,"grant_id":"initial",)"
             R"("unit_price":9900,"currency":"CNY","per_user_limit":1,"paused":true})");
  REQUIRE(event);
  CHECK(*event == Event(Sale{.sale = "demo",
                             .title = "A demo",
                             .stock = 1000,
                             .unit_price = 9900,
                             .currency = "CNY",
                             .paused = true}));
  CHECK(std::get<Sale>(*event).epoch == 0);
}

TEST_CASE("every event survives the log") {
  for (const Event& event : samples()) {
    const Buffer json = encode(event);
    CAPTURE(json);
    const auto back = decode(json);
    REQUIRE(back);
    CHECK(*back == event);
    CHECK(json.starts_with("{\"type\":\"" + std::string(type_of(event)) + "\""));
  }
}

TEST_CASE("the JSON is what people read with kcat") {
  CHECK(encode(Placed{.order = kOrder, .sale = "phone"}) ==
        R"({"type":"placed","order":")" + kOrder + R"(","sale":"phone"})");
  CHECK(encode(Epoch{.epoch = 3, .writer = "w"}) == R"({"type":"epoch","epoch":3,"writer":"w"})");
}

TEST_CASE("record keys") {
  CHECK(key_of(Epoch{}) == "epoch");
  CHECK(key_of(Sale{.sale = "phone"}) == "sale:phone");
  CHECK(key_of(Reserve{.order = kOrder}) == kOrder);
  CHECK(key_of(Expired{.order = kOrder}) == kOrder);
  CHECK(sale_of(Paid{.order = kOrder, .sale = "phone"}) == "phone");
  CHECK(sale_of(Epoch{}).empty());
}

TEST_CASE("a newer writer's fields are ignored, its types are not guessed") {
  CHECK(decode(outcome(R"("order":")" + kOrder + R"(","sale":"p","new":{"a":[1,2]})")));
  CHECK(refusal(R"({"type":"teleport"})") == "unsupported: event type \"teleport\" is not known");
}

TEST_CASE("JSON is read as any reader of it does") {
  const auto sale_of_text = [](const std::string& json) {
    const auto event = decode(json);
    return event ? std::get<Sale>(*event).sale + " " + std::get<Sale>(*event).title
                 : event.error().context;
  };
  // Escapes in names and values, in any place of the text.
  CHECK(sale_of_text(R"({"\u0074ype":"s\u0061le","sale":"a","title":"x\"\\y\u4e2d\n"})") ==
        "a x\"\\y中\n");
  // The last of a name counts.
  CHECK(sale_of_text(R"({"type":"sale","sale":"a","sale":"b","title":"t"})") == "b t");
  // A name within another value is none of the event's.
  CHECK(sale_of_text(R"({"type":"sale","more":{"sale":"x","title":[{"sale":"y"}]},"sale":"a"})") ==
        "a ");
  CHECK(sale_of_text(R"({"type":"sale","sale":{"sale":"a"}})") == "field \"sale\" is not a string");
  // More fields than are expected, null for nothing, blanks.
  std::string many = " \n{ \"type\" : \"sale\" , ";
  for (int i = 0; i < 40; ++i)
    many += "\"x" + std::to_string(i) + "\": " + std::to_string(i) + ", ";
  CHECK(sale_of_text(many + R"("title": null, "sale": "a" } )") == "a ");
  const std::string deep(7, '[');
  CHECK(sale_of_text(R"({"type":"sale","sale":"a","x":)" + deep + std::string(7, ']') + "}") ==
        "a ");
  CHECK(refusal(R"({"type":"sale","sale":"a","x":[)" + deep + std::string(8, ']') + "}")
            .starts_with("corrupt: the event is not JSON"));
  CHECK(refusal("{\"type\":\"sale\",\"sale\":\"\xff\"}").starts_with("corrupt: "));
  CHECK(refusal(R"({"type":"sale","sale":"a"} {})").starts_with("corrupt: "));
}

TEST_CASE("what is no event says so") {
  CHECK(refusal("").starts_with("corrupt: the event is not JSON"));
  CHECK(refusal("{\"type\":").starts_with("corrupt: the event is not JSON"));
  CHECK(refusal("[1]") == "corrupt: the event is not a JSON object");
  CHECK(refusal("{}") == "invalid: field \"type\" is missing or not a string");
  CHECK(refusal("{\"type\":1}") == "invalid: field \"type\" is missing or not a string");
  CHECK(refusal(std::string(100, '[')).starts_with("corrupt"));
  CHECK(refusal("{\"type\":\"placed\",\"sale\":\"\xff\"}").starts_with("corrupt"));
  CHECK(refusal(std::string(kMaxEventBytes + 1, ' ')).starts_with("too_large"));
}

TEST_CASE("a bad field is named") {
  CHECK(refusal(outcome(R"("sale":"p")")) == "invalid: field \"order\" is missing");
  CHECK(refusal(outcome(R"("sale":"p","order":null)")) == "invalid: field \"order\" is missing");
  CHECK(refusal(outcome(R"("sale":"p","order":"o1")")) ==
        "invalid: field \"order\" is not 26 base32 characters");
  CHECK(refusal(outcome(R"("sale":"p","order":7)")) == "invalid: field \"order\" is not a string");
  CHECK(refusal(outcome(R"("order":")" + kOrder + R"(","sale":"a/b")"))
            .starts_with("invalid: field \"sale\" has a character"));
  CHECK(refusal(reserve_with(R"("quantity":0)")) ==
        "invalid: field \"quantity\" is not within 1 and 1000000000");
  CHECK(refusal(reserve_with(R"("quantity":1.5)")) ==
        "invalid: field \"quantity\" is not a whole number");
  CHECK(refusal(reserve_with(R"("quantity":18446744073709551615)")) ==
        "invalid: field \"quantity\" is not within 1 and 1000000000");
  CHECK(refusal(reserve_with(R"("epoch":0)")).starts_with("invalid: field \"epoch\""));
  CHECK(refusal(reserve_with(R"("user":"")")) ==
        "invalid: field \"user\" is empty or has a control character");
  CHECK(refusal(reserve_with(R"("user":"a\u0000b")")).starts_with("invalid: field \"user\""));
  CHECK(refusal(reserve_with(R"("user":")" + std::string(kMaxUserBytes + 1, 'u') + "\"")) ==
        "invalid: field \"user\" is longer than 128 bytes");
  CHECK(refusal(R"({"type":"sale","sale":"p","paused":1})") ==
        "invalid: field \"paused\" is not true or false");
  CHECK(
      refusal(R"({"type":"sale","sale":"p","stock":-1})").starts_with("invalid: field \"stock\""));
  CHECK(refusal(reserve_with(R"("key":"k")")) == "accepted");
}

TEST_CASE("damaged events are refused or read, never more") {
  SeededRandom random(20);
  for (const Event& event : samples()) {
    const Buffer json = encode(event);
    for (int i = 0; i < 2000; ++i) {
      Buffer damaged = json;
      for (std::uint64_t n = random.below(3); n-- > 0;) {
        damaged[random.below(damaged.size())] = static_cast<char>(random.next());
      }
      if (random.below(3) == 0) damaged.resize(random.below(damaged.size()));
      if (const auto back = decode(damaged)) CHECK(decode(encode(*back)) == *back);
    }
  }
}

}  // namespace sluice::ledger
