#include "broker/log/wanted.h"

#include <doctest/doctest.h>

namespace sluice::broker {
namespace {

TEST_CASE("wanted is what a partition has from its start on, and all of the open segment") {
  Wanted wanted(5);
  wanted.add(1, 100);
  struct Row {
    Segment segment;
    PartitionId partition;
    Offset offset;
    bool wanted;
  };
  const Row rows[] = {
      {4, 1, 99, false},  {4, 1, 100, true}, {0, 1, 100, true}, {5, 1, 99, true},
      {4, 2, 100, false}, {5, 2, 100, true}, {4, 0, 0, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.segment);
    CAPTURE(row.partition);
    CAPTURE(row.offset);
    CHECK(wanted(Family::log, log_key(row.segment, row.partition, row.offset)) == row.wanted);
    CHECK(wanted(Family::index, index_key(row.segment, row.partition, 7, row.offset)) ==
          row.wanted);
  }
}

TEST_CASE("a damaged key is left for verify to find") {
  const Wanted wanted(5);
  CHECK(wanted(Family::log, "short"));
  CHECK(wanted(Family::index, "short"));
}

}  // namespace
}  // namespace sluice::broker
