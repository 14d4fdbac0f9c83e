// The yardstick of durable throughput: a bare file, appended and fdatasynced a batch at a time.
// usage: raw_log_bench FILE BATCH_BYTES TOTAL_BYTES, prints one JSON line.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::string file;
  std::size_t batch_bytes = 0;
  std::size_t total_bytes = 0;
};

std::optional<Plan> plan_of(std::span<char*> words) {
  if (words.size() != 4) return std::nullopt;
  Plan plan{.file = words[1]};
  if (!parse(words[2], plan.batch_bytes) || !parse(words[3], plan.total_bytes)) return std::nullopt;
  if (plan.batch_bytes == 0 || plan.total_bytes == 0) return std::nullopt;
  return plan;
}

// The seconds that all batches took.
Result<double> append_and_sync(int file, std::size_t batch_bytes, std::size_t total_bytes) {
  const std::string batch(batch_bytes, 'x');
  const SystemClock clock;
  const Instant start = clock.now();
  for (std::size_t done = 0; done < total_bytes; done += batch_bytes) {
    TRY_VOID(write_all(file, batch));
    if (::fdatasync(file) != 0) return fail(Code::io, "the file cannot be synced");
  }
  return static_cast<double>((clock.now() - start).count()) / 1e9;
}

Result<void> run_plan(const Plan& plan) {
  const int file = ::open(plan.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return fail(Code::io, fmt::format("{} cannot be opened", plan.file));
  const auto seconds = append_and_sync(file, plan.batch_bytes, plan.total_bytes);
  ::close(file);
  if (!seconds) return std::unexpected(seconds.error());
  const std::size_t syncs = (plan.total_bytes + plan.batch_bytes - 1) / plan.batch_bytes;
  fmt::print("{{\"seconds\":{:.6f},\"bytes\":{},\"syncs\":{}}}\n", *seconds,
             syncs * plan.batch_bytes, syncs);
  return {};
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>({argv, static_cast<std::size_t>(argc)},
                                                 "raw_log_bench FILE BATCH_BYTES TOTAL_BYTES",
                                                 sluice::bench::plan_of, sluice::bench::run_plan);
}
