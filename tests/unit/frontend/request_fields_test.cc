#include "frontend/request_fields.h"

#include <doctest/doctest.h>

namespace sluice::frontend {

TEST_CASE("entity tags in a list") {
  struct Row {
    const char* list;
    bool weakly;
    bool strongly;
  };
  const Row rows[] = {
      {"\"7\"", true, true},
      {"W/\"7\"", true, false},
      {"\"6\", \"7\"", true, true},
      {"\"6\",W/\"7\" ", true, false},
      {"*", true, true},
      {" * ", true, true},
      {"\"6\"", false, false},
      {"7", false, false},
      {"", false, false},
      {",", false, false},
      {"\"7", false, false},
      {"\"77\"", false, false},
      {"W/ \"7\"", false, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.list);
    CHECK(lists_tag(row.list, "\"7\"") == row.weakly);
    CHECK(lists_strong_tag(row.list, "\"7\"") == row.strongly);
  }
}

TEST_CASE("whose page a request is of") {
  struct Row {
    const char* site;    // Sec-Fetch-Site; null: not sent
    const char* origin;  // likewise
    bool another;
  };
  const Row rows[] = {
      {"same-origin", nullptr, false},
      {"none", nullptr, false},
      {"same-site", nullptr, true},
      {"cross-site", nullptr, true},
      {"", nullptr, true},
      // What the browser says of itself counts more: a proxy may have changed Host.
      {"same-origin", "https://elsewhere.example", false},
      {"cross-site", "https://shop.example", true},
      {nullptr, nullptr, false},  // no browser
      {nullptr, "https://shop.example", false},
      {nullptr, "http://SHOP.example", false},
      {nullptr, "https://shop.example:8443", true},
      {nullptr, "https://shop.example.evil.example", true},
      {nullptr, "https://elsewhere.example", true},
      {nullptr, "null", true},
      {nullptr, "shop.example", true},
      {nullptr, "", true},
  };
  for (const Row& row : rows) {
    http::Request request;
    request.header_array[request.header_count++] = {"Host", "shop.example"};
    if (row.site != nullptr) {
      request.header_array[request.header_count++] = {"Sec-Fetch-Site", row.site};
    }
    if (row.origin != nullptr) {
      request.header_array[request.header_count++] = {"Origin", row.origin};
    }
    CAPTURE(row.site);
    CAPTURE(row.origin);
    CHECK(is_from_another_origin(request) == row.another);
  }
}

TEST_CASE("how long a request wants to wait") {
  struct Row {
    const char* prefer;
    std::optional<int> seconds;
  };
  const Row rows[] = {
      {"wait=20", 20},
      {"respond-async, wait=5", 5},
      {"Wait=1", 1},
      {" wait=0 ", 0},
      {"wait", std::nullopt},
      {"wait=", std::nullopt},
      {"wait=-1", std::nullopt},
      {"wait=x", std::nullopt},
      {"", std::nullopt},
      {"wait=9999999999", std::nullopt},
      {"await=5", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.prefer);
    http::Request request;
    request.header_array[0] = {"prefer", row.prefer};
    request.header_count = 1;
    const auto wait = preferred_wait(request);
    CHECK(wait.has_value() == row.seconds.has_value());
    if (wait && row.seconds) CHECK(wait->count() == *row.seconds);
  }
  CHECK(!preferred_wait(http::Request()));
}

TEST_CASE("whether a body is JSON, as far as the request says") {
  struct Row {
    const char* type;
    bool json;
  };
  const Row rows[] = {
      {"application/json", true},
      {"application/json; charset=utf-8", true},
      {"Application/JSON ;x=y", true},
      {"application/merge-patch+json", true},
      {"application/x-www-form-urlencoded", false},
      {"application/json5", false},
      {"application/+json", false},
      {"text/json", false},
      {"json", false},
      {"", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.type);
    http::Request request;
    request.header_array[0] = {"content-type", row.type};
    request.header_count = 1;
    CHECK(says_json(request));  // there is no body
    request.body = "{}";
    CHECK(says_json(request) == row.json);
  }
  http::Request silent;
  silent.body = "{}";
  CHECK(says_json(silent));
}

TEST_CASE("who takes gzip") {
  struct Row {
    const char* accept;
    bool gzip;
  };
  const Row rows[] = {
      {"gzip, deflate, br, zstd", true},
      {"br;q=1.0, GZIP;q=0.001", true},
      {"deflate, gzip ; q=0.5", true},
      {"*", true},
      {"*;q=0.1, br", true},
      {"gzip;q=0", false},
      {"gzip;Q=0.000, *", false},
      {"*, gzip;q=0", false},
      {"*;q=0", false},
      {"identity", false},
      {"deflate, br", false},
      {"gzipped", false},
      {"", false},
      {",;,;q=", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.accept);
    http::Request request;
    request.header_array[0] = {"accept-encoding", row.accept};
    request.header_count = 1;
    CHECK(accepts_gzip(request) == row.gzip);
  }
  CHECK(!accepts_gzip(http::Request()));
}

}  // namespace sluice::frontend
