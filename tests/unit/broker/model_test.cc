// Random appends, retries, fetches, trims, retention, deletions and restarts against a model that
// is a vector.

#include <map>
#include <vector>

#include "broker/topics.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::batch_of;
using tests::LogBench;
using wire::ErrorCode;

struct ModelPartition {
  std::vector<std::string> records;  // index is the offset
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
    bench_.committer().set_segment(topics_->newest_segment() + 1);
    REQUIRE(topics_->all().size() == model_.size());
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

  // As the broker does it once the commit that forgot is durable.
  void reclaim() {
    const auto garbage = bench_.segments().take_garbage(bench_.committer().segment());
    for (const Segment s : garbage.dead) {
      REQUIRE(bench_.store().reclaim_log(segment_begin(s), segment_begin(s + 1), true));
    }
    for (const Segment s : garbage.mostly_dead) {
      REQUIRE(bench_.store().reclaim_log(segment_begin(s), segment_begin(s + 1), false));
    }
  }

  void create() {
    const std::string name = "t" + std::to_string(random_.below(4));
    const auto partitions = static_cast<std::int32_t>(1 + random_.below(3));
    const auto error = bench_.await(topics_->create(name, partitions, {})).code;
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
    for (std::uint64_t i = 1 + random_.below(4); i > 0; --i) {
      std::vector<std::string> values;
      for (std::uint64_t n = 1 + random_.below(4); n > 0; --n) {
        values.push_back(std::string(random_.below(40), 'v') + std::to_string(next_value_++));
      }
      const std::int64_t producer = random_.below(2) == 0 ? -1 : static_cast<int>(random_.below(5));
      const std::int32_t sequence = producer < 0 ? -1 : model.next_sequence[producer];
      const auto now = bench_.loop.clock().wall();
      const Buffer batch = batch_of(values, producer, sequence);
      const auto base = static_cast<Offset>(model.records.size());
      appends.push_back(log.append(batch, now));
      expected.push_back(base);
      if (producer >= 0) {
        model.next_sequence[producer] += static_cast<std::int32_t>(values.size());
        if (random_.below(3) == 0) {
          appends.push_back(log.append(batch, now));
          expected.push_back(base);
        }
      }
      for (auto& value : values) model.records.push_back(std::move(value));
      model.ends.push_back(static_cast<Offset>(model.records.size()));
    }
    for (std::size_t i = 0; i < appends.size(); ++i) {
      const auto appended = bench_.await(std::move(appends[i]));
      REQUIRE(appended.error == ErrorCode::none);
      REQUIRE(appended.base_offset == expected[i]);
    }
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
    Offset next = batches->front().base_offset();
    REQUIRE(next <= from);
    REQUIRE(batches->front().last_offset() >= from);
    for (const auto& batch : *batches) {
      REQUIRE(batch.validate());
      REQUIRE(batch.base_offset() == next);
      const auto records = wire::read_records(batch);
      REQUIRE(records);
      for (const auto& record : *records) {
        REQUIRE(record.offset == next);
        REQUIRE(*record.value == model.records[static_cast<std::size_t>(next)]);
        ++next;
      }
      REQUIRE(std::ranges::binary_search(model.ends, next));
    }
  }

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

}  // namespace
}  // namespace sluice::broker
