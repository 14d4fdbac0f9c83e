// How fast the records of a stopped broker's directory are read from its store, in this process:
// by the bare iterator over all of them, or by the LogReader, partition by partition, in pieces.
// usage: scan_bench DATA_DIR iterator|reader PIECE_BYTES, prints one JSON line.

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/log/keys.h"
#include "broker/log/log_reader.h"
#include "broker/log/rocks_store.h"
#include "broker/log/store.h"
#include "shared/base/clock.h"
#include "tests/bench/program.h"
#include "tests/bench/requests.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::string data_dir;
  bool reader = false;
  std::size_t piece_bytes = 0;
};

using Parts = std::map<broker::PartitionId, std::vector<broker::Part>>;

Result<Parts> parts_of(const broker::Store& store) {
  Parts parts;
  const auto cursor = store.cursor(broker::Family::state, 0);
  const Buffer end = broker::state_end(broker::StateKind::part);
  for (cursor->seek(broker::state_key(broker::StateKind::part));
       cursor->valid() && cursor->key() < end; cursor->next()) {
    wire::Reader key(cursor->key().substr(1));
    wire::Reader value(cursor->value());
    const auto partition = key.integer<broker::PartitionId>();
    broker::Part part{.segment = key.integer<broker::Segment>()};
    part.first = value.integer<broker::Offset>();
    part.end = value.integer<broker::Offset>();
    if (!key.finished() || !value.ok()) return fail(Code::corrupt, "a stored part is damaged");
    parts[partition].push_back(part);
  }
  TRY_VOID(cursor->status());
  return parts;
}

Result<std::uint64_t> iterate(const broker::Store& store, std::size_t readahead) {
  std::uint64_t bytes = 0;
  const auto cursor = store.cursor(broker::Family::log, readahead);
  for (cursor->seek(broker::segment_begin(0)); cursor->valid(); cursor->next()) {
    bytes += cursor->value().size();
  }
  TRY_VOID(cursor->status());
  return bytes;
}

Result<std::uint64_t> read_pieces(const broker::Store& store, std::size_t piece_bytes) {
  std::uint64_t bytes = 0;
  TRY(parts, parts_of(store));
  for (const auto& [partition, of_partition] : parts) {
    const broker::Offset end = of_partition.back().end;
    const broker::LogReader reader(store, partition, of_partition, end);
    for (broker::Offset offset = of_partition.front().first; offset < end;) {
      TRY(piece, reader.read(offset, {.bytes_max = piece_bytes, .at_least_one_batch = true}));
      TRY(next, next_offset(piece));
      bytes += piece.size();
      offset = next;
    }
  }
  return bytes;
}

Result<void> run_plan(const Plan& plan) {
  const auto opened = broker::open_rocks_store_read_only(plan.data_dir);
  if (!opened.store) return fail(Code::storage, "the store cannot be opened");
  const SystemClock clock;
  const Instant start = clock.now();
  TRY(bytes, plan.reader ? read_pieces(*opened.store, plan.piece_bytes)
                         : iterate(*opened.store, plan.piece_bytes));
  const double seconds = static_cast<double>((clock.now() - start).count()) / 1e9;
  fmt::print("{{\"bytes\":{},\"mb_s\":{:.1f}}}\n", bytes,
             static_cast<double>(bytes) / seconds / 1e6);
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  Plan plan;
  if (words.size() != 4 || !parse(words[3], plan.piece_bytes)) return std::nullopt;
  plan.data_dir = words[1];
  plan.reader = std::string_view(words[2]) == "reader";
  if (!plan.reader && std::string_view(words[2]) != "iterator") return std::nullopt;
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>({argv, static_cast<std::size_t>(argc)},
                                                 "scan_bench DATA_DIR iterator|reader PIECE_BYTES",
                                                 sluice::bench::plan_of, sluice::bench::run_plan);
}
