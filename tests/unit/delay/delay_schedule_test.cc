#include "broker/delay/delay_schedule.h"

#include <map>
#include <vector>

#include <doctest/doctest.h>

#include "shared/base/random.h"

namespace sluice::broker {
namespace {

using Place = DelaySchedule::Place;

TEST_CASE("places come out when they are due, the longest overdue first") {
  DelaySchedule schedule;
  CHECK(schedule.next_due_ms() == std::nullopt);
  schedule.add({7, {100, 3}});
  schedule.add({8, {50, 9}});
  schedule.add({9, {100, 1}});
  CHECK(schedule.next_due_ms() == 50);
  CHECK(schedule.take_due({49}, 10).empty());
  CHECK(schedule.take_due({50}, 10) == std::vector<Place>{{8, {50, 9}}});
  CHECK(schedule.take_due({1'000}, 1) == std::vector<Place>{{9, {100, 1}}});
  CHECK(schedule.take_due({1'000}, 10) == std::vector<Place>{{7, {100, 3}}});
  CHECK(schedule.size() == 0);
}

TEST_CASE("of two places of a partition the earlier stands") {
  DelaySchedule schedule;
  schedule.add({7, {100, 3}});
  schedule.add({7, {100, 4}});
  schedule.add({7, {200, 0}});
  CHECK(schedule.next_due_ms() == 100);
  schedule.add({7, {100, 2}});
  CHECK(schedule.take_due({500}, 10) == std::vector<Place>{{7, {100, 2}}});
  CHECK(schedule.size() == 0);
}

TEST_CASE("a partition that is forgotten has no place") {
  DelaySchedule schedule;
  schedule.add({7, {100, 3}});
  schedule.forget(7);
  schedule.forget(8);
  CHECK(schedule.next_due_ms() == std::nullopt);
  CHECK(schedule.take_due({500}, 10).empty());
}

// A whole delayed delivery on the schedule: the records of each partition in a plain sorted map
// stand for the store, and are compared with what a list of all records says is due.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (random_.below(8)) {
        case 0:
          now_ += static_cast<std::int64_t>(random_.below(40));
          break;
        case 1:
          // A clock that is set back: what is not due any more has to wait.
          if (random_.below(20) == 0) now_ -= static_cast<std::int64_t>(random_.below(100));
          break;
        case 2:
          cancel();
          break;
        case 3:
        case 4:
          deliver();
          break;
        default:
          add();
      }
    }
    now_ += 1'000;
    while (delivered_.size() + cancelled_ < added_) {
      const auto before = delivered_.size();
      deliver();
      REQUIRE(delivered_.size() > before);
    }
    deliver();  // where all was cancelled there is a place too, until somebody has looked
    CHECK(schedule_.next_due_ms() == std::nullopt);
    CHECK(schedule_.size() == 0);
  }
  std::size_t added() const { return added_; }

 private:
  void add() {
    const auto partition = static_cast<PartitionId>(random_.below(5));
    const DelayPosition at{now_ + static_cast<std::int64_t>(random_.below(60)), sequence_++};
    stored_[partition].emplace(at, at.sequence);
    schedule_.add({partition, at});
    added_ += 1;
  }

  void cancel() {
    auto& records = stored_[static_cast<PartitionId>(random_.below(5))];
    if (records.empty()) return;
    auto at = records.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(records.size())));
    records.erase(at);
    cancelled_ += 1;
  }

  // Looks at what the schedule says, a few records of each place at a time.
  void deliver() {
    std::size_t due = 0;
    for (const auto& [partition, records] : stored_) {
      for (const auto& [at, value] : records) due += at.due_ms <= now_ ? 1 : 0;
    }
    const std::size_t before = delivered_.size();
    for (;;) {
      const auto places = schedule_.take_due({now_}, 1 + random_.below(3));
      if (places.empty()) break;
      for (const Place& place : places) look(place);
    }
    REQUIRE(delivered_.size() - before == due);
  }

  void look(const Place& place) {
    auto& records = stored_[place.partition];
    auto at = records.lower_bound(place.from);
    // Nothing unreachable: a place never lies behind what waits.
    REQUIRE(at == records.begin());
    for (std::uint64_t some = 1 + random_.below(3); some > 0 && at != records.end(); --some) {
      if (at->first.due_ms > now_) break;
      REQUIRE(delivered_.emplace(at->second, true).second);
      at = records.erase(at);
    }
    if (at != records.end()) schedule_.add({place.partition, at->first});
  }

  SeededRandom random_;
  DelaySchedule schedule_;
  std::map<PartitionId, std::map<DelayPosition, std::uint64_t>> stored_;
  std::map<std::uint64_t, bool> delivered_;
  std::int64_t now_ = 1'000;
  std::uint64_t sequence_ = 0;
  std::size_t added_ = 0;
  std::size_t cancelled_ = 0;
};

TEST_CASE("a million records against a naive model") {
  std::size_t added = 0;
  for (std::uint64_t seed = 0; added < 1'000'000; ++seed) {
    CAPTURE(seed);
    Model model(seed);
    model.run(4'000);
    added += model.added();
  }
}

}  // namespace
}  // namespace sluice::broker
