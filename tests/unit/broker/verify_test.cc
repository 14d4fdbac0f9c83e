// The verifier: a history that is whole is clean, on both stores, and every single change of it
// that matters is found, with its place.

#include "broker/log/verify.h"

#include <algorithm>
#include <functional>

#include "broker/log/cleaner.h"
#include "tests/unit/broker/stored_history.h"

namespace sluice::broker {
namespace {

using tests::RocksMedium;
using tests::SimMedium;
using tests::StoredHistory;

std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    text += (finding.warning ? "warning: " : "") + finding.text() + "\n";
  }
  return text;
}

void put(Store& store, Family family, Buffer key, Buffer value) {
  WriteBatch batch;
  batch.put(family, std::move(key), std::move(value));
  REQUIRE(store.write(batch));
}

void erase(Store& store, Family family, Buffer key) {
  WriteBatch batch;
  batch.erase(family, std::move(key));
  REQUIRE(store.write(batch));
}

// The n-th value of a partition in the log.
std::pair<Buffer, Buffer> value_of(const Store& store, PartitionId id, int n) {
  const auto cursor = store.cursor(Family::log, 0);
  for (cursor->seek(""); cursor->valid(); cursor->next()) {
    if (load_be<PartitionId>(cursor->key().data() + 4) != id) continue;
    if (n-- == 0) return {Buffer(cursor->key()), Buffer(cursor->value())};
  }
  FAIL("the partition has not so many values");
  return {};
}

std::pair<Buffer, Buffer> last_part_of(const Store& store, PartitionId id) {
  const auto cursor = store.cursor(Family::state, 0);
  cursor->seek_for_prev(part_key(id, ~Segment{0}));
  REQUIRE(cursor->valid());
  return {Buffer(cursor->key()), Buffer(cursor->value())};
}

TEST_CASE_TEMPLATE("a whole history is clean and counted", Medium, RocksMedium, SimMedium) {
  StoredHistory<Medium> history;
  const VerifyReport report = Verifier(history.store()).run();
  CHECK(text_of(report) == "");
  CHECK(report.clean());
  CHECK(report.topics == 2);
  CHECK(report.partitions == 4);
  CHECK(report.group_offsets == 1);
  CHECK(report.producers == 4);
  CHECK(report.parts >= 10);
  CHECK(report.records >= 100);
  CHECK(report.batches > report.values);
}

// And a topic that was compacted once, in two of its three segments, though its cleanup.policy does
// not say so any more.
template <class Medium>
struct CompactedHistory : StoredHistory<Medium> {
  CompactedHistory() {
    this->create("prices", 1);
    auto log = this->topics->find("prices")->share(0);
    for (int i = 0; i < 30; ++i) {
      wire::RecordBatchBuilder builder({.base_offset = 0});
      builder.add(1'000 + i, "once " + std::to_string(i), "stays");
      builder.add(1'000 + i, "key " + std::to_string(i % 3), std::string(200, 'x'));
      this->append(*log, std::move(builder).finish());
      if (i % 10 == 9 && i < 29) this->committer().roll_segment();
    }
    CHECK(this->await(this->committer().commit()));
    Cleaner cleaner(this->context(), this->maintenance, this->loop.clock(), 1 << 20);
    CHECK(this->await(cleaner.clean({log, {.min_dirty_ratio = 0}})));
    CHECK(cleaner.stats().records_dropped == 18);
    id = log->id();
  }
  PartitionId id = 0;
};

TEST_CASE_TEMPLATE("a compacted history is clean", Medium, RocksMedium, SimMedium) {
  CompactedHistory<Medium> history;
  const VerifyReport report = Verifier(history.store()).run();
  CHECK(text_of(report) == "");
  CHECK(report.clean());
  history.log("prices").trim(7);
  CHECK(history.await(history.committer().commit()));
  CHECK(text_of(Verifier(history.store()).run()) == "");
}

// And a topic with a key index, of three segments, trimmed, and half indexed only.
template <class Medium>
struct IndexedHistory : StoredHistory<Medium> {
  IndexedHistory() {
    this->create("found", 1);
    auto log = this->topics->find("found")->share(0);
    for (int i = 0; i < 30; ++i) {
      wire::RecordBatchBuilder builder({.base_offset = 0});
      builder.add(1'000 + i, "key " + std::to_string(i), "x");
      builder.add(1'000 + i, std::nullopt, "x");
      this->append(*log, std::move(builder).finish());
      if (i % 10 == 9 && i < 29) this->committer().roll_segment();
      if (i == 14) {
        TopicConfig config;
        CHECK(config.set("key.index.enable", "true"));
        CHECK(this->await(this->topics->reconfigure("found", config)).code ==
              wire::ErrorCode::none);
      }
    }
    id = log->id();
    segment = log->last_segment();
  }
  PartitionId id = 0;
  Segment segment = 0;  // of offsets from 42 on
};

TEST_CASE_TEMPLATE("an indexed history is clean", Medium, RocksMedium, SimMedium) {
  IndexedHistory<Medium> history;
  VerifyReport report = Verifier(history.store()).run();
  CHECK(text_of(report) == "");
  CHECK(report.index_entries == 15);
  history.log("found").trim(35);
  CHECK(history.await(history.committer().commit()));
  report = Verifier(history.store()).run();
  CHECK(text_of(report) == "");
  CHECK(report.index_entries == 12);
  TopicConfig off;
  CHECK(history.await(history.topics->reconfigure("found", off)).code == wire::ErrorCode::none);
  report = Verifier(history.store()).run();
  CHECK(text_of(report) == "");
  CHECK(report.index_entries == 0);
}

TEST_CASE("a part with more entries than fit is checked in stretches") {
  IndexedHistory<SimMedium> history;
  erase(history.store(), Family::index,
        index_key(history.segment, history.id, hash_of_key("key 25"), 50));
  std::string text;
  IndexVerifier index(history.store(), 3);
  index.begin_part(
      history.segment, {.id = history.id, .log_start = 0, .indexed_from = 30},
      [&](Offset offset, const std::string&) { text += std::to_string(offset) + " "; });
  for (int n = 0;; ++n) {
    const auto [key, value] = value_of(history.store(), history.id, n);
    if (parse_log_key(key)->segment != history.segment) continue;
    const auto batches = wire::split_batches(value);
    for (const auto& batch : *batches) index.add(batch);
    if (parse_log_key(key)->last_offset == 59) break;
  }
  index.end_part();
  CHECK(text == "50 ");
  CHECK(index.entries() == 8);
}

TEST_CASE("every damage to the key index is found") {
  using History = IndexedHistory<SimMedium>;
  struct IndexDamage {
    const char* what;
    void (*make)(History& history);
    const char* said;
  };
  static const KeyHash kHash = hash_of_key("key 25");
  const IndexDamage damages[] = {
      {"a missing entry",
       [](History& h) { erase(h.store(), Family::index, index_key(h.segment, h.id, kHash, 50)); },
       "topic found partition 0 offset 50: the key index has no entry"},
      {"an entry of a record without a key",
       [](History& h) { put(h.store(), Family::index, index_key(h.segment, h.id, kHash, 51), ""); },
       "offset 51: the key index has an entry"},
      {"an entry of another key",
       [](History& h) { put(h.store(), Family::index, index_key(h.segment, h.id, 5, 50), ""); },
       "offset 50: the key index has an entry 0000000000000005"},
      {"an entry in the wrong segment",
       [](History& h) {
         put(h.store(), Family::index, index_key(h.segment - 1, h.id, kHash, 50), "");
       },
       "offset 50: the key index has an entry"},
      {"an entry before what the index covers, of nothing",
       [](History& h) {
         put(h.store(), Family::index, index_key(h.segment - 2, h.id, kHash, 2), "");
       },
       "offset 2: the key index has an entry"},
      {"an entry with a value",
       [](History& h) {
         put(h.store(), Family::index, index_key(h.segment, h.id, kHash, 50), "x");
       },
       "an entry of the key index is damaged"},
      {"a key that is cut short", [](History& h) { put(h.store(), Family::index, "abc", ""); },
       "a key of the key index is damaged"},
      {"the largest key of a part, of nobody",
       [](History& h) { put(h.store(), Family::index, index_part_end(999, h.id), ""); },
       "which has no index there"},
      {"entries of a partition that has no index",
       [](History& h) { put(h.store(), Family::index, index_key(h.segment, 0, 1, 1), ""); },
       "which has no index there"},
      {"entries of a segment that it has no part of",
       [](History& h) { put(h.store(), Family::index, index_key(999, h.id, 1, 1), ""); },
       "which has no index there"},
      {"a mark that is gone",
       [](History& h) { erase(h.store(), Family::state, indexed_key(h.id)); },
       "it has no key index, but its topic says key.index.enable=true"},
      {"a mark that is damaged",
       [](History& h) { put(h.store(), Family::state, indexed_key(h.id), "x"); },
       "how far it is indexed is damaged"},
      {"a mark of nobody", [](History& h) { put(h.store(), Family::state, indexed_key(77), "x"); },
       "a stored mark of the key index of partition number 77"},
      {"a mark that claims too much",
       [](History& h) { put(h.store(), Family::state, indexed_key(h.id), Buffer(8, '\0')); },
       "offset 0: the key index has no entry"},
      {"a mark behind the end",
       [](History& h) {
         put(h.store(), Family::state, indexed_key(h.id), Buffer("\0\0\0\0\0\0\1\0", 8));
       },
       "it is indexed from 256 on, but ends there"},
  };
  for (const IndexDamage& damage : damages) {
    CAPTURE(damage.what);
    History history;
    damage.make(history);
    const VerifyReport report = Verifier(history.store()).run();
    CHECK_FALSE(report.clean());
    CHECK_MESSAGE(text_of(report).find(damage.said) != std::string::npos, text_of(report));
  }
}

TEST_CASE("a store of a version before is read too") {
  for (const char version : {'\2', '\3'}) {
    StoredHistory<SimMedium> history;
    put(history.store(), Family::state, state_key(StateKind::meta, "format"),
        Buffer("\0\0\0", 3) + version);
    const VerifyReport report = Verifier(history.store()).run();
    CHECK(text_of(report) == "");
    CHECK(report.records >= 100);
  }
}

TEST_CASE("an empty store says that it has no format") {
  SimMedium medium;
  const auto store = medium.open();
  const VerifyReport report = Verifier(*store).run();
  CHECK(report.values == 0);
}

// Each damage alone, and a part of what has to be said of it.
struct Damage {
  const char* name;
  std::function<void(Store&)> make;
  const char* finding;
};

const Damage kDamages[] = {
    {"a flipped bit in a record",
     [](Store& store) {
       auto [key, value] = value_of(store, 0, 2);
       value[80] = static_cast<char>(value[80] ^ 1);
       put(store, Family::log, key, value);
     },
     "topic orders partition 0 offset 6: a record batch is damaged"},
    {"a value that ends early",
     [](Store& store) {
       auto [key, value] = value_of(store, 0, 2);
       put(store, Family::log, key, value.substr(0, value.size() - 5));
     },
     "topic orders partition 0 offset 6: what is stored up to offset 8 is no record batch"},
    {"a value that is gone",
     [](Store& store) { erase(store, Family::log, value_of(store, 0, 2).first); },
     "topic orders partition 0 offset 6: the records from 6 to 8 are missing"},
    {"the last value is gone",
     [](Store& store) {
       const auto cursor = store.cursor(Family::log, 0);
       cursor->seek_for_prev(log_key(4, 0, kOffsetMax));
       erase(store, Family::log, Buffer(cursor->key()));
     },
     "segment 4 ends at offset"},
    {"a whole part is gone",
     [](Store& store) {
       WriteBatch batch;
       batch.erase_range(Family::log, log_key(2, 2, 0), log_key(2, 3, 0));
       REQUIRE(store.write(batch));
     },
     "segment 2 holds none of it"},
    {"a value of another place",
     [](Store& store) {
       put(store, Family::log, value_of(store, 0, 2).first, value_of(store, 0, 3).second);
     },
     "stored as the end of records that end at offset 11"},
    {"a part that says another end",
     [](Store& store) {
       auto [key, value] = last_part_of(store, 0);
       store_be<Offset>(value.data() + 8, load_be<Offset>(value.data() + 8) + 1);
       put(store, Family::state, key, value);
     },
     "its part says"},
    {"a part that says another size",
     [](Store& store) {
       auto [key, value] = last_part_of(store, 0);
       store_be<std::uint64_t>(value.data() + 24, 1);
       put(store, Family::state, key, value);
     },
     "bytes of it, its part says 1"},
    {"a part that says another time",
     [](Store& store) {
       auto [key, value] = last_part_of(store, 0);
       store_be<std::int64_t>(value.data() + 16, 1);
       put(store, Family::state, key, value);
     },
     "its part says 1"},
    {"a part that is gone",
     [](Store& store) { erase(store, Family::state, last_part_of(store, 0).first); },
     "topic orders partition 0: segment 4 holds records of it that its parts do not name"},
    {"a part between others that is gone",
     [](Store& store) { erase(store, Family::state, part_key(0, 2)); },
     "its part of segment 3 begins at offset"},
    {"a part that is cut short",
     [](Store& store) { put(store, Family::state, part_key(0, 2), "short"); },
     "a stored part of it is damaged"},
    {"a start that is gone", [](Store& store) { erase(store, Family::state, partition_key(2)); },
     "topic orders partition 2: its start is missing"},
    {"a start outside of the first part",
     [](Store& store) {
       Buffer start;
       append_be(start, Offset{1'000'000});
       put(store, Family::state, partition_key(2), start);
     },
     "but its first part reaches from 0"},
    {"a topic that is gone",
     [](Store& store) { erase(store, Family::state, state_key(StateKind::topic, "one")); },
     "which no topic has"},
    {"a topic whose description is cut short",
     [](Store& store) { put(store, Family::state, state_key(StateKind::topic, "one"), "abc"); },
     "topic one: its stored description is damaged"},
    {"records of nobody",
     [](Store& store) { put(store, Family::log, log_key(2, 77, 4), value_of(store, 0, 0).second); },
     "segment 2 holds records of partition number 77, which was never given out"},
    {"a log key of another length", [](Store& store) { put(store, Family::log, "abc", "x"); },
     "a log key is damaged: 616263"},
    {"a state key of no kind", [](Store& store) { put(store, Family::state, "zzz", "x"); },
     "a stored key of no known kind: 7a7a7a"},
    {"a producer that is cut short",
     [](Store& store) { put(store, Family::state, producer_key(0, 4), "x"); },
     "topic orders partition 0: what is stored of producer 4 is damaged"},
    {"a number that was never given out",
     [](Store& store) {
       Buffer next;
       append_be(next, PartitionId{1});
       put(store, Family::state, state_key(StateKind::meta, "next_partition"), next);
     },
     "its number 1 was never given out"},
    {"another format version",
     [](Store& store) {
       put(store, Family::state, state_key(StateKind::meta, "format"), Buffer("\0\0\0\1", 4));
     },
     "the stored format version is 1"},
    {"an offset that is cut short",
     [](Store& store) {
       const auto cursor = store.cursor(Family::state, 0);
       cursor->seek(state_key(StateKind::offset));
       put(store, Family::state, Buffer(cursor->key()), "x");
     },
     "a committed offset of group readers is damaged"},
};

TEST_CASE("every damage is found with its place") {
  for (const Damage& damage : kDamages) {
    CAPTURE(damage.name);
    StoredHistory<SimMedium> history;
    damage.make(history.store());
    const VerifyReport report = Verifier(history.store()).run();
    CHECK_MESSAGE(text_of(report).find(damage.finding) != std::string::npos, text_of(report));
    CHECK_FALSE(report.clean());
  }
}

struct CompactedDamage {
  const char* name;
  std::function<void(Store&, PartitionId)> make;
  const char* finding;
};

Buffer cleaned_value(Offset end) {
  Buffer value;
  append_be(value, end);
  append_be(value, kNoHorizon);
  return value;
}

const CompactedDamage kCompactedDamages[] = {
    {"how far is cut short",
     [](Store& store, PartitionId id) { put(store, Family::state, cleaned_key(id), "short"); },
     "topic prices partition 0: how far it was compacted is damaged"},
    {"how far is negative",
     [](Store& store, PartitionId id) {
       put(store, Family::state, cleaned_key(id), cleaned_value(-1));
     },
     "topic prices partition 0: how far it was compacted is damaged"},
    {"how far has a longer key",
     [](Store& store, PartitionId id) {
       put(store, Family::state, cleaned_key(id) + "x", cleaned_value(1));
     },
     "topic prices partition 0: how far it was compacted is damaged"},
    {"how far is behind the end",
     [](Store& store, PartitionId id) {
       put(store, Family::state, cleaned_key(id), cleaned_value(61));
     },
     "topic prices partition 0 offset 60: it was compacted up to 61"},
    {"how far of nobody",
     [](Store& store, PartitionId) {
       put(store, Family::state, cleaned_key(77), cleaned_value(1));
     },
     "a stored mark of compaction of partition number 77, which no topic has"},
    {"holes where nothing was compacted",
     [](Store& store, PartitionId id) { erase(store, Family::state, cleaned_key(id)); },
     "topic prices partition 0 offset 0: a record batch is damaged"},
    {"a flipped bit",
     [](Store& store, PartitionId id) {
       auto [key, value] = value_of(store, id, 0);
       value[62] = static_cast<char>(value[62] ^ 1);
       put(store, Family::log, key, value);
     },
     "topic prices partition 0 offset 0: a record batch is damaged"},
    {"a value that is gone, which no hole excuses",
     [](Store& store, PartitionId id) { erase(store, Family::log, value_of(store, id, 2).first); },
     "bytes of it, its part says"},
    {"a part that is gone, which no hole excuses",
     [](Store& store, PartitionId id) { erase(store, Family::log, value_of(store, id, 0).first); },
     "holds none of it"},
};

TEST_CASE("damage of what was compacted is found") {
  for (const CompactedDamage& damage : kCompactedDamages) {
    CAPTURE(damage.name);
    CompactedHistory<SimMedium> history;
    damage.make(history.store(), history.id);
    const VerifyReport report = Verifier(history.store()).run();
    CHECK_MESSAGE(text_of(report).find(damage.finding) != std::string::npos, text_of(report));
    CHECK_FALSE(report.clean());
  }
}

TEST_CASE("a committed offset outside of its partition is a warning") {
  StoredHistory<SimMedium> history;
  REQUIRE(history.offsets->stage("ahead", {"orders", 0}, {.offset = 1'000'000}));
  REQUIRE(history.offsets->stage("lost", {"nowhere", 0}, {.offset = 0}));
  REQUIRE(history.await(history.committer().commit()));
  const VerifyReport report = Verifier(history.store()).run();
  CHECK(report.clean());
  CHECK(report.findings.size() == 2);
  CHECK(text_of(report).find("warning: topic orders partition 0 offset 1000000: group ahead") !=
        std::string::npos);
}

TEST_CASE("findings are bounded") {
  StoredHistory<SimMedium> history;
  WriteBatch batch;
  for (int i = 0; i < 1'200; ++i) batch.put(Family::state, "z" + std::to_string(i), "");
  REQUIRE(history.store().write(batch));
  const VerifyReport report = Verifier(history.store()).run();
  CHECK(report.findings.size() == Verifier::kFindingsMax);
  CHECK(report.findings_left_off == 200);
  CHECK_FALSE(report.clean());
}

}  // namespace
}  // namespace sluice::broker
