// sim: deterministic simulation of broker, frontend and worker. One line per seed; a failure names
// the seed and how to see it again.
//
//   sim [--seed=N | --seeds=N] [--ticks=N] [--plant=NAME] [--expect-caught] [--verbose]

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "shared/log/log.h"
#include "tests/sim/world.h"

namespace sluice::sim {
namespace {

struct Arguments {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 24;
  std::size_t ticks = 8'000;
  Plant plant = Plant::none;
  std::string plant_name;
  bool expect_caught = false;
  bool verbose = false;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Plant> plant_named(std::string_view name) {
  if (name == "early-ack") return Plant::early_ack;
  if (name == "release-unknown") return Plant::release_unknown;
  if (name == "lost-outcome") return Plant::lost_outcome;
  if (name == "lost-expiry") return Plant::lost_expiry;
  if (name == "no-recall") return Plant::no_recall;
  if (name == "lost-producers") return Plant::lost_producers;
  return std::nullopt;
}

bool take(std::string_view argument, Arguments& arguments) {
  const auto equals = argument.find('=');
  const std::string_view name = argument.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
  if (name == "--expect-caught") return arguments.expect_caught = true;
  if (name == "--verbose") return arguments.verbose = true;
  if (name == "--plant") {
    const auto plant = plant_named(value);
    arguments.plant = plant.value_or(Plant::none);
    arguments.plant_name = value;
    return plant.has_value();
  }
  const auto count = number(value);
  if (!count) return false;
  if (name == "--seed") {
    arguments.first_seed = *count;
    arguments.seeds = 1;
  } else if (name == "--seeds") {
    arguments.seeds = *count;
  } else if (name == "--ticks") {
    arguments.ticks = *count;
  } else {
    return false;
  }
  return true;
}

void print(std::uint64_t seed, const RunReport& report) {
  fmt::print(
      "seed {}: {} ticks, {} records, {} orders ({} void), {} broker crashes, {} shops, {} "
      "workers{}\n",
      seed, report.ticks, report.records, report.orders, report.voided, report.broker_crashes,
      report.shops, report.desks, report.failure ? ": FAILED" : "");
}

int run(const Arguments& arguments, std::string_view program) {
  int passed = 0;
  int failed = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.first_seed + i;
    const RunReport report = World(seed, arguments.plant).run(arguments.ticks);
    if (arguments.verbose || (report.failure && !arguments.expect_caught)) print(seed, report);
    if (!report.failure) {
      ++passed;
      continue;
    }
    ++failed;
    fmt::print("  {}\n  replay: {} --seed={} --ticks={}{}{}\n", *report.failure, program, seed,
               arguments.ticks,
               arguments.plant_name.empty() ? "" : " --plant=", arguments.plant_name);
    if (arguments.expect_caught) break;  // once is enough
  }
  if (!arguments.expect_caught) {
    fmt::print("sim: {} passed, {} failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
  }
  fmt::print("{}: the planted bug was {}\n", arguments.plant_name, failed ? "caught" : "MISSED");
  fmt::print("sim: {} passed, {} failed\n", failed ? 1 : 0, failed ? 0 : 1);
  return failed ? 0 : 1;
}

}  // namespace
}  // namespace sluice::sim

int main(int count, char** words) {
  sluice::sim::Arguments arguments;
  for (int i = 1; i < count; ++i) {
    if (sluice::sim::take(words[i], arguments)) continue;
    fmt::print(stderr, "unknown argument {}\n", words[i]);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was found is seen even when a timeout ends it
  sluice::log::start("sim", sluice::log::Level::error);
  return sluice::sim::run(arguments, words[0]);
}
