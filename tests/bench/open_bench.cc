// What the opening of a directory that a broker left behind takes: looking at its files, which no
// start does without, and then RocksDB's own opening with the replay of the write-ahead log.
// usage: open_bench DATA_DIR, prints one JSON line. Changes the directory as a start does.

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "broker/log/rocks_store.h"
#include "broker/log/rocks_store_files.h"
#include "shared/base/clock.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::string data_dir;
};

Result<void> run_plan(const Plan& plan) {
  const SystemClock clock;
  const Instant start = clock.now();
  const broker::FilesReport files = broker::check_start_files(plan.data_dir);
  const Instant checked = clock.now();
  const auto store = broker::open_rocks_store({.path = plan.data_dir});
  const Instant opened = clock.now();
  if (!store) return std::unexpected(store.error());
  const auto millis = [](auto time) { return static_cast<double>(time.count()) / 1e6; };
  // The open looks at the files once more itself.
  fmt::print("{{\"log_bytes\":{},\"check_ms\":{:.1f},\"replay_ms\":{:.1f}}}\n", files.log_bytes,
             millis(checked - start), millis((opened - checked) - (checked - start)));
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  if (words.size() != 2) return std::nullopt;
  return Plan{.data_dir = words[1]};
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>({argv, static_cast<std::size_t>(argc)},
                                                 "open_bench DATA_DIR", sluice::bench::plan_of,
                                                 sluice::bench::run_plan);
}
