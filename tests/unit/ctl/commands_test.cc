// sluicectl as its user sees it: what it prints, what it exits with.

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "shared/ledger/codec.h"
#include "shared/ledger/order_id.h"
#include "shared/ledger/topic.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/client/mock_cluster.h"
#include "tests/unit/ctl/call.h"

namespace sluice::ctl {

namespace {

struct Fixture {
  client::MockCluster cluster;
  std::string servers = cluster.settings().bootstrap_servers;

  Outcome ctl(std::vector<std::string> words, const std::string& input = "") {
    for (std::string& word : options_of(cluster.settings())) words.push_back(std::move(word));
    return call(std::move(words), input);
  }

  void append(std::int32_t partition, const std::vector<ledger::Event>& events) {
    client::Deliveries deliveries;
    auto producer = client::Producer::open(cluster.settings());
    REQUIRE(producer);
    for (const ledger::Event& event : events) {
      REQUIRE((*producer)->send({.topic = std::string(ledger::kOrdersTopic),
                                 .partition = partition,
                                 .key = ledger::key_of(event),
                                 .value = ledger::encode(event),
                                 .timestamp_ms = 1'700'000'000'000},
                                deliveries.done()));
    }
    REQUIRE(deliveries.wait_for(events.size()).size() == events.size());
  }
};

// A sale with an order that was placed and one that was void, in the partition it belongs to.
struct Ledger : Fixture {
  std::string order = ledger::order_id("phone", "u1", "slot:0");
  std::string late = ledger::order_id("phone", "u2", "slot:0");
  std::int32_t partition = ledger::partition_of("phone", 4);

  Ledger() {
    cluster.create_topic("seckill.orders", 4);
    append(partition, {ledger::Epoch{.epoch = 1, .writer = "w"},
                       ledger::Sale{.sale = "phone",
                                    .title = "手机",
                                    .stock = 10,
                                    .unit_price = 99'900,
                                    .currency = "CNY"},
                       ledger::Reserve{.order = order,
                                       .sale = "phone",
                                       .user = "u1",
                                       .quantity = 2,
                                       .unit_price = 99'900,
                                       .currency = "CNY",
                                       .reserved_at = 1'700'000'000'000,
                                       .epoch = 1},
                       ledger::Placed{.order = order, .sale = "phone"},
                       ledger::Reserve{.order = late,
                                       .sale = "phone",
                                       .user = "u2",
                                       .reserved_at = 1'700'000'000'000,
                                       .epoch = 9}});
  }
};

}  // namespace

TEST_CASE("wrong usage exits 2 and says what is wrong") {
  CHECK(call({}).status == 2);
  CHECK(call({"topic"}).status == 2);
  CHECK(call({"topic", "fly"}).status == 2);
  CHECK(call({"topic", "describe"}).status == 2);
  CHECK(call({"topic", "list", "-o", "xml"}).status == 2);
  CHECK(call({"topic", "consume", "t", "--group", "g", "--partition", "1"}).status == 2);
  CHECK(has(call({"topic", "fly"}).err, "there is no command \"fly\" here"));
  const Outcome outcome = call({"topic", "list", "--bogus"});
  CHECK(outcome.status == 2);
  CHECK(outcome.out.empty());
  CHECK(has(outcome.err, "--bogus"));
}

TEST_CASE("help teaches, version tells") {
  const std::vector<std::vector<std::string>> commands = {
      {"topic", "list"},    {"topic", "describe"}, {"topic", "create"}, {"topic", "delete"},
      {"topic", "produce"}, {"topic", "consume"},  {"group", "list"},   {"group", "describe"},
      {"order", "show"},    {"sale", "list"},      {"dlq", "list"},     {"dlq", "show"},
      {"dlq", "redrive"},   {"dlq", "discard"}};
  for (std::vector<std::string> words : commands) {
    CAPTURE(words[0]);
    CAPTURE(words[1]);
    words.push_back("--help");
    const Outcome outcome = call(words);
    CHECK(outcome.status == 0);
    CHECK(has(outcome.out, "Example"));
    CHECK(has(outcome.out, "sluicectl " + words[0] + " " + words[1]));
  }
  CHECK(call({"--version"}).out == "sluicectl " SLUICE_VERSION "\n");
  CHECK(call({"--version"}).status == 0);
}

TEST_CASE("what is destroyed is asked for") {
  const Outcome refused = call({"topic", "delete", "t", "-b", "127.0.0.1:1"});
  CHECK(refused.status == 1);
  CHECK(has(refused.err, "Pass --yes"));
  const Outcome declined = call({"topic", "delete", "t", "-b", "127.0.0.1:1"}, "n\n", true);
  CHECK(declined.status == 1);
  CHECK(has(declined.err, "nothing was done"));
  const Outcome agreed = call({"topic", "delete", "t", "-b", "127.0.0.1:1"}, "y\n", true);
  CHECK(has(agreed.err, "cannot reach 127.0.0.1:1"));
}

TEST_CASE("a server that is not there exits 1 and is named") {
  for (const auto& words : std::vector<std::vector<std::string>>{{"topic", "list"},
                                                                 {"sale", "list"},
                                                                 {"topic", "consume", "t"},
                                                                 {"topic", "produce", "t"},
                                                                 {"group", "list"}}) {
    std::vector<std::string> all = {"-b", "127.0.0.1:1"};
    all.insert(all.end(), words.begin(), words.end());
    const Outcome outcome = call(all);
    CHECK(outcome.status == 1);
    CHECK(outcome.out.empty());
    CHECK(has(outcome.err, "sluicectl: cannot reach 127.0.0.1:1: "));
  }
}

TEST_CASE_FIXTURE(Fixture, "topic list") {
  cluster.create_topic("b", 2);
  cluster.create_topic("a", 1);
  CHECK(ctl({"topic", "list"}).out == "NAME  PARTITIONS\na              1\nb              2\n");
  const auto parsed = boost::json::parse(ctl({"topic", "list", "-o", "json"}).out);
  CHECK(parsed.at(1).at("name") == "b");
  CHECK(parsed.at(1).at("partitions").at(1).at("leader") == 1);
}

TEST_CASE_FIXTURE(Fixture, "produce, then consume") {
  cluster.create_topic("t", 2);
  const Outcome sent =
      ctl({"topic", "produce", "t", "-k", ":", "-p", "1", "-H", "from=cli"}, "k1:v1\nk2:v:2\n");
  CHECK(sent.status == 0);
  CHECK(sent.out.empty());
  CHECK(has(sent.err, "2 records sent to t"));

  const Outcome read = ctl({"topic", "consume", "t"});
  CHECK(read.status == 0);
  CHECK(read.out.starts_with("1:0  2"));
  CHECK(has(read.out, "  k1  v1  from=cli\n1:1  "));
  CHECK(has(read.out, "  k2  v:2  from=cli\n"));

  const Outcome one =
      ctl({"topic", "consume", "t", "-p", "1", "--from", "1", "-n", "1", "-o", "json"});
  CHECK(one.status == 0);
  const auto parsed = boost::json::parse(one.out);
  CHECK(parsed.at("offset") == 1);
  CHECK(parsed.at("key") == "k2");
  CHECK(parsed.at("value") == "v:2");
  CHECK(parsed.at("headers").at(0).at("name") == "from");

  CHECK(ctl({"topic", "consume", "t", "--from", "latest"}).out.empty());
  CHECK(ctl({"topic", "consume", "t", "-p", "0"}).out.empty());
  CHECK(ctl({"topic", "consume", "t", "--from", "soon"}).status == 1);
  CHECK(has(ctl({"topic", "consume", "nix"}).err, "there is no topic nix"));
  CHECK(has(ctl({"topic", "consume", "t", "-p", "7"}).err, "topic t has no partition 7"));
}

TEST_CASE_FIXTURE(Fixture, "a line without a key stops the sending and is named") {
  cluster.create_topic("t", 1);
  const Outcome sent = ctl({"topic", "produce", "t", "-k", ":"}, "k:v\nbroken\nk:v\n");
  CHECK(sent.status == 1);
  CHECK(has(sent.err, "line 2 has no key: no \":\" in it; 1 records before it are sent"));
  CHECK(has(ctl({"topic", "consume", "t"}).out, "0:0"));
}

TEST_CASE_FIXTURE(Fixture, "consume as a member of a group goes on where it left") {
  cluster.create_topic("t", 1);
  CHECK(ctl({"topic", "produce", "t"}, "a\nb\n").status == 0);
  CHECK(
      has(ctl({"topic", "consume", "t", "-g", "g", "-n", "1", "-X", "session.timeout.ms=6000"}).out,
          "  -  a\n"));
  const Outcome rest = ctl({"topic", "consume", "t", "-g", "g"});
  CHECK(rest.status == 0);
  CHECK(!has(rest.out, "  a\n"));
  CHECK(has(rest.out, "0:1  "));
  CHECK(ctl({"topic", "consume", "t", "-g", "g", "--from", "7"}).status == 1);
}

TEST_CASE_FIXTURE(Ledger, "order show") {
  const Outcome shown = ctl({"order", "show", order});
  CHECK(shown.status == 0);
  CHECK(has(shown.out, "state        placed\n"));
  CHECK(has(shown.out, "unit price   99900 CNY\n"));
  CHECK(has(shown.out, "     2  2023-11-14T22:13:20.000Z  reserve  reserved\n"));
  CHECK(has(shown.out, "     3  2023-11-14T22:13:20.000Z  placed   placed\n"));

  const auto parsed =
      boost::json::parse(ctl({"order", "show", order, "--sale", "phone", "-o", "json"}).out);
  CHECK(parsed.at("state") == "placed");
  CHECK(parsed.at("quantity") == 2);
  CHECK(parsed.at("events").as_array().size() == 2);
  CHECK(parsed.at("events").at(0).at("event").at("user") == "u1");

  const Outcome voided = ctl({"order", "show", late});
  CHECK(has(voided.out, "void because  stale_epoch\n"));
  CHECK(has(voided.out, "reserve  voided  stale_epoch\n"));

  CHECK(has(ctl({"order", "show", "7"}).err, "\"7\" is no order id"));
  const Outcome absent = ctl({"order", "show", ledger::order_id("x", "y", "z")});
  CHECK(absent.status == 1);
  CHECK(has(absent.err, "there is no order"));
}

TEST_CASE_FIXTURE(Ledger, "sale list") {
  const Outcome listed = ctl({"sale", "list"});
  CHECK(listed.status == 0);
  CHECK(has(listed.out,
            "SALE   STATE  GRANTED  HELD  AVAILABLE  ORDERS  PRICE      PARTITION  TITLE\n"));
  CHECK(has(listed.out, "phone  open        10     2          8       1  99900 CNY"));
  CHECK(has(listed.out, "手机\n"));
  const auto parsed = boost::json::parse(ctl({"sale", "list", "-o", "json"}).out);
  CHECK(parsed.at(0).at("available") == 8);
  CHECK(parsed.at(0).at("partition") == partition);
  CHECK(parsed.at(0).at("starts_at_ms").is_null());
}

TEST_CASE_FIXTURE(Ledger, "sale show") {
  const Outcome shown = ctl({"sale", "show", "phone"});
  CHECK(shown.status == 0);
  CHECK(has(shown.out, "state         open\n"));
  CHECK(has(shown.out, "revision      1\n"));
  CHECK(has(shown.out, "orders        1, 0 of them waiting\n"));
  const auto parsed = boost::json::parse(ctl({"sale", "show", "phone", "-o", "json"}).out);
  CHECK(parsed.at("available") == 8);
  CHECK(has(ctl({"sale", "show", "cup"}).err, "there is no sale cup"));
}

TEST_CASE_FIXTURE(Ledger, "sale export: every event, what it did, and what was left") {
  append(
      partition,
      {ledger::Rejected{.order = order, .sale = "phone", .why = "a \"b\", c"},
       ledger::Sale{.sale = "phone", .stock = 5, .grant_id = "g", .currency = "CNY", .epoch = 7},
       ledger::Sale{.sale = "phone", .stock = 5, .grant_id = "g", .currency = "CNY", .epoch = 1}});
  const Outcome csv = ctl({"sale", "export", "phone", "--format", "csv"});
  CHECK(csv.status == 0);
  const std::string at = ",2023-11-14T22:13:20.000Z,";
  const std::string p = std::to_string(partition);
  CHECK(csv.out ==
        "partition,offset,timestamp,type,effect,order,user,quantity,stock_delta,available,why\r\n" +
            p + ",1" + at + "sale,sale_defined,,,0,10,10,\r\n" +               //
            p + ",2" + at + "reserve,reserved," + order + ",u1,2,-2,8,\r\n" +  //
            p + ",3" + at + "placed,placed," + order + ",u1,2,0,8,\r\n" +      //
            p + ",4" + at + "reserve,voided," + late + ",u2,1,0,8,stale_epoch\r\n" + p + ",5" + at +
            "rejected,rejected," + order + ",u1,2,2,10,\"a \"\"b\"\", c\"\r\n" + p + ",6" + at +
            "sale,sale_refused,,,0,0,10,stale_epoch\r\n" + p + ",7" + at +
            "sale,sale_changed,,,0,5,15,\r\n");
  const Outcome lines = ctl({"sale", "export", "phone"});
  CHECK(lines.status == 0);
  std::istringstream in(lines.out);
  std::int64_t sum = 0;
  std::string line;
  for (int n = 1; std::getline(in, line); ++n) {
    const auto row = boost::json::parse(line);
    CHECK(row.at("offset") == n);
    sum += row.at("stock_delta").as_int64();
    CHECK(row.at("available") == sum);
  }
  CHECK(sum == 15);
  CHECK(has(ctl({"sale", "export", "cup"}).err, "there is no sale cup"));
  CHECK(ctl({"sale", "export", "phone", "--format", "xml"}).status == 2);
}

TEST_CASE("a change of a sale that cannot be asked for says why") {
  const auto refused = [](std::vector<std::string> words) {
    words.insert(words.begin(), "sale");
    words.insert(words.end(), {"--frontend", "127.0.0.1:1", "--timeout", "1"});
    const Outcome outcome = call(words);
    CHECK(outcome.status == 1);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  CHECK(has(refused({"pause", "phone"}), "--token or SLUICE_ADMIN_TOKEN"));
  CHECK(has(refused({"pause", "a/b", "--token", "t"}), "\"a/b\" is no sale id"));
  CHECK(has(refused({"pause", "phone", "--token", "t\r\nX: y"}), "--token is no token"));
  CHECK(
      has(refused({"restock", "phone", "5", "--token", "t", "--key", "a\"b"}), "--key must have"));
  CHECK(has(refused({"update", "phone", "--token", "t"}), "change what?"));
  CHECK(has(refused({"update", "phone", "--token", "t", "--payment-window", "soon"}),
            "--payment-window is \"soon\""));
  CHECK(has(refused({"close", "phone", "--token", "t"}), "Pass --yes"));
  const std::string away = refused({"pause", "phone", "--token", "t", "--key", "k"});
  CHECK(has(away, "no admin HTTP at 127.0.0.1:1"));
  CHECK(call({"sale", "restock", "phone"}).status == 2);
  CHECK(call({"sale", "create", "phone"}).status == 2);
}

TEST_CASE_FIXTURE(Ledger, "a ledger that breaks its rules fails the list") {
  append(partition, {ledger::Reserve{.order = ledger::order_id("phone", "u3", "k"),
                                     .sale = "phone",
                                     .user = "u3",
                                     .quantity = 100,
                                     .reserved_at = 1,
                                     .epoch = 1}});
  const Outcome listed = ctl({"sale", "list"});
  CHECK(listed.status == 1);
  CHECK(has(listed.err, "I1: 1 reserves asked for more than was available"));
}

TEST_CASE_FIXTURE(Fixture, "without a ledger the reason is said") {
  CHECK(has(ctl({"sale", "list"}).err, "there is no topic seckill.orders on " + servers));
}

}  // namespace sluice::ctl
