#include "shared/config/schema.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::config;

namespace {

struct Product {
  std::string id;
  std::int64_t stock = 1;
};

struct Options {
  std::string listen = "127.0.0.1:9092";
  std::string level = "info";
  bool strict = false;
  int backlog = 128;
  std::uint16_t partitions = 4;
  Millis linger{5};
  ByteSize limit = ByteSize::mib(1);
  std::vector<std::string> peers;
  std::vector<Product> products;
};

void describe_product(Schema& schema, Product& product) {
  schema.add("id", product.id, "name", "What it is called in URLs").required();
  schema.add("stock", product.stock, "units", "How many there are").between(0, 1'000'000);
}

Schema schema_of(Options& options) {
  Schema schema("sluice-test", "A program for this test");
  schema.add("listen", options.listen, "host:port", "Where clients connect");
  schema.add("level", options.level, "word", "How much is logged").one_of({"debug", "info"});
  schema.add("strict", options.strict, "Whether to be strict");
  schema.add("backlog", options.backlog, "connections", "Waiting for accept").between(1, 4096);
  schema.add("partitions", options.partitions, "partitions", "Of a new topic");
  schema.add("linger", options.linger, "How long to gather").between(0, 1000);
  schema.add("limit", options.limit, "Greatest record").between(1024, 1 << 30);
  schema.add("peers", options.peers, "host:port", "The others");
  schema.add_list("products", options.products, "products", "What is sold", describe_product,
                  {.id = "phone", .stock = 100});
  return schema;
}

std::string error_of(const std::string& yaml) {
  Options options;
  Schema schema = schema_of(options);
  const auto loaded = schema.load_text(yaml, "x.yaml");
  return loaded ? "no error" : loaded.error().context;
}

std::string set_error_of(const std::string& assignment) {
  Options options;
  Schema schema = schema_of(options);
  const auto set = schema.set(assignment);
  return set ? "no error" : set.error().context;
}

// Removes the "#" in front of options; remarks ("# ") stay.
std::string uncommented(const std::string& sample) {
  std::string text;
  std::size_t from = 0;
  while (from < sample.size()) {
    const auto to = sample.find('\n', from);
    std::string line = sample.substr(from, to - from);
    const bool remark = line.starts_with("# ") && !line.starts_with("#  ");
    if (line.starts_with('#') && !remark) line.erase(0, 1);
    text += line + '\n';
    from = to + 1;
  }
  return text;
}

}  // namespace

TEST_CASE("a file sets what it names and leaves the rest") {
  Options options;
  Schema schema = schema_of(options);
  const auto loaded = schema.load_text(
      "listen: 0.0.0.0:0\n"
      "strict: true\n"
      "linger: 1s\n"
      "limit: 64KiB\n"
      "peers: [a:1, b:2]\n"
      "products:\n"
      "  - id: phone\n"
      "  - id: pad\n"
      "    stock: 7\n",
      "x.yaml");
  REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().context));
  CHECK(options.listen == "0.0.0.0:0");
  CHECK(options.strict);
  CHECK(options.linger == Millis(1000));
  CHECK(options.limit == ByteSize::kib(64));
  CHECK(options.peers == std::vector<std::string>{"a:1", "b:2"});
  REQUIRE(options.products.size() == 2);
  CHECK(options.products[0].stock == 1);
  CHECK(options.products[1].id == "pad");
  CHECK(options.products[1].stock == 7);
  CHECK(options.backlog == 128);
}

TEST_CASE("an empty file is right") {
  CHECK(error_of("# nothing\n") == "no error");
}

TEST_CASE("errors name the line, the value and what is right") {
  struct Case {
    std::string yaml;
    std::string error;
  };
  for (const Case& c : {
           Case{"\nlisen: x\n", "x.yaml:2: unknown option \"lisen\"; did you mean \"listen\"?"},
           Case{"strict: yes\n", "x.yaml:1: strict is \"yes\", expected true or false"},
           Case{"strict: true\nbacklog: many\n",
                "x.yaml:2: backlog is \"many\", expected a whole number (connections), 1 to 4096"},
           Case{"backlog: 0\n", "x.yaml:1: backlog is 0, below its least value 1"},
           Case{"backlog: 5000\n", "x.yaml:1: backlog is 5000, above its greatest value 4096"},
           Case{"partitions: 70000\n",
                "x.yaml:1: partitions is 70000, above its greatest value 65535"},
           Case{"partitions: -1\n", "x.yaml:1: partitions is -1, below its least value 0"},
           Case{
               "linger: 5\n",
               "x.yaml:1: linger is \"5\", expected a duration such as 500ms, 2s or 5m, 0ms to 1s"},
           Case{"linger: 2m\n", "x.yaml:1: linger is 2m, above its greatest value 1s"},
           Case{"limit: 12\n", "x.yaml:1: limit is 12, below its least value 1KiB"},
           Case{"level: loud\n", "x.yaml:1: level is \"loud\", expected one of debug, info"},
           Case{"listen: [a]\n", "x.yaml:1: listen is a list, expected text (host:port)"},
           Case{"listen:\n", "x.yaml:1: listen is nothing, expected text (host:port)"},
           Case{"peers: a:1\n", "x.yaml:1: peers is \"a:1\", expected a list of texts (host:port)"},
           Case{"listen: a\nlisten: b\n", "x.yaml:2: listen is given twice"},
           Case{"products: 5\n",
                "x.yaml:1: products is \"5\", expected a list of objects (products)"},
           Case{"products:\n  - id: a\n    stok: 5\n",
                "x.yaml:3: unknown option \"stok\"; did you mean \"stock\"?"},
           Case{"products:\n  - id: a\n  - stock: 5\n", "x.yaml:3: id is missing"},
           Case{"products:\n  - 5\n", "x.yaml:2: an item of products is \"5\", expected an object"},
           Case{"- a\n", "x.yaml:1: found a list, expected lines of NAME: VALUE"},
       }) {
    CAPTURE(c.yaml);
    CHECK(error_of(c.yaml) == c.error);
  }
  CHECK(error_of("listen: [a\n").starts_with("x.yaml:"));
}

TEST_CASE("a file that is not there is not_found") {
  Options options;
  Schema schema = schema_of(options);
  const auto loaded = schema.load("/nonexistent/x.yaml");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == Code::not_found);
}

TEST_CASE("--set reads the same values") {
  Options options;
  Schema schema = schema_of(options);
  REQUIRE(schema.set("listen=a=b:1"));
  REQUIRE(schema.set("peers=a:1,b:2"));
  REQUIRE(schema.set("linger=20ms"));
  CHECK(options.listen == "a=b:1");
  CHECK(options.peers.size() == 2);
  CHECK(options.linger == Millis(20));
  REQUIRE(schema.set("peers="));
  CHECK(options.peers.empty());

  CHECK(set_error_of("listen") == "--set listen: expected NAME=VALUE");
  CHECK(set_error_of("lissten=a") ==
        "--set lissten=a: unknown option \"lissten\"; did you mean \"listen\"?");
  CHECK(set_error_of("backlog=x").starts_with("--set backlog=x: backlog is \"x\", expected"));
  CHECK(set_error_of("products=x").starts_with("--set products=x: products is \"x\", expected"));
}

TEST_CASE("rules look at the options together") {
  Options options;
  Schema schema = schema_of(options);
  schema.add_rule([&options]() -> Result<void> {
    if (options.backlog < options.partitions) return fail(Code::invalid, "too few");
    return {};
  });
  CHECK(schema.check());
  REQUIRE(schema.set("backlog=2"));
  CHECK_FALSE(schema.check());
}

TEST_CASE("the sample shows every option at its default and can be used as it is") {
  Options options;
  const std::string sample = schema_of(options).sample();
  CHECK(sample.find("#listen: 127.0.0.1:9092\n") != std::string::npos);
  CHECK(sample.find("#limit: 1MiB\n") != std::string::npos);
  CHECK(sample.find("# How much is logged\n# (word, one of debug, info)\n#level: info\n") !=
        std::string::npos);
  CHECK(error_of(sample) == "no error");

  Options read;
  read.backlog = 1;
  Schema schema = schema_of(read);
  const auto loaded = schema.load_text(uncommented(sample), "sample");
  CHECK_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().context));
  CHECK(read.backlog == 128);
  REQUIRE(read.products.size() == 1);
  CHECK(read.products[0].id == "phone");
  CHECK(read.products[0].stock == 100);
}

TEST_CASE("help has every option with unit, limits, default and why") {
  Options options;
  const std::string help = schema_of(options).help();
  CHECK(help.find("  backlog (connections, 1 to 4096; default 128)\n      Waiting for accept\n") !=
        std::string::npos);
  CHECK(help.find("  linger (duration, 0ms to 1s; default 5ms)\n") != std::string::npos);
}
