// Both stores behave alike: one body, RocksDB and the simulation's map.

#include "broker/log/store.h"

#include <fmt/format.h>

#include <map>

#include "shared/base/random.h"
#include "tests/unit/broker/store_media.h"

namespace sluice::broker {
namespace {

using tests::RocksMedium;
using tests::SimMedium;

std::string value_of(const Store& store, Family family, ByteView key) {
  const auto value = store.get(family, key);
  REQUIRE(value);
  return value->value_or("(none)");
}

std::string walk(Cursor& cursor) {
  std::string keys;
  for (; cursor.valid(); cursor.next()) {
    keys += std::string(cursor.key()) + "=" + std::string(cursor.value()) + " ";
  }
  CHECK(cursor.status());
  return keys;
}

TEST_CASE_TEMPLATE("operations of a batch apply in order", Medium, RocksMedium, SimMedium) {
  Medium medium;
  const auto store = medium.open();
  WriteBatch batch;
  batch.put(Family::state, "a", "1");
  batch.put(Family::state, "b", "1");
  batch.put(Family::state, "c", "1");
  batch.erase_range(Family::state, "a", "c");  // takes a and b, not c
  batch.put(Family::state, "b", "2");          // after the range: stays
  batch.put(Family::state, "d", "1");
  batch.erase(Family::state, "d");
  batch.erase(Family::state, "d");
  batch.put(Family::state, "e", "1");
  batch.put(Family::state, "e", "2");
  batch.put(Family::log, "a", "another family");
  REQUIRE(store->write(batch));
  CHECK(value_of(*store, Family::state, "a") == "(none)");
  CHECK(value_of(*store, Family::state, "b") == "2");
  CHECK(value_of(*store, Family::state, "c") == "1");
  CHECK(value_of(*store, Family::state, "d") == "(none)");
  CHECK(value_of(*store, Family::state, "e") == "2");
  CHECK(value_of(*store, Family::log, "a") == "another family");
}

TEST_CASE_TEMPLATE("an empty batch and an empty value are fine", Medium, RocksMedium, SimMedium) {
  Medium medium;
  const auto store = medium.open();
  CHECK(store->write(WriteBatch()));
  WriteBatch batch;
  batch.put(Family::log, "k", "");
  CHECK(store->write(batch));
  CHECK(value_of(*store, Family::log, "k") == "");
}

TEST_CASE_TEMPLATE("cursors seek both ways over bytes", Medium, RocksMedium, SimMedium) {
  Medium medium;
  const auto store = medium.open();
  WriteBatch batch;
  const Buffer high("\xff\x01", 2);
  for (const Buffer& key : {Buffer("b"), Buffer("d"), Buffer("f"), high, Buffer("\0x", 2)}) {
    batch.put(Family::log, key, "v");
  }
  REQUIRE(store->write(batch));
  const auto cursor = store->cursor(Family::log, 0);
  CHECK_FALSE(cursor->valid());
  cursor->seek("c");
  CHECK(cursor->key() == "d");
  cursor->seek("d");
  CHECK(cursor->key() == "d");
  cursor->next();
  CHECK(cursor->key() == "f");
  cursor->seek("g");
  CHECK(cursor->key() == high);  // bytes compare unsigned
  cursor->next();
  CHECK_FALSE(cursor->valid());
  CHECK(cursor->status());
  cursor->seek_for_prev("e");
  CHECK(cursor->key() == "d");
  cursor->seek_for_prev("d");
  CHECK(cursor->key() == "d");
  cursor->seek_for_prev("a");
  CHECK(cursor->key() == Buffer("\0x", 2));
  cursor->seek_for_prev(Buffer("\0", 1));
  CHECK_FALSE(cursor->valid());
  cursor->seek("");
  CHECK(cursor->key() == Buffer("\0x", 2));
  CHECK_FALSE(store->cursor(Family::state, 0)->valid());
}

TEST_CASE_TEMPLATE("a cursor sees the state at its creation", Medium, RocksMedium, SimMedium) {
  Medium medium;
  const auto store = medium.open();
  WriteBatch batch;
  batch.put(Family::log, "a", "1");
  batch.put(Family::log, "b", "1");
  REQUIRE(store->write(batch));
  const auto before = store->cursor(Family::log, 0);
  WriteBatch change;
  change.put(Family::log, "a", "2");
  change.erase(Family::log, "b");
  change.put(Family::log, "c", "1");
  REQUIRE(store->write(change));
  before->seek("a");
  CHECK(walk(*before) == "a=1 b=1 ");
  const auto after = store->cursor(Family::log, 1 << 20);
  after->seek("a");
  CHECK(walk(*after) == "a=2 c=1 ");
}

TEST_CASE_TEMPLATE(
    "what was written is there after a reopen, and any random history agrees with a "
    "map",
    Medium, RocksMedium, SimMedium) {
  Medium medium;
  SeededRandom random(7);
  std::map<Buffer, Buffer> model;
  auto store = medium.open();
  const auto key = [&] { return "k" + std::to_string(100 + random.below(60)); };
  for (int round = 0; round < 120; ++round) {
    WriteBatch batch;
    for (std::uint64_t i = random.below(8); i > 0; --i) {
      const Buffer at = key();
      switch (random.below(4)) {
        case 0:
          batch.erase(Family::state, at);
          model.erase(at);
          break;
        case 1: {
          const Buffer to = key();
          if (to < at) break;
          batch.erase_range(Family::state, at, to);
          model.erase(model.lower_bound(at), model.lower_bound(to));
          break;
        }
        default:
          batch.put(Family::state, at, std::to_string(round));
          model.insert_or_assign(at, std::to_string(round));
      }
    }
    REQUIRE(store->write(batch));
    if (round % 20 == 19) {
      store.reset();
      store = medium.open();
    }
    const Buffer at = key();
    const auto cursor = store->cursor(Family::state, 0);
    cursor->seek(at);
    const auto next = model.lower_bound(at);
    REQUIRE(cursor->valid() == (next != model.end()));
    if (cursor->valid()) CHECK(cursor->key() == next->first);
    cursor->seek_for_prev(at);
    const auto above = model.upper_bound(at);
    REQUIRE(cursor->valid() == (above != model.begin()));
    if (cursor->valid()) CHECK(cursor->key() == std::prev(above)->first);
    std::string all;
    for (const auto& [k, v] : model) all += k + "=" + v + " ";
    cursor->seek("");
    CHECK(walk(*cursor) == all);
  }
}

// RocksDB stops writes when its flushes are behind: they wait, and so does the end of a segment.
TEST_CASE("segments may end faster than the disk takes them") {
  RocksMedium medium;
  const auto store = medium.open();
  for (int i = 0; i < 200; ++i) {
    WriteBatch batch;
    batch.put(Family::log, fmt::format("{:03}", i), "a segment of one record");
    REQUIRE(store->write_unsynced(batch));
    const auto rolled = store->roll_log();
    REQUIRE_MESSAGE(rolled, rolled.error().context);
    REQUIRE(store->refuses_writes() == "");
  }
}

TEST_CASE("the simulated disk: failed, cut off and lying writes") {
  SimDisk disk;
  auto store = disk.open();
  WriteBatch batch;
  batch.put(Family::state, "a", "1");
  SUBCASE("a failed write leaves nothing and ends writing, until the store is opened again") {
    disk.fail_next_write();
    CHECK(store->write(batch).error().code == Code::storage);
    CHECK(store->write(batch).error().code == Code::storage);
    CHECK(value_of(*store, Family::state, "a") == "(none)");
    store = disk.open();
    CHECK(store->write(batch));
  }
  SUBCASE("after a crash the old process writes and reads nothing") {
    REQUIRE(store->write(batch));
    disk.crash();
    const auto next = disk.open();
    CHECK(store->write(batch).error().code == Code::storage);
    CHECK_FALSE(store->get(Family::state, "a"));
    CHECK_FALSE(store->cursor(Family::state, 0)->status());
    CHECK(value_of(*next, Family::state, "a") == "1");
  }
  SUBCASE("a lying disk loses what it said it had") {
    disk.lie(1);
    REQUIRE(store->write(batch));
    WriteBatch more;
    more.put(Family::state, "b", "1");
    REQUIRE(store->write(more));
    CHECK(value_of(*store, Family::state, "b") == "1");
    disk.crash();
    const auto next = disk.open();
    CHECK(value_of(*next, Family::state, "a") == "1");
    CHECK(value_of(*next, Family::state, "b") == "(none)");
  }
}

}  // namespace
}  // namespace sluice::broker
