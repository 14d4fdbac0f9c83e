#include "worker/payment_watch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "shared/base/random.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kInterval = PaymentWatch::kInterval.count();
constexpr std::int64_t kAgain = PaymentWatch::kAgainAfter.count();

std::vector<Unpaid> unpaid(std::vector<std::int64_t> deadlines) {
  std::vector<Unpaid> list;
  for (const std::int64_t at : deadlines) list.push_back({std::to_string(at), "phone", 0, at});
  return list;
}

std::vector<std::int64_t> called_off(PaymentWatch& watch, std::vector<Unpaid> list,
                                     std::int64_t now) {
  std::vector<std::int64_t> deadlines;
  for (const Unpaid& order : watch.overdue(std::move(list), {now})) {
    deadlines.push_back(order.deadline);
  }
  return deadlines;
}

using Deadlines = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("what was there before is asked for at once, then nothing until there is something") {
  PaymentWatch watch;
  CHECK(watch.ask_at() == 0);
  CHECK(called_off(watch, {}, 1'000).empty());
  CHECK(watch.ask_at() == kNever);
  watch.placed(0);
  CHECK(watch.ask_at() == kNever);
  watch.placed(9'000);
  watch.placed(8'000);
  watch.placed(9'500);
  CHECK(watch.ask_at() == 8'000);
  watch.look_again();
  CHECK(watch.ask_at() == 0);
}

TEST_CASE("what is due is called off, and what is not says when to ask") {
  PaymentWatch watch;
  CHECK(called_off(watch, unpaid({900, 1'000, 1'001, 2'000}), 1'000) == Deadlines{900, 1'000});
  CHECK(watch.ask_at() == 1'000 + kInterval);  // not sooner
  CHECK(called_off(watch, unpaid({900, 1'000, 1'001, 2'000}), 1'020) == Deadlines{1'001});
  CHECK(watch.ask_at() == 2'000);
  watch.placed(1'030);
  CHECK(watch.ask_at() == 1'020 + kInterval);
}

TEST_CASE("what stays unpaid is called off again after a while, and not what came back") {
  PaymentWatch watch;
  CHECK(called_off(watch, unpaid({1, 2}), 1'000).size() == 2);
  CHECK(watch.ask_at() == 1'000 + kAgain);
  CHECK(called_off(watch, unpaid({2, 3}), 2'000) == Deadlines{3});
  CHECK(watch.ask_at() == 1'000 + kAgain);
  CHECK(called_off(watch, unpaid({2, 3}), 1'000 + kAgain) == Deadlines{2});
  CHECK(called_off(watch, {}, 12'000).empty());
  CHECK(watch.ask_at() == kNever);
  CHECK(called_off(watch, unpaid({2}), 12'100) == Deadlines{2});  // it was gone in between
}

TEST_CASE("when more is due than was asked for, those that end make room") {
  PaymentWatch watch;
  Deadlines all;
  for (std::size_t i = 0; i < PaymentWatch::kMost; ++i) all.push_back(1'000);
  CHECK(called_off(watch, unpaid(all), 2'000).size() == all.size());
  CHECK(watch.ask_at() == 2'000 + kAgain);
  watch.ended();
  CHECK(watch.ask_at() == 2'000 + kInterval);
  all.back() = 5'000;  // the last is to come: there are no others
  static_cast<void>(called_off(watch, unpaid(all), 3'000));
  CHECK(watch.ask_at() == 5'000);
  watch.ended();
  CHECK(watch.ask_at() == 5'000);
}

// A table whose rows come, are paid, and expire when the record that says so is not lost.
TEST_CASE("none is called off early, and all are in the end") {
  SeededRandom random(7);
  for (int run = 0; run < 60; ++run) {
    CAPTURE(run);
    PaymentWatch watch;
    std::map<std::string, std::int64_t> rows;
    std::vector<std::string> on_their_way;
    std::int64_t now = 1'000;
    for (int step = 0; step < 400 || (!rows.empty() && step < 100'000); ++step) {
      now += static_cast<std::int64_t>(random.below(step < 400 ? 30 : 3'000));
      if (step < 400 && random.below(2) == 0) {
        const std::int64_t deadline = now + static_cast<std::int64_t>(random.below(2'000));
        rows.emplace(std::to_string(step), deadline);
        watch.placed(deadline);
      }
      if (!rows.empty() && random.below(20) == 0) rows.erase(rows.begin());  // paid
      for (const std::string& id : std::exchange(on_their_way, {})) rows.erase(id);
      watch.ended();
      if (now < watch.ask_at()) continue;
      std::vector<Unpaid> list;
      for (const auto& [id, deadline] : rows) list.push_back({id, "phone", 0, deadline});
      std::ranges::sort(list, {}, &Unpaid::deadline);
      for (const Unpaid& order : watch.overdue(std::move(list), {now})) {
        REQUIRE(order.deadline <= now);
        if (random.below(4) != 0) on_their_way.push_back(order.order_id);
      }
    }
    CHECK(rows.empty());
  }
}
