// The key index: what is stored of it, how it is built, and how records are found.

#include "broker/log/key_index.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "broker/log/key_indexer.h"
#include "broker/log/reclaimer.h"
#include "broker/log/verify.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::compressed;
using tests::LogBench;
using tests::RocksMedium;
using tests::SimMedium;

TEST_CASE("the stored hash is XXH64") {
  Buffer long_text;
  for (int i = 0; i < 101; ++i) long_text += static_cast<char>(i);
  CHECK(hash_of_key("") == 0xef46db3751d8e999);
  CHECK(hash_of_key("a") == 0xd24ec4f1a98c6e5b);
  CHECK(hash_of_key("abc") == 0x44bc2cf5ad770999);
  CHECK(hash_of_key("order-17") == 0x93623b80df3c7a2d);
  CHECK(hash_of_key("0123456789abcdef0123456789abcdef") == 0x642a94958e71e6c5);
  CHECK(hash_of_key("Nobody inspects the spammish repetition") == 0xfbcea83c8a378bf1);
  CHECK(hash_of_key(long_text) == 0xe99038495f85381e);
}

Buffer keyed(const std::vector<std::optional<ByteView>>& keys) {
  wire::RecordBatchBuilder builder;
  for (const auto& key : keys) builder.add(1'000, key, "value of " + Buffer(key.value_or("none")));
  return std::move(builder).finish();
}

TEST_CASE("entries: one for each record with a key, none of what cannot be read") {
  const Buffer plain = keyed({"a", std::nullopt, "", "a"});
  std::vector<KeyEntry> entries;
  CHECK(add_key_entries(plain, entries));
  const std::vector<KeyEntry> expected{
      {hash_of_key("a"), 0}, {hash_of_key(""), 2}, {hash_of_key("a"), 3}};
  CHECK(entries == expected);
  for (const auto codec : {wire::Compression::gzip, wire::Compression::snappy,
                           wire::Compression::lz4, wire::Compression::zstd}) {
    entries.clear();
    CHECK(add_key_entries(compressed(plain, codec), entries));
    CHECK(entries == expected);
  }
  entries.clear();
  Buffer cut = compressed(plain, wire::Compression::zstd);
  cut.resize(cut.size() - 4);
  store_be(cut.data() + 8, static_cast<std::int32_t>(cut.size() - wire::kBatchLogOverheadBytes));
  CHECK(add_key_entries(cut, entries));
  CHECK(add_key_entries(wire::build_end_transaction_marker(true, 7, 0, 1'000), entries));
  CHECK(entries.empty());
  CHECK(add_key_entries("no batch", entries).error().code == Code::corrupt);
}

TEST_CASE("entries of a write stand right behind their value") {
  WriteBatch batch;
  batch.put(Family::log, log_key(3, 7, 1), keyed({"a", "b"}), 2);
  batch.erase_range(Family::index, index_key(3, 7, 0, 0), index_part_end(3, 7));
  batch.put(Family::log, log_key(3, 8, 0), keyed({"c"}));
  batch.put(Family::state, "x", "y");
  const WriteBatch whole = with_key_entries(std::move(batch));
  const auto& operations = whole.operations();
  REQUIRE(operations.size() == 6);
  CHECK(operations[1].key == index_key(3, 7, hash_of_key("a"), 0));
  CHECK(operations[2].key == index_key(3, 7, hash_of_key("b"), 1));
  CHECK(operations[1].family == Family::index);
  CHECK(operations[3].kind == WriteBatch::Kind::erase_range);
  CHECK(operations[4].key == log_key(3, 8, 0));
}

template <class Medium>
struct IndexBench : LogBench<Medium> {
  FoundRecords find(PartitionLog& log, std::string key, Offset from = 0,
                    std::size_t records_max = 100) {
    auto found = this->await(log.find({.key = std::move(key),
                                       .from = from,
                                       .records_max = records_max,
                                       .read_bytes_max = 1 << 20,
                                       .answer_bytes_max = 1 << 20}));
    REQUIRE(found);
    return std::move(*found);
  }
  std::string offsets(PartitionLog& log, std::string key) {
    std::string text;
    for (const auto& record : find(log, std::move(key)).records) {
      text += std::to_string(record.offset) + " ";
    }
    return text;
  }
  void commit() { CHECK(this->await(this->committer().commit())); }
  void roll() {
    this->committer().roll_segment();
    commit();
  }
  void build(const std::shared_ptr<PartitionLog>& log) {
    KeyIndexer indexer(this->context(), this->maintenance);
    CHECK(this->await(indexer.build(log)));
    CHECK_FALSE(log->unindexed());
  }
  std::size_t entries() {
    std::size_t count = 0;
    const auto cursor = this->store().cursor(Family::index, 0);
    for (cursor->seek(""); cursor->valid(); cursor->next()) ++count;
    return count;
  }
};

TEST_CASE_TEMPLATE("records are found by the index as they come", Medium, RocksMedium, SimMedium) {
  IndexBench<Medium> bench;
  auto log = bench.make_log(1);
  auto other = bench.make_log(2);
  log->set_key_index(true);
  bench.commit();
  bench.append(*log, keyed({"a", "b"}));
  bench.append(*log, compressed(keyed({"b", std::nullopt, "a", "a"}), wire::Compression::lz4));
  bench.append(*other, keyed({"a"}));
  bench.roll();
  bench.append(*log, keyed({"a"}));
  CHECK(bench.entries() == 6);
  CHECK(bench.offsets(*log, "a") == "0 4 5 6 ");
  CHECK(bench.offsets(*log, "b") == "1 2 ");
  CHECK(bench.offsets(*log, "c") == "");
  const auto found = bench.find(*log, "b");
  CHECK(found.done);
  CHECK(found.scanned_offsets == 0);
  CHECK(found.indexed_offsets == 7);
  CHECK(found.records[0].value == "value of b");
  // In bites.
  const auto first = bench.find(*log, "a", 0, 2);
  CHECK(first.records.size() == 2);
  CHECK_FALSE(first.done);
  CHECK(first.next == 5);
  CHECK(bench.find(*log, "a", first.next, 2).records[1].offset == 6);
  // Without an index everything is read.
  CHECK(bench.offsets(*other, "a") == "0 ");
  CHECK(bench.find(*other, "a").scanned_offsets == 1);

  log.reset();
  other.reset();
  bench.reopen();
  const auto again = bench.recover_log(1);
  REQUIRE(again);
  CHECK((*again)->has_key_index());
  CHECK(bench.offsets(**again, "a") == "0 4 5 6 ");
  (*again)->erase();
  Reclaimer reclaimer(bench.context(), bench.maintenance);
  CHECK(bench.await(reclaimer.run([&] { return Wanted(bench.committer().segment()); })));
  CHECK(bench.entries() == 0);
}

TEST_CASE_TEMPLATE("switched on later it covers what is new, then all; switched off it is gone",
                   Medium, RocksMedium, SimMedium) {
  IndexBench<Medium> bench;
  auto log = bench.make_log(1);
  for (int i = 0; i < 12; ++i) {
    bench.append(*log, keyed({"a", "b"}));
    if (i % 4 == 3) bench.roll();
  }
  log->set_key_index(true);
  bench.commit();
  bench.append(*log, keyed({"a"}));
  CHECK(bench.entries() == 1);
  auto found = bench.find(*log, "a");
  CHECK(found.records.size() == 13);
  CHECK(found.scanned_offsets == 24);
  CHECK(found.indexed_offsets == 1);

  // Cut short after its newest part: what is done stays done.
  {
    KeyIndexer indexer(bench.context(), bench.maintenance);
    auto building = indexer.build(log);
    bench.loop.run([&] { return log->unindexed()->end < 24; }, 1'000'000);
    indexer.stop();
    CHECK(bench.await(std::move(building)));
  }
  log.reset();
  bench.reopen();
  log = *bench.recover_log(1);
  REQUIRE(log->unindexed());
  CHECK(log->unindexed()->end == 16);
  found = bench.find(*log, "a");
  CHECK(found.records.size() == 13);
  CHECK(found.scanned_offsets == 16);
  bench.build(log);
  CHECK(bench.entries() == 25);
  found = bench.find(*log, "a");
  CHECK(found.records.size() == 13);
  CHECK(found.scanned_offsets == 0);

  log->set_key_index(false);
  auto staged = log->stage(keyed({"a"}), bench.loop.clock().wall());
  CHECK(bench.await(log->commit(std::move(staged))).base_offset == 25);
  CHECK(bench.entries() == 0);
  found = bench.find(*log, "a");
  CHECK(found.records.size() == 14);
  CHECK(found.scanned_offsets == 26);
}

TEST_CASE("what was staged before the index went away leaves no entry behind") {
  IndexBench<SimMedium> bench;
  auto log = bench.make_log(1);
  log->set_key_index(true);
  bench.commit();
  auto staged = log->stage(keyed({"a"}), bench.loop.clock().wall());
  log->set_key_index(false);
  auto later = log->stage(keyed({"a"}), bench.loop.clock().wall());
  log->set_key_index(true);
  auto last = log->stage(keyed({"a"}), bench.loop.clock().wall());
  for (auto* one : {&staged, &later, &last}) bench.await(log->commit(std::move(*one)));
  // The second one shares its value, and so its entry comes early.
  CHECK(bench.entries() == 2);
  CHECK(log->unindexed()->end == 2);
  CHECK(bench.offsets(*log, "a") == "0 1 2 ");
}

TEST_CASE("a key whose hash another key has is told from it by its bytes") {
  IndexBench<SimMedium> bench;
  auto log = bench.make_log(1);
  log->set_key_index(true);
  bench.append(*log, keyed({"a", "b"}));
  bench.medium.disk().damage(Family::index, index_key(0, 1, hash_of_key("a"), 1), "");
  CHECK(bench.offsets(*log, "a") == "0 ");
  // Nor does an entry lead where nothing is.
  bench.medium.disk().damage(Family::index, index_key(0, 1, hash_of_key("a"), 9), "");
  CHECK(bench.offsets(*log, "a") == "0 ");
}

}  // namespace
}  // namespace sluice::broker
