// Dead letters on a made-up cluster: what the commands print, send and refuse.

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/client/mock_cluster.h"
#include "tests/unit/ctl/call.h"

namespace sluice::ctl {

namespace {

namespace json = boost::json;

constexpr std::int64_t kMorning = 1'700'000'000'000;

struct Dlq {
  client::MockCluster cluster;

  Dlq() {
    cluster.create_topic("orders", 4);
    cluster.create_topic("dlq.orders", 2);
  }

  Outcome ctl(std::vector<std::string> words, const std::string& input = "", bool tty = false) {
    words.insert(words.begin(), "dlq");
    return call_here(std::move(words), input, tty);
  }

  Outcome call_here(std::vector<std::string> words, const std::string& input = "",
                    bool tty = false) {
    for (std::string& word : options_of(cluster.settings())) words.push_back(std::move(word));
    return call(std::move(words), input, tty);
  }

  // A letter of a record that failed at offset `n` of partition 3.
  void add(std::int32_t partition, int n, const std::string& code = "corrupt",
           std::int32_t origin = 3, const std::string& origin_topic = "orders") {
    produce({.topic = "dlq.orders",
             .partition = partition,
             .key = "key-" + std::to_string(n),
             .value = "value-" + std::to_string(n),
             .headers = {{"__dlq.errors.topic", origin_topic},
                         {"__dlq.errors.partition", std::to_string(origin)},
                         {"__dlq.errors.offset", std::to_string(n)},
                         {"__dlq.errors.code", code},
                         {"__dlq.errors.message", "because"},
                         {"trace", "t"}},
             .timestamp_ms = kMorning + n});
  }

  void produce(client::ProduceRecord record) {
    client::Deliveries deliveries;
    auto producer = client::Producer::open(cluster.settings());
    REQUIRE(producer);
    REQUIRE((*producer)->send(std::move(record), deliveries.done()));
    REQUIRE(deliveries.wait_for(1).at(0).outcome == client::Outcome::persisted);
  }

  // The records of the origin topic, as `topic consume` shows them.
  std::vector<json::value> orders() {
    const Outcome read = call_here({"topic", "consume", "orders", "-o", "json"});
    CHECK(read.status == 0);
    return lines(read);
  }

  static std::vector<json::value> lines(const Outcome& outcome) {
    std::vector<json::value> values;
    std::istringstream in(outcome.out);
    for (std::string line; std::getline(in, line);) values.push_back(json::parse(line));
    return values;
  }
};

std::string header(const json::value& record, std::string_view name) {
  for (const json::value& entry : record.at("headers").as_array()) {
    if (entry.at("name") == json::string_view(name)) {
      return std::string(entry.at("value").as_string());
    }
  }
  return "(none)";
}

}  // namespace

TEST_CASE_FIXTURE(Dlq, "dlq list: oldest first, newest first, narrowed") {
  add(0, 1);
  add(0, 2, "unsupported");
  add(1, 3);
  const Outcome all = ctl({"list", "orders"});
  CHECK(all.status == 0);
  CHECK(has(all.out, "TOPIC       LETTER  TIME"));
  CHECK(has(all.out, "dlq.orders  0:0     2023-11-14T22:13:20.001Z  orders:3:1  corrupt"));
  CHECK(has(all.err, "3 open dead letters"));

  const auto ids = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "list");
    words.insert(words.end(), {"-o", "json"});
    const Outcome outcome = ctl(words);
    CHECK(outcome.status == 0);
    std::string text;
    for (const json::value& line : lines(outcome)) {
      text += std::string(line.at("key").as_string()) + " ";
    }
    return text;
  };
  CHECK(ids({}) == "key-1 key-2 key-3 ");
  CHECK(ids({"dlq.orders", "--newest"}) == "key-3 key-2 key-1 ");
  CHECK(ids({"orders", "--newest", "-n", "2"}) == "key-3 key-2 ");
  CHECK(ids({"orders", "-n", "2"}) == "key-1 key-2 ");
  CHECK(ids({"orders", "-p", "1"}) == "key-3 ");
  CHECK(ids({"orders", "--error", "unsupported"}) == "key-2 ");
  CHECK(ids({"orders", "--key", "key-1"}) == "key-1 ");
  CHECK(ids({"orders", "--from", "@1700000000002", "--to", "@1700000000003"}) == "key-2 ");
  CHECK(ids({"orders", "--from", "1h"}).empty());
  CHECK(has(ctl({"list", "orders", "-n", "2"}).err, "there are more open dead letters"));

  const auto line = lines(ctl({"list", "orders", "-n", "1", "-o", "json"})).at(0);
  CHECK(line.at("origin") == json::value({{"topic", "orders"}, {"partition", 3}, {"offset", 1}}));
  CHECK(line.at("value_bytes") == 7);
  CHECK(line.at("redrives") == 0);
  CHECK(line.at("redriven").is_null());
}

TEST_CASE_FIXTURE(Dlq, "dlq list --count: by error code") {
  add(0, 1);
  add(1, 2);
  add(0, 3, "unsupported");
  CHECK(ctl({"redrive", "orders", "1:0"}).status == 0);
  const auto counts = lines(ctl({"list", "--count", "-o", "json"}));
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].at("code") == "corrupt");
  CHECK(counts[0].at("letters") == 2);
  CHECK(counts[0].at("open") == 1);
  CHECK(counts[0].at("newest_ms") == kMorning + 1);
  CHECK(counts[1].at("code") == "unsupported");
  CHECK(has(ctl({"list", "--count"}).out, "dlq.orders  corrupt            2     1  2023"));
}

TEST_CASE_FIXTURE(Dlq, "dlq show: one letter whole") {
  add(0, 1);
  produce({.topic = "dlq.orders",
           .partition = 0,
           .value = Buffer("\x1b\xff", 2),
           .headers = {{"__dlq.errors.topic", "or\nders"}},
           .timestamp_ms = std::numeric_limits<std::int64_t>::max()});
  const Outcome shown = ctl({"show", "orders", "0:0"});
  CHECK(shown.status == 0);
  CHECK(has(shown.out, "letter    0:0 in dlq.orders\n"));
  CHECK(has(shown.out, "origin    orders:3:1\n"));
  CHECK(has(shown.out, "redriven  no\n"));
  CHECK(has(shown.out, "header    trace=t\n"));
  CHECK(has(shown.out, "value     value-1\n"));
  const Outcome hostile = ctl({"show", "orders", "0:1"});
  CHECK(has(hostile.out, "origin    or\\x0aders:-:-\n"));
  CHECK(has(hostile.out, "value     \\x1b\\xff\n"));
  const auto as_json = lines(ctl({"show", "orders", "0:1", "-o", "json"})).at(0);
  CHECK(as_json.at("value_base64") == "G/8=");
  CHECK(as_json.at("key").is_null());

  CHECK(has(ctl({"show", "orders", "0:2"}).err, "dlq.orders has no dead letter 0:2"));
  CHECK(has(ctl({"show", "orders", "7:0"}).err, "topic dlq.orders has no partition 7"));
  CHECK(has(ctl({"show", "orders", "first"}).err, "\"first\" is no dead letter"));
  CHECK(has(ctl({"show", "cups", "0:0"}).err, "there is no topic dlq.cups"));
  CHECK(ctl({"show", "orders", "0:2"}).status == 1);
  CHECK(ctl({"show", "orders"}).status == 2);
}

TEST_CASE_FIXTURE(Dlq, "dlq redrive: each letter once, to the partition it came from") {
  for (int n = 1; n <= 3; ++n) add(n % 2, n, n == 3 ? "unsupported" : "corrupt");
  const Outcome dry = ctl({"redrive", "orders", "--error", "corrupt", "--dry-run"});
  CHECK(dry.status == 0);
  CHECK(dry.out == "0:0  orders:3:-  would be sent\n1:0  orders:3:-  would be sent\n");
  CHECK(has(dry.err, "2 would be redriven"));
  CHECK(orders().empty());

  const Outcome sent = ctl({"redrive", "orders", "--error", "corrupt"});
  CHECK(sent.status == 0);
  CHECK(has(sent.out, "0:0  orders:3:0  sent\n"));
  CHECK(has(sent.err, "2 redriven"));
  const auto records = orders();
  REQUIRE(records.size() == 2);
  CHECK(records[0].at("partition") == 3);
  CHECK(records[0].at("key") == "key-2");
  CHECK(records[0].at("value") == "value-2");
  CHECK(header(records[0], "trace") == "t");
  CHECK(header(records[0], "__dlq.errors.topic") == "(none)");
  CHECK(header(records[0], "__dlq.redrive.topic") == "dlq.orders");
  CHECK(header(records[0], "__dlq.redrive.partition") == "0");
  CHECK(header(records[0], "__dlq.redrive.offset") == "0");
  CHECK(header(records[0], "__dlq.redrive.attempts") == "1");

  // The rest of it, and no letter twice.
  const auto open = lines(ctl({"list", "orders", "-o", "json"}));
  REQUIRE(open.size() == 1);
  CHECK(open[0].at("key") == "key-3");
  const auto rest = lines(ctl({"redrive", "orders", "--all", "-o", "json"}));
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].at("outcome") == "sent");
  CHECK(rest[0].at("to") == json::value({{"topic", "orders"}, {"partition", 3}, {"offset", 2}}));
  CHECK(has(ctl({"redrive", "orders", "--all"}).err, "0 redriven"));
  CHECK(orders().size() == 3);

  const Outcome again = ctl({"redrive", "orders", "0:0", "0:99"});
  CHECK(again.status == 1);
  CHECK(has(again.err,
            "2 of the letters were not there to be redriven, 1 of them because they had "
            "been before"));
  CHECK(has(ctl({"show", "orders", "0:0"}).out, "redriven  to orders:3:0 at 20"));
  CHECK(lines(ctl({"list", "orders", "--all", "-o", "json"})).size() == 3);
}

TEST_CASE_FIXTURE(Dlq, "dlq redrive: the limit counts letters, the rest stays open") {
  for (int n = 0; n < 5; ++n) add(0, n);
  CHECK(has(ctl({"redrive", "orders", "--all", "-n", "2"}).err, "2 redriven"));
  CHECK(orders().size() == 2);
  CHECK(has(ctl({"redrive", "orders", "--all", "--rate", "1000"}).err, "3 redriven"));
  CHECK(orders().size() == 5);
}

TEST_CASE_FIXTURE(Dlq, "dlq redrive --rate: no faster than that") {
  for (int n = 0; n < 4; ++n) add(0, n);
  const SystemClock clock;
  const Instant began = clock.now();
  CHECK(ctl({"redrive", "orders", "--all", "--rate", "4"}).status == 0);
  CHECK(clock.now() - began >= Millis(1'000));
  CHECK(orders().size() == 4);
}

TEST_CASE_FIXTURE(Dlq, "dlq redrive: what cannot go back is told one by one, the others go") {
  add(0, 1, "corrupt", 3, "cups");
  add(0, 2, "corrupt", 9);
  add(0, 3, "corrupt", 0, "dlq.orders");
  produce({.topic = "dlq.orders", .partition = 0, .headers = {{"__dlq.errors.topic", "orders"}}});
  add(0, 5);
  const Outcome sent = ctl({"redrive", "orders", "--all"});
  CHECK(sent.status == 1);
  CHECK(has(sent.out, "0:0  cups:3:1  failed: there is no topic cups\n"));
  CHECK(has(sent.out, "0:1  orders:9:2  failed: topic orders has no partition 9\n"));
  CHECK(has(sent.out, "0:2  dlq.orders:0:3  failed: its origin is the dead letter topic itself\n"));
  CHECK(has(sent.out,
            "0:3  orders:-:-  failed: it holds no copy of the record, and orders:-:- is "
            "not kept\n"));
  CHECK(has(sent.out, "0:4  orders:3:0  sent\n"));
  CHECK(has(sent.err, "4 not redriven"));
  CHECK(orders().size() == 1);
}

TEST_CASE_FIXTURE(Dlq, "dlq redrive: a letter without a copy has its record read at the origin") {
  produce({.topic = "orders", .partition = 3, .key = "k0", .value = "v0"});
  produce({.topic = "orders",
           .partition = 3,
           .key = "k1",
           .value = "v1",
           .headers = {{"trace", "t1"}, {"__dlq.redrive.attempts", "1"}}});
  for (const char* offset : {"1", "7", "0"}) {
    produce({.topic = "dlq.orders",
             .partition = 0,
             .headers = {{"__dlq.errors.topic", "orders"},
                         {"__dlq.errors.partition", "3"},
                         {"__dlq.errors.offset", offset}}});
  }
  const Outcome sent = ctl({"redrive", "orders", "--all"});
  CHECK(sent.status == 1);
  CHECK(has(sent.out, "0:0  orders:3:2  sent\n"));
  CHECK(has(sent.out,
            "0:1  orders:3:7  failed: it holds no copy of the record, and orders:3:7 is "
            "not kept\n"));
  CHECK(has(sent.out, "0:2  orders:3:3  sent\n"));
  const auto records = orders();
  REQUIRE(records.size() == 4);
  CHECK(records[2].at("key") == "k1");
  CHECK(records[2].at("value") == "v1");
  CHECK(header(records[2], "trace") == "t1");
  CHECK(header(records[2], "__dlq.redrive.attempts") == "2");
  CHECK(records[3].at("value") == "v0");
  CHECK(header(records[3], "__dlq.redrive.attempts") == "1");
}

TEST_CASE_FIXTURE(Dlq, "dlq redrive: a record that is too large for its topic does not stop it") {
  add(0, 1);
  add(0, 2);
  cluster.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  const Outcome sent = ctl({"redrive", "orders", "0:0"});
  CHECK(sent.status == 1);
  CHECK(has(sent.out, "0:0  orders:3:-  failed: "));
  CHECK(ctl({"redrive", "orders", "--all"}).status == 0);
  CHECK(orders().size() == 2);
}

TEST_CASE("dlq redrive wants to know which") {
  const Outcome outcome = call({"dlq", "redrive", "orders", "-b", "127.0.0.1:1"});
  CHECK(outcome.status == 1);
  CHECK(has(outcome.err, "Name letters, give a filter, or pass --all"));
  CHECK(has(call({"dlq", "redrive", "orders", "17"}).err, "\"17\" is no dead letter"));
  CHECK(has(call({"dlq", "list", "orders", "--from", "noon"}).err, "--from \"noon\" is neither"));
  CHECK(call({"dlq", "redrive", "orders", "--all", "--rate", "0"}).status == 2);
  CHECK(has(call({"dlq", "list", "-b", "127.0.0.1:1"}).err, "cannot reach 127.0.0.1:1"));
}

TEST_CASE_FIXTURE(Dlq, "dlq discard asks, with the numbers") {
  for (int n = 0; n < 3; ++n) add(0, n);
  CHECK(ctl({"redrive", "orders", "0:1"}).status == 0);
  const Outcome asked = ctl({"discard", "orders", "0:1"}, "n\n", true);
  CHECK(asked.status == 1);
  CHECK(has(asked.err, "Discard 2 dead letters of dlq.orders[0] up to offset 1, 1 of them open?"));
  CHECK(has(asked.err, "nothing was done"));
  CHECK(has(ctl({"discard", "orders", "0:1"}).err, "Pass --yes"));
  CHECK(has(ctl({"discard", "orders", "0:9", "--yes"}).err, "dlq.orders has no dead letter 0:9"));
  CHECK(lines(ctl({"list", "orders", "--all", "-o", "json"})).size() == 3);
}

}  // namespace sluice::ctl
