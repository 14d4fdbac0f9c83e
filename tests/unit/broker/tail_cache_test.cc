#include "broker/log/tail_cache.h"

#include <doctest/doctest.h>

#include <string>

#include "shared/base/random.h"

namespace sluice::broker {
namespace {

SharedSlice slice_of(std::string text) {
  auto owner = std::make_shared<const Buffer>(std::move(text));
  return {owner, *owner};
}

std::string read(const TailCache& cache, PartitionId partition, Offset from,
                 std::size_t bytes_max = 1'000, bool at_least_one = true) {
  const auto bytes = cache.read(partition, from, bytes_max, at_least_one);
  return bytes ? bytes->copy() : "miss";
}

TEST_CASE("reads begin with the batch that holds the offset") {
  TailCache cache(10'000);
  cache.insert(1, 0, 3, slice_of("abc"));
  cache.insert(1, 3, 4, slice_of("d"));
  cache.insert(2, 9, 10, slice_of("z"));
  CHECK(read(cache, 1, 0) == "abcd");
  CHECK(read(cache, 1, 2) == "abcd");
  CHECK(read(cache, 1, 3) == "d");
  CHECK(read(cache, 1, 4) == "miss");
  CHECK(read(cache, 2, 8) == "miss");
  CHECK(read(cache, 2, 9) == "z");
  CHECK(read(cache, 3, 0) == "miss");
}

TEST_CASE("limits: whole batches, the first even above them when it must") {
  TailCache cache(10'000);
  cache.insert(1, 0, 1, slice_of("aaaa"));
  cache.insert(1, 1, 2, slice_of("bb"));
  CHECK(read(cache, 1, 0, 6) == "aaaabb");
  CHECK(read(cache, 1, 0, 5) == "aaaa");
  CHECK(read(cache, 1, 0, 3) == "aaaa");
  CHECK(read(cache, 1, 0, 3, false) == "");
}

TEST_CASE("the oldest batch of all partitions leaves first; a size of nothing keeps nothing") {
  TailCache cache(3 * (100 + 96));
  for (Offset i = 0; i < 2; ++i) cache.insert(1, i, i + 1, slice_of(std::string(100, 'a')));
  for (Offset i = 0; i < 2; ++i) cache.insert(2, i, i + 1, slice_of(std::string(100, 'b')));
  CHECK(read(cache, 1, 0) == "miss");
  CHECK(read(cache, 1, 1).size() == 100);
  CHECK(read(cache, 2, 0).size() == 200);
  TailCache none(0);
  none.insert(1, 0, 1, slice_of("a"));
  none.insert(1, 1, 2, slice_of("b"));
  CHECK(read(none, 1, 1) == "miss");
  CHECK(none.bytes() == 0);
}

TEST_CASE("an erased partition is gone, and its place in the order does no harm") {
  TailCache cache(2 * (10 + 96));
  cache.insert(1, 0, 1, slice_of(std::string(10, 'a')));
  cache.insert(2, 0, 1, slice_of(std::string(10, 'b')));
  cache.erase(1);
  CHECK(read(cache, 1, 0) == "miss");
  CHECK(cache.bytes() == 106);
  cache.insert(3, 0, 1, slice_of(std::string(10, 'c')));
  cache.insert(3, 1, 2, slice_of(std::string(10, 'd')));
  CHECK(read(cache, 2, 0) == "miss");
  CHECK(read(cache, 3, 0).size() == 20);
}

TEST_CASE("bytes are bounded and runs unbroken over random histories") {
  SeededRandom random(3);
  TailCache cache(5'000);
  Offset ends[4] = {};
  for (int i = 0; i < 200'000; ++i) {
    const auto partition = static_cast<PartitionId>(random.below(4));
    Offset& end = ends[partition];
    if (random.below(500) == 0) {
      cache.erase(partition);
      continue;
    }
    const auto count = static_cast<Offset>(1 + random.below(3));
    cache.insert(partition, end, end + count, slice_of(std::string(random.below(200), 'x')));
    end += count;
    REQUIRE(cache.bytes() <= 5'000);
    // From the newest record backwards the cache answers up to some offset, and not before it.
    bool missed = false;
    for (Offset at = end - 1; at >= std::max<Offset>(0, end - 60); --at) {
      const bool hit = cache.read(partition, at, 1, true).has_value();
      REQUIRE_FALSE((missed && hit));
      missed = missed || !hit;
    }
  }
}

}  // namespace
}  // namespace sluice::broker
