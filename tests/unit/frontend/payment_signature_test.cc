#include "frontend/payment_signature.h"

#include <doctest/doctest.h>

namespace sluice::frontend {

namespace {

constexpr WallTime kNow{1'700'000'000'500};
constexpr const char* kPath = "/v1/orders/a/payment";

http::Request request(ByteView path, ByteView body, ByteView header) {
  http::Request made;
  made.path = path;
  made.body = body;
  made.header_array[0] = {"sluice-signature", header};
  made.header_count = 1;
  return made;
}

}  // namespace

TEST_CASE("a signature is HMAC-SHA-256 over time, path and body") {
  const PaymentSignature payments("0123456789abcdef");
  // By: printf '1700000000./v1/orders/a/payment.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
  CHECK(payments.sign(kPath, "{}", 1'700'000'000) ==
        "t=1700000000,v1=879b769c72dba3498b40021b17d40c920ba3ab691fd8d03ebd08edff43eedc80");
}

TEST_CASE("what is taken and what is not") {
  const PaymentSignature payments("0123456789abcdef");
  const auto good = payments.sign(kPath, "{}", 1'700'000'000);
  CHECK(!payments.refuse(request(kPath, "{}", good), kNow));
  struct Row {
    const char* what;
    std::string header;
    const char* path;
    const char* body;
  };
  const Row rows[] = {
      {"none", "", kPath, "{}"},
      {"no time", good.substr(good.find("v1=")), kPath, "{}"},
      {"no digest", "t=1700000000", kPath, "{}"},
      {"another time", "t=1700000001," + good.substr(good.find("v1=")), kPath, "{}"},
      {"another body", good, kPath, "{ }"},
      {"another order", good, "/v1/orders/b/payment", "{}"},
      {"another secret", PaymentSignature("0123456789abcdeg").sign(kPath, "{}", 1'700'000'000),
       kPath, "{}"},
      {"cut short", good.substr(0, good.size() - 1), kPath, "{}"},
      {"too old", payments.sign(kPath, "{}", 1'700'000'000 - 301), kPath, "{}"},
      {"of the future", payments.sign(kPath, "{}", 1'700'000'000 + 301), kPath, "{}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto refusal = payments.refuse(request(row.path, row.body, row.header), kNow);
    REQUIRE(refusal);
    CHECK(refusal->status == 401);
    CHECK(refusal->header("WWW-Authenticate") == "Sluice-Signature");
  }
  for (const std::int64_t off : {-300, 300}) {
    const auto header = payments.sign(kPath, "{}", 1'700'000'000 + off);
    CHECK(!payments.refuse(request(kPath, "{}", header), kNow));
  }
}

TEST_CASE("without a secret nothing is taken, however it is signed") {
  const PaymentSignature payments("");
  const auto refusal =
      payments.refuse(request(kPath, "{}", payments.sign(kPath, "{}", 1'700'000'000)), kNow);
  REQUIRE(refusal);
  CHECK(refusal->status == 403);
}

}  // namespace sluice::frontend
