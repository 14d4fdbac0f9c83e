// The waiting line: by cases, and by the million against a model that remembers everybody.

#include "frontend/waiting_line.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "shared/base/random.h"

namespace sluice::frontend {

namespace {

using State = WaitingLine::Place::State;

constexpr std::int64_t kStart = 1'700'000'000'000;

// Its first record written, as a shell does it.
WaitingLine new_line(std::int64_t rate, std::int64_t now, bool starts) {
  WaitingLine line({.secret = "secret", .rate = rate}, now);
  line.confirm(*line.due(now, starts, rate));
  return line;
}

void renew(WaitingLine& line, std::int64_t now, std::int64_t rate) {
  if (const auto record = line.due(now, true, rate)) line.confirm(*record);
}

std::int64_t must_take(WaitingLine& line, std::int64_t now) {
  const auto number = line.take(now);
  REQUIRE(number);
  return *number;
}

}  // namespace

TEST_CASE("before the start nobody has a place; at the start all have one, drawn by lot") {
  auto line = new_line(10, kStart - 5'000, false);
  std::vector<std::int64_t> numbers;
  for (int i = 0; i < 100; ++i) {
    if (const auto record = line.due(kStart - 4'000, false, 10)) line.confirm(*record);
    numbers.push_back(must_take(line, kStart - 4'000));
  }
  for (const auto number : numbers) {
    const auto place = line.place(number, kStart - 1);
    CHECK(place.state == State::waiting);
    CHECK(!place.position);
    CHECK(!place.wait_ms);
  }
  renew(line, kStart, 10);
  const auto late = must_take(line, kStart);
  std::set<std::int64_t> positions;
  std::int64_t called = 0;
  bool in_order_of_arrival = true;
  std::int64_t before = -1;
  for (const auto number : numbers) {
    const auto place = line.place(number, kStart);
    const auto position = place.position.value_or(0);
    called += place.state == State::called ? 1 : 0;
    CHECK(positions.insert(position).second);
    in_order_of_arrival = in_order_of_arrival && position > before;
    before = position;
    CHECK(position < *line.place(late, kStart).position);
  }
  CHECK(called == 1);
  CHECK(positions.size() == 100);
  CHECK(*positions.rbegin() == 99);
  CHECK(!in_order_of_arrival);
}

TEST_CASE("the wait that is told is the wait") {
  auto line = new_line(3, kStart, true);
  for (int i = 0; i < 20; ++i) {
    renew(line, kStart, 3);
    must_take(line, kStart);
  }
  for (std::int64_t number = 1; number < 20; ++number) {
    CAPTURE(number);
    const auto place = line.place(number, kStart);
    CHECK(place.position == number);
    REQUIRE(place.wait_ms);
    CHECK(line.place(number, kStart + *place.wait_ms - 1).state == State::waiting);
    CHECK(line.place(number, kStart + *place.wait_ms).state == State::called);
    CHECK(*place.wait_ms == (number * 1'000 + 2) / 3);
  }
}

TEST_CASE("an idle line saves nothing up: a crowd that comes later comes in at the rate") {
  auto line = new_line(2, kStart, true);
  const std::int64_t hour = kStart + 3'600'000;
  int called = 0;
  for (int i = 0; i < 50; ++i) {
    renew(line, hour, 2);
    called += line.place(must_take(line, hour), hour).state == State::called ? 1 : 0;
  }
  CHECK(called == 1);
}

TEST_CASE("whoever was called has ten minutes") {
  auto line = new_line(2, kStart, true);
  const auto number = must_take(line, kStart);
  CHECK(line.place(number, kStart + 600'000).state == State::called);
  CHECK(line.place(number, kStart + 601'000).state == State::over);
}

TEST_CASE("another rate holds from then on, for those who wait, too") {
  auto line = new_line(10, kStart, true);
  std::int64_t last = 0;
  for (int i = 0; i < 101; ++i) {
    renew(line, kStart, 10);
    last = must_take(line, kStart);
  }
  CHECK(line.place(last, kStart).wait_ms == 10'000);
  renew(line, kStart + 5'000, 1);  // half of them are called
  CHECK(line.place(last, kStart + 5'000).position == 50);
  CHECK(line.place(last, kStart + 5'000).wait_ms == 50'000);
  renew(line, kStart + 15'000, 100);
  CHECK(line.place(last, kStart + 15'000).position == 40);
  CHECK(line.place(last, kStart + 15'000).wait_ms == 400);
}

TEST_CASE(
    "without a record there are few numbers, and a record brings more of them when many come") {
  WaitingLine line({.secret = "secret", .rate = 5}, kStart - 1'000);
  CHECK(!line.take(kStart - 1'000));
  std::int64_t given = 0;
  std::int64_t before = 0;
  for (int round = 0; round < 12; ++round) {
    if (const auto record = line.due(kStart - 1'000, false, 5)) line.confirm(*record);
    before = given;
    while (given < 1'000'000 && line.take(kStart - 1'000)) ++given;
  }
  CHECK(given - before == 100'000);  // the most
}

TEST_CASE("a line that is short writes nothing") {
  auto line = new_line(10, kStart, true);
  int records = 0;
  for (std::int64_t now = kStart; now < kStart + 600'000; now += 100) {
    if (const auto record = line.due(now, true, 10)) {
      ++records;
      line.confirm(*record);
    }
    if (now % 300 == 0) CHECK(line.place(must_take(line, now), now).state == State::called);
  }
  CHECK(records <= 1);
}

namespace {

// Processes that come and go, with a log that may or may not have taken the last record.
class Life {
 public:
  explicit Life(std::uint64_t seed)
      : random_(seed),
        log_({.secret = fmt::format("{}", seed), .rate = rate_}),
        line_(log_, now_) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      now_ += static_cast<std::int64_t>(random_.below(120));
      switch (random_.below(12)) {
        case 0:
        case 1:
        case 2:
          write();
          break;
        case 3:
          if (random_.below(10) == 0) crash();
          break;
        case 4:
          if (random_.below(40) == 0) rate_ = 1 + static_cast<std::int64_t>(random_.below(30));
          break;
        default:
          arrive();
      }
      if (step % 4 == 0) look();
    }
  }

  std::size_t arrived() const { return numbers_.size(); }

 private:
  void arrive() {
    const auto number = line_.take(now_);
    if (!number) return;
    REQUIRE_MESSAGE(!times_.contains(*number), "given out twice");
    // In the order of arrival, whatever process gave it.
    if (!numbers_.empty()) REQUIRE(*number > numbers_.back());
    numbers_.push_back(*number);
    times_[*number] = now_;
  }

  void write() {
    if (const auto record = line_.due(now_, now_ >= kStart, rate_)) {
      // While it is on its way others come.
      for (auto more = random_.below(4); more > 0; --more) arrive();
      log_ = *record;
      if (random_.below(5) == 0) return crash();
      line_.confirm(*record);
    }
  }

  void crash() {
    line_ = WaitingLine(log_, now_ += 1 + static_cast<std::int64_t>(random_.below(5)));
  }

  // At most as many as the rates allow are called, the early before the late, and nobody twice.
  void look() {
    if (!line_.started()) return;
    if (!opened_) opened_ = now_;
    const std::int64_t early = line_.durable().shuffled;
    std::set<std::int64_t> positions;
    std::int64_t early_last = 0;
    std::int64_t late_first = std::numeric_limits<std::int64_t>::max();
    std::int64_t late_before = 0;
    // The newest only: the others were looked at before.
    const std::size_t first = numbers_.size() > 60 ? numbers_.size() - 60 : 0;
    for (std::size_t i = first; i < numbers_.size(); ++i) {
      const auto place = line_.place(numbers_[i], now_);
      if (place.state != State::waiting) continue;
      REQUIRE(positions.insert(*place.position).second);
      if (numbers_[i] < early) {
        early_last = std::max(early_last, *place.position);
      } else {
        late_first = std::min(late_first, *place.position);
        REQUIRE(*place.position > late_before);  // first come, first served
        late_before = *place.position;
      }
    }
    REQUIRE(early_last < late_first);
  }

  SeededRandom random_;
  std::int64_t now_ = kStart - 8'000;
  std::int64_t rate_ = 7;
  LineRecord log_;
  WaitingLine line_;
  std::vector<std::int64_t> numbers_;
  std::map<std::int64_t, std::int64_t> times_;
  std::optional<std::int64_t> opened_;
};

}  // namespace

TEST_CASE("through crashes and changes of the rate: no number twice, the order stays") {
  std::size_t arrived = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Life life(seed);
    life.run(1'000);
    arrived += life.arrived();
  }
  CHECK(arrived > 30'000);
}

TEST_CASE("never more than the rate are let in, and a crash lets in nobody twice") {
  constexpr std::int64_t kRate = 20;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    LineRecord log{.secret = "s", .rate = kRate};
    WaitingLine line(log, kStart - 1'000);
    std::set<std::int64_t> waiting;
    std::vector<std::int64_t> calls;  // when somebody was called
    for (std::int64_t now = kStart - 1'000; now < kStart + 60'000; now += 10) {
      if (const auto record = line.due(now, now >= kStart, kRate)) {
        log = *record;
        line.confirm(*record);
      }
      if (random.below(500) == 0) line = WaitingLine(log, now);
      // Crowds and lulls.
      const bool crowded = now / 5'000 % 2 == 0;
      for (auto more = random.below(crowded ? 3 : 2) * random.below(2); more > 0; --more) {
        if (const auto number = line.take(now)) waiting.insert(*number);
      }
      std::erase_if(waiting, [&](std::int64_t number) {
        const bool called = line.place(number, now).state == State::called;
        if (called) calls.push_back(now);
        return called;
      });
    }
    REQUIRE(calls.size() > 500);
    for (std::size_t i = 0; i + kRate + 1 < calls.size(); ++i) {
      CHECK(calls[i + kRate + 1] - calls[i] >= 1'000 - 10);
    }
  }
}

}  // namespace sluice::frontend
