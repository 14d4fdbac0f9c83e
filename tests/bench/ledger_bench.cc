// Writes the ledger of many orders to a broker: an epoch, the sales, then each order's reserve and,
// some hundred records behind it and unless the orders are only `reserved`, its `placed`.
// usage: ledger_bench SERVERS PARTITIONS SALES ORDERS placed|reserved
// prints one JSON line.

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/producer.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"
#include "tests/bench/order_facts.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::string servers;
  std::int32_t partitions = 1;
  std::int64_t sales = 1;
  std::int64_t orders = 0;
  bool placed = true;
};

constexpr std::int64_t kPlacedBehind = 500;
constexpr std::int64_t kOutstandingMax = 80'000;

class Writer {
 public:
  Writer(const Plan& plan, client::Producer& producer) : plan_(plan), producer_(producer) {}

  Result<void> run() {
    for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) {
      TRY_VOID(send(ledger::Epoch{.epoch = 1, .writer = "bench"}, partition));
    }
    for (std::int64_t n = 0; n < plan_.sales; ++n) {
      TRY_VOID(send(sale_named(sale(n), plan_.orders)));
    }
    for (std::int64_t n = 0; n < plan_.orders + kPlacedBehind; ++n) {
      if (n < plan_.orders) TRY_VOID(send(reserve_of(sale(n), n)));
      const std::int64_t placed = n - kPlacedBehind;
      if (placed < 0 || !plan_.placed) continue;
      const ledger::Reserve reserve = reserve_of(sale(placed), placed);
      TRY_VOID(send(ledger::Placed{.order = reserve.order, .sale = reserve.sale}));
    }
    std::unique_lock lock(mutex_);
    landed_.wait(lock, [this] { return outstanding_ == 0 || error_; });
    if (error_) return std::unexpected(*error_);
    return {};
  }

  std::int64_t records() const { return records_; }

 private:
  std::string sale(std::int64_t number) const {
    return fmt::format("bench-{}", number % plan_.sales);
  }

  Result<void> send(const ledger::Event& event) {
    return send(event, ledger::partition_of(ledger::sale_of(event), plan_.partitions));
  }

  Result<void> send(const ledger::Event& event, std::int32_t partition) {
    {
      std::unique_lock lock(mutex_);
      landed_.wait(lock, [this] { return outstanding_ < kOutstandingMax || error_; });
      if (error_) return std::unexpected(*error_);
      ++outstanding_;
    }
    ++records_;
    return producer_.send({.topic = std::string(ledger::kOrdersTopic),
                           .partition = partition,
                           .key = ledger::key_of(event),
                           .value = ledger::encode(event),
                           .headers = {}},
                          [this](client::Delivery delivery) { land(std::move(delivery)); });
  }

  void land(client::Delivery delivery) {
    const std::lock_guard lock(mutex_);
    --outstanding_;
    if (delivery.outcome != client::Outcome::persisted && !error_) {
      error_ = delivery.error.value_or(Error{Code::unavailable, "a record was not persisted"});
    }
    landed_.notify_one();
  }

  const Plan& plan_;
  client::Producer& producer_;
  std::int64_t records_ = 0;
  std::mutex mutex_;
  std::condition_variable landed_;
  std::int64_t outstanding_ = 0;  // guarded by mutex_
  std::optional<Error> error_;    // guarded by mutex_
};

Result<void> run_plan(const Plan& plan) {
  const SystemClock clock;
  TRY(producer,
      client::Producer::open({.bootstrap_servers = plan.servers, .client_id = "bench", .extra = {}},
                             {.linger = Millis(5)}));
  producer->look_up(std::string(ledger::kOrdersTopic), Millis(10'000));
  const Instant start = clock.now();
  Writer writer(plan, *producer);
  TRY_VOID(writer.run());
  fmt::print("{{\"seconds\":{:.3f},\"records\":{}}}\n",
             static_cast<double>((clock.now() - start).count()) / 1e9, writer.records());
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  if (words.size() != 6) return std::nullopt;
  Plan plan{.servers = words[1]};
  if (!parse(words[2], plan.partitions) || !parse(words[3], plan.sales) ||
      !parse(words[4], plan.orders)) {
    return std::nullopt;
  }
  const std::string_view state = words[5];
  if (state != "placed" && state != "reserved") return std::nullopt;
  plan.placed = state == "placed";
  if (plan.partitions <= 0 || plan.sales <= 0 || plan.orders < 0) return std::nullopt;
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>(
      {argv, static_cast<std::size_t>(argc)},
      "ledger_bench SERVERS PARTITIONS SALES ORDERS placed|reserved", sluice::bench::plan_of,
      sluice::bench::run_plan);
}
