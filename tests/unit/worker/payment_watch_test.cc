#include "worker/payment_watch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "shared/base/random.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

constexpr Millis kNow(0);
constexpr Millis kIdle = PaymentWatch::kIdle;
constexpr Millis kInterval = PaymentWatch::kInterval;
constexpr Millis kAgain = PaymentWatch::kAgainAfter;

std::vector<Unpaid> unpaid(std::vector<std::int64_t> deadlines) {
  std::vector<Unpaid> list;
  for (const std::int64_t at : deadlines) list.push_back({std::to_string(at), "phone", at});
  return list;
}

// A watch, and both clocks at the same milliseconds until somebody sets the one on the wall.
struct Watched {
  PaymentWatch watch;
  std::int64_t ahead = 0;

  static Instant instant(std::int64_t at) { return Instant{} + Millis(at); }
  Millis until_ask(std::int64_t at) const {
    return watch.until_ask(instant(at), WallTime{at + ahead});
  }
  // Which of the deadlines are called off, all that the answer asks for.
  std::vector<std::int64_t> ask(std::vector<Unpaid> list, std::int64_t at) {
    std::vector<std::int64_t> deadlines;
    for (const Unpaid& order : watch.due(std::move(list), instant(at), WallTime{at + ahead})) {
      watch.called_off(order.order_id, instant(at));
      deadlines.push_back(order.deadline);
    }
    return deadlines;
  }
};

using Deadlines = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("what was there before is asked for at once, then nothing until there is something") {
  Watched w;
  CHECK(w.until_ask(0) == kNow);
  CHECK(w.ask({}, 1'000).empty());
  CHECK(w.until_ask(1'100) == kIdle);
  w.watch.placed(0);
  CHECK(w.until_ask(1'100) == kIdle);
  w.watch.placed(9'000);
  w.watch.placed(8'000);
  w.watch.placed(9'500);
  CHECK(w.until_ask(1'100) == Millis(6'900));
  CHECK(w.until_ask(8'000) == kNow);
  w.watch.look_again();
  CHECK(w.until_ask(1'100) == kNow);
}

TEST_CASE("what is due is called off, and what is not says when to ask") {
  Watched w;
  CHECK(w.ask(unpaid({900, 1'000, 1'001, 2'000}), 1'000) == Deadlines{900, 1'000});
  CHECK(w.until_ask(1'000) == kInterval);  // not sooner
  CHECK(w.until_ask(1'020) == kNow);
  CHECK(w.ask(unpaid({900, 1'000, 1'001, 2'000}), 1'020) == Deadlines{1'001});
  CHECK(w.until_ask(1'100) == Millis(900));
  w.watch.placed(1'030);
  CHECK(w.until_ask(1'020) == kInterval);
}

TEST_CASE("what stays unpaid is called off again after a while, and not what came back") {
  Watched w;
  CHECK(w.ask(unpaid({1, 2}), 1'000).size() == 2);
  CHECK(w.until_ask(1'100) == kAgain - Millis(100));
  CHECK(w.ask(unpaid({2, 3}), 2'000) == Deadlines{3});
  CHECK(w.until_ask(2'000) == kAgain - Millis(1'000));
  CHECK(w.ask(unpaid({2, 3}), 1'000 + kAgain.count()) == Deadlines{2});
  CHECK(w.ask({}, 12'000).empty());
  CHECK(w.until_ask(12'100) == kIdle);
  CHECK(w.ask(unpaid({2}), 12'200) == Deadlines{2});  // it was gone in between
}

TEST_CASE("what could not be sent is named again") {
  Watched w;
  CHECK(w.watch.due(unpaid({1, 2}), Watched::instant(1'000), WallTime{1'000}).size() == 2);
  w.watch.called_off("1", Watched::instant(1'000));
  w.watch.look_again();
  CHECK(w.until_ask(1'000) == kInterval);
  CHECK(w.ask(unpaid({1, 2}), 1'020) == Deadlines{2});
}

TEST_CASE("when more is due than was asked for, those that end make room") {
  Watched w;
  std::vector<Unpaid> all;
  for (std::size_t i = 0; i < PaymentWatch::kMost; ++i) {
    all.push_back({std::to_string(i), "phone", 1'000});
  }
  CHECK(w.ask(all, 2'000).size() == all.size());
  CHECK(w.until_ask(2'100) == kAgain - Millis(100));
  w.watch.written();
  CHECK(w.until_ask(2'100) == kNow);
  all.back().deadline = 5'000;  // the last is to come: there are no others
  CHECK(w.ask(all, 3'000).empty());
  w.watch.written();
  CHECK(w.until_ask(3'100) == Millis(1'900));
}

TEST_CASE("a wall clock that was ahead for a while holds nothing up") {
  Watched w;
  w.ahead = 86'400'000;
  CHECK(w.ask(unpaid({86'400'500}), 1'000) == Deadlines{86'400'500});
  w.ahead = 0;
  w.watch.placed(5'000);
  CHECK(w.until_ask(2'000) == Millis(3'000));
  CHECK(w.until_ask(5'000) == kNow);
  CHECK(w.ask(unpaid({5'000, 86'400'500}), 5'000) == Deadlines{5'000});
}

// A table whose rows come, are paid, and expire when the record that says so is not lost.
TEST_CASE("none is called off early, and all are in the end") {
  SeededRandom random(7);
  for (int run = 0; run < 60; ++run) {
    CAPTURE(run);
    Watched w;
    std::map<std::string, std::int64_t> rows;
    std::vector<std::string> on_their_way;
    std::int64_t now = 1'000;
    for (int step = 0; step < 400 || (!rows.empty() && step < 100'000); ++step) {
      now += static_cast<std::int64_t>(random.below(step < 400 ? 30 : 3'000));
      if (random.below(50) == 0) w.ahead = static_cast<std::int64_t>(random.below(1'000));
      if (step < 400 && random.below(2) == 0) {
        const std::int64_t deadline = now + static_cast<std::int64_t>(random.below(2'000));
        rows.emplace(std::to_string(step), deadline);
        w.watch.placed(deadline);
      }
      if (!rows.empty() && random.below(20) == 0) rows.erase(rows.begin());  // paid
      for (const std::string& id : std::exchange(on_their_way, {})) rows.erase(id);
      w.watch.written();
      if (w.until_ask(now) > Millis(0)) continue;
      std::vector<Unpaid> list;
      for (const auto& [id, deadline] : rows) list.push_back({id, "phone", deadline});
      std::ranges::sort(list, {}, &Unpaid::deadline);
      const WallTime wall{now + w.ahead};
      for (const Unpaid& order : w.watch.due(std::move(list), Watched::instant(now), wall)) {
        REQUIRE(order.deadline <= wall.unix_millis);
        if (random.below(8) == 0) {  // the sender takes nothing
          w.watch.look_again();
          break;
        }
        w.watch.called_off(order.order_id, Watched::instant(now));
        if (random.below(4) != 0) on_their_way.push_back(order.order_id);
      }
    }
    CHECK(rows.empty());
  }
}
