// The yardstick of durable throughput: a bare file, appended and fdatasynced a batch at a time.
// usage: raw_log_bench FILE BATCH_BYTES TOTAL_BYTES, prints one JSON line.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::bench {
namespace {

std::optional<std::size_t> parse_size(std::string_view text) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size == 0) return std::nullopt;
  return size;
}

Result<void> write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0) return fail(Code::io, "the file cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
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

int run(std::span<char*> words) {
  const auto batch = words.size() == 4 ? parse_size(words[2]) : std::nullopt;
  const auto total = words.size() == 4 ? parse_size(words[3]) : std::nullopt;
  if (!batch || !total) {
    fmt::print(stderr, "usage: raw_log_bench FILE BATCH_BYTES TOTAL_BYTES\n");
    return 2;
  }
  const int file = ::open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) {
    fmt::print(stderr, "{} cannot be opened\n", words[1]);
    return 1;
  }
  const auto seconds = append_and_sync(file, *batch, *total);
  ::close(file);
  if (!seconds) {
    fmt::print(stderr, "{}\n", seconds.error().context);
    return 1;
  }
  const std::size_t syncs = (*total + *batch - 1) / *batch;
  fmt::print("{{\"seconds\":{:.6f},\"bytes\":{},\"syncs\":{}}}\n", *seconds, syncs * *batch, syncs);
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run({argv, static_cast<std::size_t>(argc)});
}
