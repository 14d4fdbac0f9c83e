// What reading a ledger costs without a broker: decoding the facts of many orders, and folding
// them; and what a snapshot of the fold costs. usage: fold_bench ORDERS
// prints one JSON line: nanoseconds of CPU an event (there are two an order), milliseconds and
// bytes of the snapshot.

#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/fold_snapshot.h"
#include "tests/bench/order_facts.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::int64_t orders = 0;
};

std::vector<Buffer> facts_of(std::int64_t orders) {
  std::vector<Buffer> facts;
  facts.push_back(ledger::encode(ledger::Epoch{.epoch = 1, .writer = "bench"}));
  facts.push_back(ledger::encode(sale_named("bench", orders)));
  for (std::int64_t n = 0; n < orders; ++n) {
    const ledger::Reserve reserve = reserve_of("bench", n);
    facts.push_back(ledger::encode(reserve));
    facts.push_back(ledger::encode(ledger::Placed{.order = reserve.order, .sale = "bench"}));
  }
  return facts;
}

Result<void> run_plan(const Plan& plan) {
  const std::vector<Buffer> facts = facts_of(plan.orders);
  const auto seconds = [](std::clock_t start) {
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  const auto since = [&](std::clock_t start) {
    return seconds(start) * 1e9 / static_cast<double>(facts.size());
  };
  std::clock_t start = std::clock();
  for (const Buffer& fact : facts) TRY_VOID(ledger::decode(fact));
  const double decoding = since(start);
  start = std::clock();
  ledger::FoldedLog log;
  std::int64_t offset = 0;
  for (const Buffer& fact : facts) {
    TRY(event, ledger::decode(fact));
    log.fold.apply(offset++, event);
  }
  const double both = since(start);
  log.seam.offset = offset - 1;
  start = std::clock();
  const Buffer snapshot = ledger::encode_snapshot(log);
  const double writing = seconds(start) * 1e3;
  start = std::clock();
  TRY(read, ledger::decode_snapshot(snapshot));
  const double reading = seconds(start) * 1e3;
  if (read.fold.find_sale("bench")->held != plan.orders) {
    return fail(Code::corrupt, "orders are lost");
  }
  fmt::print(
      "{{\"events\":{},\"decode_ns\":{:.0f},\"decode_and_fold_ns\":{:.0f},"
      "\"snapshot_write_ms\":{:.0f},\"snapshot_read_ms\":{:.0f},\"snapshot_bytes\":{}}}\n",
      facts.size(), decoding, both, writing, reading, snapshot.size());
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  Plan plan;
  if (words.size() != 2 || !parse(words[1], plan.orders) || plan.orders < 1) return std::nullopt;
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>({argv, static_cast<std::size_t>(argc)},
                                                 "fold_bench ORDERS", sluice::bench::plan_of,
                                                 sluice::bench::run_plan);
}
