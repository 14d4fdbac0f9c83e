// Random appends, retries, fetches, trims, retention, compaction, deletions, restarts, and key
// indexes that come and go, against a model that is a vector.

#include <map>
#include <vector>

#include "broker/log/cleaner.h"
#include "broker/log/key_indexer.h"
#include "broker/log/reclaimer.h"
#include "broker/log/verify.h"
#include "broker/topics.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::LogBench;
using wire::ErrorCode;

struct ModelRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::int64_t timestamp = 0;
  bool gone = false;               // compaction took it
  std::int64_t compacted_ms = -1;  // when compaction can first have seen it
};

struct ModelPartition {
  std::vector<ModelRecord> records;  // index is the offset
  std::vector<Offset> ends;          // of each batch
  std::map<std::int64_t, std::int32_t> next_sequence;
  Offset start = 0;  // records before it are forgotten
};

template <class Medium>
class Model {
 public:
  // Small segments, and a tail cache that is absent, too small, or holds all, so that reads go
  // every way.
  explicit Model(std::uint64_t seed) : random_(seed), bench_(seed) {
    static constexpr std::size_t kTailBytes[] = {0, 2'000, 1 << 22};
    bench_.tail_bytes = kTailBytes[seed % std::size(kTailBytes)];
    bench_.committer_options.segment_bytes = 3'000;
    restart();
  }
  ~Model() { topics_.reset(); }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    for (const auto& [name, partitions] : model_) {
      for (std::size_t p = 0; p < partitions.size(); ++p)
        read(name, p, partitions[p].start, 1 << 22);
    }
  }

  SimDisk& disk() { return bench_.medium.disk(); }

 private:
  void step() {
    switch (random_.below(100)) {
      case 0:
        return restart();
      case 1:
      case 2:
        return remove();
      case 3:
      case 4:
      case 5:
        return create();
      case 6:
        return reclaim();
      case 7:
      case 8:
        return compact();
      case 9:
        return toggle_index();
      case 10:
      case 11:
        return build_index();
      default:
        break;
    }
    if (model_.empty()) return create();
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
    const auto partition = static_cast<std::size_t>(random_.below(at->second.size()));
    const auto what = random_.below(20);
    if (what == 0) {
      trim(at->first, partition);
    } else if (what == 1) {
      retain(at->first, partition);
    } else if (what < 11) {
      append(at->first, partition);
    } else if (what == 11) {
      find_time(at->first, partition);
    } else if (what < 14) {
      find_key(at->first, partition);
    } else {
      const auto start = static_cast<std::uint64_t>(at->second[partition].start);
      const auto size = at->second[partition].records.size();
      read(at->first, partition, static_cast<Offset>(start + random_.below(size + 1 - start)),
           random_.below(3) == 0 ? random_.below(200) : random_.below(4'000));
    }
  }

  void restart() {
    topics_.reset();
    bench_.reopen();
    topics_ = std::make_unique<Topics>(bench_.context(), random_, TopicLimits{});
    REQUIRE(topics_->recover());
    bench_.committer().set_segment(topics_->next_segment().value());
    REQUIRE(topics_->all().size() == model_.size());
    verify();
  }

  // Whatever happened, cut short or not, is a whole history.
  void verify() {
    Buffer version;
    append_be(version, kFormatVersion);
    bench_.committer().put(state_key(StateKind::meta, "format"), version);
    REQUIRE(bench_.await(bench_.committer().commit()));
    const VerifyReport report = Verifier(bench_.store()).run();
    REQUIRE_MESSAGE(report.clean(), report.findings.front().text());
  }

  PartitionLog& log_of(const std::string& topic, std::size_t partition) {
    return *topics_->find(topic)->partition(static_cast<std::int32_t>(partition));
  }

  void trim(const std::string& topic, std::size_t partition) {
    ModelPartition& model = model_.at(topic)[partition];
    const auto kept = model.records.size() - static_cast<std::size_t>(model.start);
    model.start += static_cast<Offset>(random_.below(kept + 1));
    log_of(topic, partition).trim(model.start);
    REQUIRE(bench_.await(bench_.committer().commit()));
  }

  // What retention forgets is whole parts, so the model takes over where it stopped.
  void retain(const std::string& topic, std::size_t partition) {
    ModelPartition& model = model_.at(topic)[partition];
    PartitionLog& log = log_of(topic, partition);
    const auto bytes_max = static_cast<std::int64_t>(random_.below(4'000));
    const bool done = log.retain({.ms = std::nullopt, .bytes = bytes_max}, {});
    REQUIRE(log.log_start() >= model.start);
    REQUIRE(log.log_start() <= static_cast<Offset>(model.records.size()));
    model.start = log.log_start();
    if (!done) bench_.committer().roll_segment();
    REQUIRE(bench_.await(bench_.committer().commit()));
  }

  // One partition, perhaps with a map that is too small, perhaps stopped half way, perhaps while it
  // is trimmed.
  void compact() {
    if (model_.empty()) return;
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
    const auto index = static_cast<std::size_t>(random_.below(at->second.size()));
    auto log = topics_->find(at->first)->share(static_cast<std::int32_t>(index));
    ModelPartition& model = at->second[index];
    if (random_.below(2) == 0) {
      bench_.committer().roll_segment();
      REQUIRE(bench_.await(bench_.committer().commit()));
    }
    const CompactionRules rules{.delete_retention_ms = kDeleteRetentionMs, .min_dirty_ratio = 0};
    const WallTime now = bench_.loop.clock().wall();
    const auto plan = log->cleanable(rules, now);
    Cleaner cleaner(bench_.context(), bench_.maintenance, bench_.loop.clock(),
                    random_.below(2) == 0 ? 100 : 1 << 20);
    auto cleaning = cleaner.clean({log, rules});
    const bool stopped = random_.below(4) == 0;
    if (random_.below(3) == 0) trim(at->first, index);
    if (random_.below(3) == 0) append(at->first, index);
    if (stopped) {
      bench_.loop.run([&] { return cleaning.done() || random_.below(20) == 0; }, 100);
      cleaner.stop();
    }
    REQUIRE(bench_.await(std::move(cleaning)));
    for (ModelRecord& record : model.records) {
      if (record.compacted_ms < 0) record.compacted_ms = now.unix_millis;
    }
    check_compacted(*log, model, plan, stopped || !plan.worth_it);
  }

  void check_compacted(PartitionLog& log, ModelPartition& model,
                       const PartitionLog::Cleanable& plan, bool partial) {
    std::vector<bool> there(model.records.size());
    const auto bytes = bench_.await(log.read(log.log_start(), {1 << 22, true}));
    REQUIRE(bytes);
    const Buffer whole = bytes->copy();
    const auto batches = wire::split_batches(whole);
    REQUIRE(batches);
    for (const auto& batch : *batches) {
      Buffer storage;
      const auto records = tests::records_of(batch, storage);
      REQUIRE(records);
      for (const auto& record : *records) there[static_cast<std::size_t>(record.offset)] = true;
    }
    std::map<std::string, Offset> newest;
    std::map<std::string, Offset> newest_in_plan;
    for (std::size_t i = 0; i < model.records.size(); ++i) {
      if (!model.records[i].key) continue;
      newest[*model.records[i].key] = static_cast<Offset>(i);
      if (static_cast<Offset>(i) < plan.end)
        newest_in_plan[*model.records[i].key] = static_cast<Offset>(i);
    }
    const std::int64_t now = bench_.loop.clock().wall().unix_millis;
    for (Offset offset = log.log_start(); offset < log.end(); ++offset) {
      ModelRecord& record = model.records[static_cast<std::size_t>(offset)];
      const bool here = there[static_cast<std::size_t>(offset)];
      CAPTURE(offset);
      REQUIRE_FALSE((record.gone && here));
      const bool replaced = record.key && newest[*record.key] > offset;
      if (!here && !record.gone && record.key && !replaced) {
        REQUIRE_FALSE(record.value);
        REQUIRE(now >= record.compacted_ms + kDeleteRetentionMs);
      }
      if (!partial && offset < plan.end && offset != plan.newest) {
        REQUIRE((!here || (record.key && newest_in_plan[*record.key] == offset)));
      }
      record.gone = !here;
    }
    REQUIRE((log.end() == log.log_start() || there.back()));
  }

  TopicConfig random_config() {
    TopicConfig config;
    REQUIRE(config.set("key.index.enable", random_.below(2) == 0 ? "true" : "false"));
    return config;
  }

  void toggle_index() {
    if (model_.empty()) return create();
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
    auto done = topics_->reconfigure(at->first, random_config());
    if (random_.below(2) == 0) append(at->first, 0);
    REQUIRE(bench_.await(std::move(done)).code == ErrorCode::none);
  }

  // Perhaps stopped half way, which is what a kill leaves; perhaps while the partition is appended
  // to, trimmed, or its index switched off.
  void build_index() {
    if (model_.empty()) return create();
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
    const auto index = static_cast<std::size_t>(random_.below(at->second.size()));
    auto log = topics_->find(at->first)->share(static_cast<std::int32_t>(index));
    KeyIndexer indexer(bench_.context(), bench_.maintenance);
    auto building = indexer.build(log);
    bench_.loop.run([&] { return building.done() || random_.below(10) == 0; }, 100);
    find_key(at->first, index);
    if (random_.below(3) == 0) trim(at->first, index);
    if (random_.below(3) == 0) append(at->first, index);
    const bool toggled = random_.below(4) == 0;
    if (toggled) toggle_index();
    const bool stopped = random_.below(3) == 0;
    if (stopped) {
      bench_.loop.run([&] { return building.done() || random_.below(20) == 0; }, 100);
      indexer.stop();
    }
    REQUIRE(bench_.await(std::move(building)));
    if (!stopped && !toggled) REQUIRE_FALSE(log->unindexed());
    find_key(at->first, index);
    if (stopped) restart();
  }

  // By index, by reading, or by both, in as many bites as it takes.
  void find_key(const std::string& topic, std::size_t partition) {
    const ModelPartition& model = model_.at(topic)[partition];
    PartitionLog& log = log_of(topic, partition);
    const std::string key = "k" + std::to_string(random_.below(7));
    FindRequest request{.key = key,
                        .records_max = 1 + random_.below(5),
                        .read_bytes_max = 1 + random_.below(4'000),
                        .answer_bytes_max = 1 + random_.below(200)};
    std::vector<Offset> found;
    for (bool done = false; !done;) {
      const bool covered = log.has_key_index() && !log.unindexed();
      const auto some = bench_.await(log.find(request));
      REQUIRE(some);
      REQUIRE(some->records.size() <= request.records_max);
      REQUIRE(some->unreadable_batches == 0);
      for (const FoundRecord& record : some->records) {
        found.push_back(record.offset);
        REQUIRE(record.value == model.records[static_cast<std::size_t>(record.offset)].value);
      }
      REQUIRE((some->done || some->next > request.from));
      if (covered) REQUIRE(some->scanned_offsets == 0);
      request.from = some->next;
      done = some->done;
    }
    std::vector<Offset> expected;
    for (std::size_t i = static_cast<std::size_t>(model.start); i < model.records.size(); ++i) {
      if (!model.records[i].gone && model.records[i].key == key) {
        expected.push_back(static_cast<Offset>(i));
      }
    }
    REQUIRE(found == expected);
  }

  void find_time(const std::string& topic, std::size_t partition) {
    const ModelPartition& model = model_.at(topic)[partition];
    PartitionLog& log = log_of(topic, partition);
    const auto time = static_cast<std::int64_t>(1'000 + random_.below(1'100));
    Offset first = -1;
    std::int64_t newest = -1;
    for (std::size_t i = model.records.size(); i > static_cast<std::size_t>(model.start); --i) {
      const ModelRecord& record = model.records[i - 1];
      if (record.gone) continue;
      if (record.timestamp >= time) first = static_cast<Offset>(i - 1);
      newest = std::max(newest, record.timestamp);
    }
    const auto found = bench_.await(log.find_timestamp(time));
    REQUIRE(found);
    REQUIRE(found->offset == first);
    const auto latest = bench_.await(log.find_max_timestamp());
    REQUIRE(latest);
    REQUIRE(latest->timestamp == newest);
    if (newest < 0) return;
    REQUIRE(model.records[static_cast<std::size_t>(latest->offset)].timestamp == newest);
  }

  // Perhaps while more is forgotten or appended.
  void reclaim() {
    Reclaimer reclaimer(bench_.context(), bench_.maintenance);
    auto reclaiming =
        reclaimer.run([this] { return topics_->wanted(bench_.committer().segment()); });
    while (!model_.empty() && !reclaiming.done() && random_.below(2) == 0) {
      auto at = model_.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
      const auto partition = static_cast<std::size_t>(random_.below(at->second.size()));
      if (random_.below(2) == 0) {
        append(at->first, partition);
      } else {
        trim(at->first, partition);
      }
    }
    if (random_.below(4) == 0) reclaimer.stop();
    REQUIRE(bench_.await(std::move(reclaiming)));
  }

  void create() {
    const std::string name = "t" + std::to_string(random_.below(4));
    const auto partitions = static_cast<std::int32_t>(1 + random_.below(3));
    const auto error = bench_.await(topics_->create(name, partitions, random_config())).code;
    REQUIRE(error == (model_.contains(name) ? ErrorCode::topic_already_exists : ErrorCode::none));
    if (error == ErrorCode::none) model_[name].resize(static_cast<std::size_t>(partitions));
  }

  void remove() {
    const std::string name = "t" + std::to_string(random_.below(4));
    std::vector<PartitionId> removed;
    const auto error = bench_.await(topics_->remove(name, &removed)).code;
    REQUIRE((error == ErrorCode::none) == (model_.erase(name) == 1));
  }

  // Several at a time, so that they coalesce; retries among them.
  void append(const std::string& topic, std::size_t partition) {
    ModelPartition& model = model_.at(topic)[partition];
    PartitionLog& log = *topics_->find(topic)->partition(static_cast<std::int32_t>(partition));
    std::vector<Task<PartitionLog::Appended>> appends;
    std::vector<Offset> expected;
    static constexpr std::int64_t kFlushMessages[] = {1, 1, 3, 1'000};
    const auto flush_messages = kFlushMessages[random_.below(std::size(kFlushMessages))];
    const auto append_one = [&](const Buffer& batch, WallTime now) {
      return log.commit(log.stage(batch, now), flush_messages);
    };
    for (std::uint64_t i = 1 + random_.below(4); i > 0; --i) {
      std::vector<ModelRecord> records;
      for (std::uint64_t n = 1 + random_.below(4); n > 0; --n) records.push_back(random_record());
      const std::int64_t producer = random_.below(2) == 0 ? -1 : static_cast<int>(random_.below(5));
      const std::int32_t sequence = producer < 0 ? -1 : model.next_sequence[producer];
      const auto now = bench_.loop.clock().wall();
      const Buffer batch = random_batch(records, producer, sequence);
      const auto base = static_cast<Offset>(model.records.size());
      appends.push_back(append_one(batch, now));
      expected.push_back(base);
      if (producer >= 0) {
        model.next_sequence[producer] += static_cast<std::int32_t>(records.size());
        if (random_.below(3) == 0) {
          appends.push_back(append_one(batch, now));
          expected.push_back(base);
        }
      }
      for (auto& record : records) model.records.push_back(std::move(record));
      model.ends.push_back(static_cast<Offset>(model.records.size()));
    }
    for (std::size_t i = 0; i < appends.size(); ++i) {
      const auto appended = bench_.await(std::move(appends[i]));
      REQUIRE(appended.error == ErrorCode::none);
      REQUIRE(appended.base_offset == expected[i]);
    }
    REQUIRE(bench_.await(bench_.committer().commit()));
  }

  void read(const std::string& topic, std::size_t partition, Offset from, std::size_t bytes_max) {
    const ModelPartition& model = model_.at(topic)[partition];
    PartitionLog& log = *topics_->find(topic)->partition(static_cast<std::int32_t>(partition));
    const auto end = static_cast<Offset>(model.records.size());
    REQUIRE(log.log_start() == model.start);
    REQUIRE(log.end() == end);
    REQUIRE(log.high_watermark() == end);
    const auto bytes = bench_.await(log.read(from, {bytes_max, true}));
    REQUIRE(bytes);
    const Buffer whole = bytes->copy();
    const auto batches = wire::split_batches(whole);
    REQUIRE(batches);
    REQUIRE((from == end) == batches->empty());
    if (batches->empty()) return;
    REQUIRE((bytes->size() <= bytes_max || batches->size() == 1));
    // From the batch that holds `from`, without a gap.
    Offset next = std::min(from, batches->front().base_offset());
    REQUIRE(batches->front().last_offset() >= from);
    const auto at = [&](Offset offset) { return model.records[static_cast<std::size_t>(offset)]; };
    const auto skip_gone = [&](Offset to) {
      for (; next < to; ++next) REQUIRE((at(next).gone || next < model.start));
    };
    for (const auto& batch : *batches) {
      Buffer storage;
      const auto records = tests::records_of(batch, storage);
      REQUIRE(records);
      for (const auto& record : *records) {
        skip_gone(record.offset);
        REQUIRE(record.offset == next);
        REQUIRE(record.key == at(next).key);
        REQUIRE(record.value == at(next).value);
        REQUIRE(record.timestamp_ms == at(next).timestamp);
        ++next;
      }
      skip_gone(batch.last_offset() + 1);
      REQUIRE(std::ranges::binary_search(model.ends, next));
    }
  }

  ModelRecord random_record() {
    ModelRecord record{.timestamp = static_cast<std::int64_t>(1'000 + random_.below(1'000))};
    if (random_.below(8) > 0) record.key = "k" + std::to_string(random_.below(7));
    if (!record.key || random_.below(4) > 0) {
      record.value = std::string(random_.below(40), 'v') + std::to_string(next_value_++);
    }
    return record;
  }

  Buffer random_batch(const std::vector<ModelRecord>& records, std::int64_t producer,
                      std::int32_t sequence) {
    wire::RecordBatchBuilder builder(
        {.producer_id = producer,
         .producer_epoch = static_cast<std::int16_t>(producer < 0 ? -1 : 0),
         .base_sequence = sequence});
    for (const auto& record : records) builder.add(record.timestamp, record.key, record.value);
    const Buffer batch = std::move(builder).finish();
    if (random_.below(3) > 0) return batch;
    return tests::compressed(batch, static_cast<wire::Compression>(1 + random_.below(4)));
  }

  static constexpr std::int64_t kDeleteRetentionMs = 100;

  SeededRandom random_;
  LogBench<Medium> bench_;
  std::unique_ptr<Topics> topics_;
  std::map<std::string, std::vector<ModelPartition>> model_;
  int next_value_ = 0;
};

TEST_CASE("random histories on the simulated store agree with the model") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Model<tests::SimMedium>(seed).run(5'000);
  }
}

TEST_CASE("random histories on RocksDB agree with the model") {
  Model<tests::RocksMedium>(99).run(1'500);
}

// Bugs of the store, planted: the model finds each of them.
using Operation = WriteBatch::Operation;
using Kind = WriteBatch::Kind;

void run_with(std::function<bool(const Operation&)> lost) {
  Model<tests::SimMedium> model(0);
  model.disk().lose(std::move(lost));
  model.run(5'000);
}

TEST_CASE("planted: a rewritten value is not stored" * doctest::should_fail()) {
  bool erased = false;  // what a rewrite puts follows what it erases
  run_with([erased](const Operation& operation) mutable {
    if (operation.family != Family::log) return false;
    return std::exchange(erased, operation.kind == Kind::erase_range) &&
           operation.kind == Kind::put;
  });
}

TEST_CASE("planted: replaced records are not erased" * doctest::should_fail()) {
  run_with([](const Operation& operation) {
    return operation.family == Family::log && operation.kind == Kind::erase_range;
  });
}

TEST_CASE("planted: that a partition was compacted is not stored" * doctest::should_fail()) {
  run_with([](const Operation& operation) {
    return operation.family == Family::state && operation.key.starts_with('c');
  });
}

TEST_CASE("planted: what a part holds is not stored anew" * doctest::should_fail()) {
  int part = 0;
  run_with([part](const Operation& operation) mutable {
    return operation.family == Family::state && operation.key.starts_with('g') &&
           operation.kind == Kind::put && ++part % 50 == 0;
  });
}

}  // namespace
}  // namespace sluice::broker
