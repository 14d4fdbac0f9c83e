#include "shared/config/command_line.h"

#include <doctest/doctest.h>

#include <vector>

#include "shared/config/schema.h"

using namespace sluice;
using namespace sluice::config;

namespace {

struct Run {
  std::string listen = "127.0.0.1:1";
  CommandLine line;
};

Run run(std::vector<const char*> arguments) {
  Run run;
  Schema schema("sluice-test", "A program for this test");
  schema.add("listen", run.listen, "host:port", "Where clients connect");
  schema.add_rule([&run]() -> Result<void> {
    if (run.listen == "nowhere") return fail(Code::invalid, "listen must be somewhere");
    return {};
  });
  arguments.insert(arguments.begin(), "sluice-test");
  run.line = parse_command_line(schema, static_cast<int>(arguments.size()), arguments.data());
  return run;
}

}  // namespace

TEST_CASE("without arguments the program runs with its defaults") {
  const Run r = run({});
  CHECK(r.line.run);
  CHECK(r.listen == "127.0.0.1:1");
}

TEST_CASE("the last --set wins") {
  const Run r = run({"--set", "listen=a:1", "--set=listen=b:2"});
  CHECK(r.line.run);
  CHECK(r.listen == "b:2");
}

TEST_CASE("help, version, sample and check print to stdout and exit 0") {
  for (const auto& [flag, expected] : std::vector<std::pair<const char*, const char*>>{
           {"--help", "Usage: sluice-test"},
           {"--version", "sluice-test " SLUICE_VERSION "\n"},
           {"--sample-config", "#listen: 127.0.0.1:1"},
           {"--check-config", "is right"}}) {
    CAPTURE(flag);
    const Run r = run({flag});
    CHECK_FALSE(r.line.run);
    CHECK(r.line.exit_code == 0);
    CHECK(r.line.out.find(expected) != std::string::npos);
    CHECK(r.line.err.empty());
  }
}

TEST_CASE("mistakes exit 2 and say on stderr what is wrong") {
  for (const auto& [arguments, expected] :
       std::vector<std::pair<std::vector<const char*>, const char*>>{
           {{"--lisen"}, "--lisen"},
           {{"stray"}, "stray"},
           {{"--set"}, "--set"},
           {{"--set", "lisen=x"}, "did you mean \"listen\"?"},
           {{"--set", "listen=nowhere"}, "listen must be somewhere"},
           {{"--config", "/nonexistent.yaml"}, "/nonexistent.yaml: the file cannot be read"}}) {
    CAPTURE(expected);
    const Run r = run(arguments);
    CHECK_FALSE(r.line.run);
    CHECK(r.line.exit_code == 2);
    CHECK(r.line.out.empty());
    CHECK(r.line.err.starts_with("sluice-test: "));
    CHECK(r.line.err.find(expected) != std::string::npos);
  }
}
