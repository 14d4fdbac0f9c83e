#include "frontend/shuffle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace sluice::frontend {

namespace {

std::vector<std::int64_t> all_places(const Shuffle& shuffle) {
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < shuffle.size(); ++i) places.push_back(shuffle.place_of(i));
  return places;
}

bool is_permutation_of_all(std::vector<std::int64_t> places) {
  std::ranges::sort(places);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every size up to a thousand, and some large ones: a permutation") {
  for (std::int64_t size = 0; size <= 1'000; ++size) {
    CAPTURE(size);
    REQUIRE(is_permutation_of_all(all_places(Shuffle("secret", size))));
  }
  for (const std::int64_t size : {65'535, 65'536, 65'537, 300'000}) {
    CAPTURE(size);
    CHECK(is_permutation_of_all(all_places(Shuffle("secret", size))));
  }
}

TEST_CASE("the secret decides it, and the same secret the same") {
  const auto one = all_places(Shuffle("one", 1'000));
  CHECK(one == all_places(Shuffle("one", 1'000)));
  const auto other = all_places(Shuffle("other", 1'000));
  int same = 0;
  for (std::size_t i = 0; i < one.size(); ++i) same += one[i] == other[i] ? 1 : 0;
  CHECK(same < 12);  // one is expected
  // What tickets of a running sale rely on, whatever version reads them.
  const Shuffle fixed("fixed", 10);
  CHECK(all_places(fixed) == std::vector<std::int64_t>{0, 2, 5, 4, 6, 7, 9, 1, 8, 3});
}

TEST_CASE("who came first has no better chances than who came last") {
  constexpr std::int64_t kSize = 10;
  constexpr int kDraws = 20'000;
  std::array<std::array<int, kSize>, kSize> counts{};
  for (int draw = 0; draw < kDraws; ++draw) {
    const Shuffle shuffle(fmt::format("draw {}", draw), kSize);
    for (std::int64_t i = 0; i < kSize; ++i) {
      ++counts[static_cast<std::size_t>(i)][static_cast<std::size_t>(shuffle.place_of(i))];
    }
  }
  // Of each number and place 2,000 are expected, with a deviation of 42.
  for (const auto& row : counts) {
    for (const int count : row) {
      CHECK(count > 1'760);
      CHECK(count < 2'240);
    }
  }
}

}  // namespace sluice::frontend
