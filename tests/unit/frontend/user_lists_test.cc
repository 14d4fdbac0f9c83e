#include "frontend/user_lists.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

namespace {

// An operator's directory of lists.
struct Folder {
  tests::TempDir directory;

  const std::string& path() const { return directory.path(); }
  std::string file(std::string_view name) const { return fmt::format("{}/{}", path(), name); }
  void write(std::string_view name, std::string_view text) const {
    std::ofstream(file(name), std::ios::binary) << text;
  }
  std::string told() const {
    const auto lists = UserLists::read(path());
    return lists ? std::string() : lists.error().context;
  }
};

}  // namespace

TEST_CASE("a list is a user a line") {
  const auto users = UserSet::read("ann\r\n\n# remark\n张三 \"Zhang\"\nann\n#\n x\nlast");
  REQUIRE(users);
  CHECK(users->size() == 4);
  for (const char* user : {"ann", "张三 \"Zhang\"", " x", "last"}) CHECK(users->contains(user));
  for (const char* user : {"", "an", "ann ", "x", "# remark", "bob"}) CHECK(!users->contains(user));
  CHECK(UserSet::read("")->size() == 0);
}

TEST_CASE("a short list outlives being moved") {
  auto users = UserSet::read("ann");
  REQUIRE(users);
  const UserSet moved = std::move(*users);
  CHECK(moved.contains("ann"));
}

TEST_CASE("a line that is no user is told by its number") {
  const auto told = [](std::string text) { return UserSet::read(std::move(text)).error().context; };
  CHECK(told("ann\n\n\xff\n") == "line 3: a user is 1 to 128 bytes of UTF-8 text");
  CHECK(told(std::string(129, 'x')) == "line 1: a user is 1 to 128 bytes of UTF-8 text");
  CHECK(told("a\tb\n") == "line 1: a user is 1 to 128 bytes of UTF-8 text");
  CHECK(UserSet::read(std::string(128, 'x'))->size() == 1);
}

TEST_CASE("the files of a directory") {
  const Folder folder;
  CHECK(folder.told() == "");
  folder.write("blocked", "eve\n");
  folder.write("mug.allowed", "ann\nbob\n");
  folder.write("members-only_2.0.allowed", "");
  folder.write(".blocked.swp", "\xff");
  const auto lists = UserLists::read(folder.path());
  REQUIRE(lists);
  CHECK(lists->is_blocked("eve"));
  CHECK(!lists->is_blocked("ann"));
  CHECK(lists->is_allowed("mug", "ann"));
  CHECK(!lists->is_allowed("mug", "cid"));
  CHECK(!lists->is_allowed("members-only_2.0", "ann"));  // an empty list lets nobody
  CHECK(lists->is_allowed("cup", "cid"));                // none lets everybody
}

TEST_CASE("files that are no lists are errors that name them") {
  for (const char* name : {"mug.allow", "blocked.txt", "allowed", ".allowed~", "a b.allowed"}) {
    const Folder folder;
    folder.write(name, "ann\n");
    CAPTURE(name);
    if (name[0] == '.') {
      CHECK(folder.told() == "");
      continue;
    }
    CHECK(folder.told() == fmt::format("user_lists: {}: is no list: one is named blocked or "
                                       "<sale>.allowed",
                                       folder.file(name)));
  }
  const Folder folder;
  folder.write("blocked", "ann\n\xc0\xaf\n");
  CHECK(folder.told() == fmt::format("user_lists: {}: line 2: a user is 1 to 128 bytes of UTF-8 "
                                     "text",
                                     folder.file("blocked")));
  std::filesystem::remove(folder.file("blocked"));
  std::filesystem::create_directory(folder.file("blocked"));
  CHECK(folder.told() ==
        fmt::format("user_lists: {}: cannot be read: Is a directory", folder.file("blocked")));
  CHECK(UserLists::read(folder.file("none")).error().context ==
        fmt::format("user_lists: {}: No such file or directory", folder.file("none")));
}

TEST_CASE("who is blocked, and who is not on the list, buys nothing") {
  const Folder folder;
  folder.write("blocked", "eve\n");
  Shop::Options options;
  options.user_lists = folder.path();
  Open open(std::move(options));
  Shop& shop = open.shop;
  check_problem(shop.order("eve"), 403, "blocked");
  CHECK(shop.order("ann").status == 202);
  CHECK(shop.order("bob").status == 202);
  const auto shown = shop.admin("GET", "/v1/user-lists");
  CHECK(shown.body == "{\"blocked\":1,\"allowed\":{}}\n");

  folder.write("blocked", "ann\n");
  folder.write("mug.allowed", "ann\ncid\n");
  check_problem(shop.order("eve"), 403, "blocked");  // not before it is asked for
  const auto renewed = shop.admin("POST", "/v1/user-lists/reload");
  CHECK(renewed.status == 200);
  CHECK(renewed.body == "{\"blocked\":1,\"allowed\":{\"mug\":2}}\n");
  check_problem(shop.order("eve"), 403, "not-allowed");
  check_problem(shop.order("ann", "Idempotency-Key: new\r\n"), 403, "blocked");
  check_problem(shop.order("bob", "Idempotency-Key: new\r\n"), 403, "not-allowed");
  CHECK(shop.order("cid").status == 202);
  // What was bought before stays, and its answer can be had again.
  CHECK(shop.order("ann").header("Idempotency-Replayed") == "true");
  CHECK(shop.available() == 7);
}

TEST_CASE("a reload that fails changes nothing") {
  const Folder folder;
  folder.write("blocked", "eve\n");
  Shop::Options options;
  options.user_lists = folder.path();
  Open open(std::move(options));
  folder.write("mug.allow", "ann\n");
  folder.write("blocked", "");
  const auto failed = open.shop.admin("POST", "/v1/user-lists/reload");
  check_problem(failed, 409, "lists-invalid");
  CHECK(failed.says("mug.allow"));
  check_problem(open.shop.order("eve"), 403, "blocked");
  check_problem(open.shop.ask_admin("POST", "/v1/user-lists/reload"), 401, "not-authorized");
  check_problem(open.shop.ask_admin("GET", "/v1/user-lists"), 401, "not-authorized");
}

TEST_CASE("a place in the waiting room is for those who may buy") {
  const Folder folder;
  folder.write("blocked", "eve\n");
  folder.write("mug.allowed", "ann\neve\n");
  Shop::Options options;
  options.user_lists = folder.path();
  Open open(std::move(options));
  const auto place = [&](const char* user) {
    return open.shop.ask("POST", "/v1/sales/mug/ticket", fmt::format("X-User-Id: {}\r\n", user));
  };
  check_problem(place("eve"), 403, "blocked");
  check_problem(place("bob"), 403, "not-allowed");
  CHECK(place("ann").status == 200);
}

TEST_CASE("a purchase token is for those who may buy, and sold out is said to all") {
  const Folder folder;
  folder.write("blocked", "eve\n");
  Shop::Options options;
  options.user_lists = folder.path();
  options.sales.front().purchase_token = true;
  SUBCASE("open") {
    Open open(std::move(options));
    const auto token = [&](const char* user) {
      return open.shop.ask("POST", "/v1/sales/mug/purchase-token",
                           fmt::format("X-User-Id: {}\r\n", user));
    };
    check_problem(token("eve"), 403, "blocked");
    CHECK(token("ann").status == 200);
    check_problem(open.shop.order("eve"), 403, "purchase-token-required");
  }
  SUBCASE("sold out") {
    options.sales.front().stock = 0;
    Open open(std::move(options));
    check_problem(open.shop.order("eve"), 409, "sold-out");
  }
}

}  // namespace sluice::frontend
