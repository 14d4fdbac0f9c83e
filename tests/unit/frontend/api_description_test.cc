// frontend/openapi/ and the routers say the same.

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include "frontend/web_files.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

// "GET /v1/sales/{sale}" of each operation.
std::set<std::string> described(std::string_view file) {
  const json::value document = json::parse(web_file(file));
  std::set<std::string> operations;
  for (const auto& [path, item] : document.at("paths").as_object()) {
    for (const auto& [key, operation] : item.as_object()) {
      if (key == "parameters") continue;
      std::string method(key);
      std::ranges::transform(method, method.begin(), [](char c) { return std::toupper(c); });
      operations.insert(method + " " + std::string(path));
    }
  }
  return operations;
}

void check_same(std::string_view file, const std::vector<std::string>& routes) {
  const std::set<std::string> operations = described(file);
  for (const std::string& route : routes) {
    CAPTURE(route);
    CHECK_MESSAGE(operations.contains(route), file, " does not describe this route");
  }
  for (const std::string& operation : operations) {
    CAPTURE(operation);
    CHECK_MESSAGE(std::ranges::count(routes, operation) == 1, file, " describes no route");
  }
}

}  // namespace

TEST_CASE("each route is described, and nothing else") {
  ShopLog log;
  const Shop shop(log);
  check_same("shop.json", shop.routes());
  check_same("admin.json", shop.admin_routes());
}

TEST_CASE("each listener gives its own description") {
  ShopLog log;
  Shop shop(log);
  const Reply mine = shop.ask("GET", "/openapi.json");
  CHECK(mine.status == 200);
  CHECK(mine.header("Content-Type") == "application/json");
  CHECK(mine.body == web_file("shop.json"));
  const Reply admins = shop.ask_admin("GET", "/openapi.json");
  CHECK(admins.body == web_file("admin.json"));
  const std::string known = "If-None-Match: " + mine.header("ETag") + "\r\n";
  CHECK(shop.ask("GET", "/openapi.json", known).status == 304);
}

}  // namespace sluice::frontend
