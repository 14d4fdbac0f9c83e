#include "broker/log/segments.h"

#include <doctest/doctest.h>

namespace sluice::broker {
namespace {

TEST_CASE("a segment is dead when nothing of it is wanted, and is told once") {
  Segments segments;
  segments.appended(1, 100);
  segments.appended(2, 100);
  CHECK(segments.take_garbage(3).empty());
  segments.removed(1, 100);
  const auto garbage = segments.take_garbage(3);
  CHECK(garbage.dead == std::vector<Segment>{1});
  CHECK(garbage.mostly_dead.empty());
  CHECK(segments.take_garbage(3).empty());
  CHECK(segments.live_bytes() == 100);
}

TEST_CASE("the open segment is never garbage") {
  Segments segments;
  segments.appended(7, 10);
  segments.removed(7, 10);
  CHECK(segments.take_garbage(7).empty());
  CHECK(segments.take_garbage(8).dead == std::vector<Segment>{7});
}

TEST_CASE("more than half unwanted is worth rewriting, once; then it can still die") {
  Segments segments;
  segments.appended(1, 100);
  segments.removed(1, 50);
  CHECK(segments.take_garbage(2).empty());
  segments.removed(1, 1);
  CHECK(segments.take_garbage(2).mostly_dead == std::vector<Segment>{1});
  CHECK(segments.take_garbage(2).empty());
  segments.removed(1, 49);
  CHECK(segments.take_garbage(2).dead == std::vector<Segment>{1});
}

}  // namespace
}  // namespace sluice::broker
