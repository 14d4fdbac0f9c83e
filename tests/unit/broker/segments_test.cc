#include "broker/log/segments.h"

#include <doctest/doctest.h>

namespace sluice::broker {
namespace {

using Ranges = std::vector<Segments::Garbage::Range>;
using Mostly = std::vector<Segments::Garbage::Mostly>;

TEST_CASE("what lies between segments with something wanted is dead, until it is reclaimed") {
  Segments segments;
  segments.appended(3, 100);
  segments.appended(4, 100);
  segments.appended(6, 100);
  auto garbage = segments.garbage(8);
  CHECK(garbage.dead == Ranges{{0, 3}, {5, 6}, {7, 8}});
  CHECK(garbage.mostly_dead == Mostly{});
  CHECK(segments.garbage(8).dead == garbage.dead);
  segments.reclaimed(garbage);
  CHECK(segments.garbage(8).empty());

  segments.removed(3, 100);
  garbage = segments.garbage(8);
  CHECK(garbage.dead == Ranges{{0, 4}, {5, 6}, {7, 8}});
  CHECK(segments.live_bytes() == 200);
  // One dies after it was asked.
  segments.removed(6, 100);
  segments.reclaimed(garbage);
  CHECK(segments.garbage(8).dead == Ranges{{0, 4}, {5, 8}});
}

TEST_CASE("the open segment is never garbage") {
  Segments segments;
  segments.appended(7, 10);
  segments.removed(7, 10);
  auto garbage = segments.garbage(7);
  CHECK(garbage.dead == Ranges{{0, 7}});
  segments.reclaimed(garbage);
  CHECK(segments.garbage(7).empty());
  CHECK(segments.garbage(8).dead == Ranges{{0, 8}});
  CHECK(Segments().garbage(0).empty());
}

TEST_CASE("a part that nothing is left of keeps no segment") {
  Segments segments;
  segments.appended(1, 0);
  segments.removed(2, 0);
  CHECK(segments.garbage(3).dead == Ranges{{0, 3}});
}

TEST_CASE("more than half unwanted is worth rewriting, once; then it can still die") {
  Segments segments;
  segments.appended(0, 100);
  segments.removed(0, 50);
  CHECK(segments.garbage(1).empty());
  segments.removed(0, 1);
  const auto garbage = segments.garbage(1);
  CHECK(garbage.mostly_dead == Mostly{{0, 49}});
  CHECK(segments.garbage(1).mostly_dead == garbage.mostly_dead);
  // More goes while it is rewritten.
  segments.removed(0, 20);
  segments.reclaimed(garbage);
  CHECK(segments.garbage(1).empty());
  segments.removed(0, 5);
  CHECK(segments.garbage(1).mostly_dead == Mostly{{0, 24}});
  segments.removed(0, 24);
  CHECK(segments.garbage(1).dead == Ranges{{0, 1}});
}

}  // namespace
}  // namespace sluice::broker
