// SequenceCheck against a model that remembers everything and reasons about positions in one
// endless sequence, by the million.

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "broker/producers/sequence_check.h"
#include "shared/base/random.h"

namespace sluice::broker {
namespace {

constexpr std::int64_t kSequences = std::int64_t{1} << 31;

struct NaiveProducer {
  struct Batch {
    std::int64_t position;  // unwrapped
    std::int32_t count;
    std::int64_t base_offset;
  };
  std::int16_t epoch = 0;
  std::int64_t next = 0;
  std::vector<Batch> batches;  // of this epoch, all of them
};

struct Attempt {
  BatchIdentity batch;
  std::int64_t position;
};

// Mostly what a client sends: the next batch, a repetition, sometimes rubbish.
Attempt attempt(Random& random, std::int64_t id, const NaiveProducer* known) {
  std::int64_t position = known ? known->next : 0;
  auto count = static_cast<std::int32_t>(1 + random.below(4));
  std::int16_t epoch = known ? known->epoch : std::int16_t{0};
  const std::uint64_t kind = random.below(16);
  if (!known) {
    // Near the wrap, so that it is crossed often.
    position = kSequences - 1 - static_cast<std::int64_t>(random.below(40));
  } else if (kind < 6 && !known->batches.empty()) {
    const std::size_t back = random.below(std::min<std::size_t>(known->batches.size(), 8));
    const auto& old = known->batches[known->batches.size() - 1 - back];
    position = old.position;
    if (random.below(8) != 0) count = old.count;
  } else if (kind == 6) {
    position += static_cast<std::int64_t>(random.below(5)) - 2;
    position = std::max<std::int64_t>(position, 0);
  } else if (kind == 7) {
    epoch = static_cast<std::int16_t>(epoch + static_cast<int>(random.below(3)) - 1);
    epoch = std::max<std::int16_t>(epoch, 0);
    if (random.below(2) == 0) position = 0;
  }
  return {{id, epoch, static_cast<std::int32_t>(position % kSequences), count}, position};
}

// -2: refuse with 47, -1: refuse with 45, -3: accept, else the original offset.
std::int64_t expected(const NaiveProducer* known, const Attempt& attempt) {
  if (known == nullptr) return -3;
  const BatchIdentity& batch = attempt.batch;
  if (batch.producer_epoch < known->epoch) return -2;
  if (batch.producer_epoch > known->epoch) return batch.base_sequence == 0 ? -3 : -1;
  const std::size_t window = std::min<std::size_t>(known->batches.size(), 5);
  for (auto old = known->batches.end() - static_cast<std::ptrdiff_t>(window);
       old != known->batches.end(); ++old) {
    if (old->position % kSequences == batch.base_sequence && old->count == batch.record_count) {
      return old->base_offset;
    }
  }
  return known->next % kSequences == batch.base_sequence ? -3 : -1;
}

std::int64_t actual(const Verdict& verdict) {
  if (std::holds_alternative<Accept>(verdict)) return -3;
  if (const auto* duplicate = std::get_if<Duplicate>(&verdict)) return duplicate->base_offset;
  return std::get<Refuse>(verdict).error_code == wire::ErrorCode::invalid_producer_epoch ? -2 : -1;
}

TEST_CASE("a million batches agree with a naive model, over restarts and expiry") {
  SeededRandom random(20240607);
  SequenceCheck check({.expiration = Millis(500)});
  std::map<std::int64_t, NaiveProducer> model;
  std::int64_t offset = 0;
  std::int64_t now = 0;
  std::map<std::int64_t, std::int64_t> used;
  std::size_t accepted = 0;
  std::size_t duplicates = 0;
  for (int step = 0; step < 1'000'000; ++step) {
    const auto id = static_cast<std::int64_t>(random.below(8));
    auto at = model.find(id);
    const NaiveProducer* known = at == model.end() ? nullptr : &at->second;
    const Attempt next = attempt(random, id, known);
    const std::int64_t verdict = actual(check.check(next.batch));
    if (verdict != expected(known, next)) {
      CAPTURE(step);
      REQUIRE(verdict == expected(known, next));
    }
    if (verdict >= 0) ++duplicates;
    if (verdict == -3) {
      ++accepted;
      if (!check.append(next.batch, offset, WallTime{now}).empty())
        FAIL("nobody is to be forgotten");
      NaiveProducer& producer = model[id];
      const bool starts_over = known == nullptr || producer.epoch != next.batch.producer_epoch;
      if (starts_over) producer = {.epoch = next.batch.producer_epoch, .next = next.position};
      // In sequence it is the next one, whatever lap the attempt was thought to be in.
      producer.batches.push_back({producer.next, next.batch.record_count, offset});
      producer.next += next.batch.record_count;
      used[id] = now;
      offset += next.batch.record_count;
    }
    if (random.below(64) == 0) {
      now += static_cast<std::int64_t>(random.below(200));
      std::vector<std::int64_t> forgotten = check.expire(WallTime{now});
      std::ranges::sort(forgotten);
      std::vector<std::int64_t> idle;
      for (const auto& [producer_id, when] : used) {
        if (when <= now - 500) idle.push_back(producer_id);
      }
      REQUIRE(forgotten == idle);
      for (const std::int64_t producer_id : idle) {
        model.erase(producer_id);
        used.erase(producer_id);
      }
    }
    if (random.below(512) == 0) {
      SequenceCheck restarted({.expiration = Millis(500)});
      for (const ProducerView& producer : check.list()) {
        REQUIRE(restarted.restore(producer.producer_id, check.encode(producer.producer_id)));
      }
      check = std::move(restarted);
    }
  }
  CHECK(accepted > 100'000);
  CHECK(duplicates > 50'000);
}

TEST_CASE("random stored bytes never do more than fail") {
  SeededRandom random(7);
  SequenceCheck source({});
  source.append({7, 2, 0, 10}, 100, WallTime{5});
  source.append({7, 2, 10, 1}, 110, WallTime{6});
  const Buffer good = source.encode(7);
  for (int i = 0; i < 50'000; ++i) {
    Buffer bytes = good;
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    }
    if (random.below(4) == 0) bytes.resize(random.below(200));
    SequenceCheck check({});
    if (check.restore(7, bytes) && check.encode(7) != bytes) {
      FAIL("what restore takes, encode gives back");
    }
  }
}

}  // namespace
}  // namespace sluice::broker
