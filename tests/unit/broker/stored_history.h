#pragma once
// StoredHistory: a store with a bit of everything in it, made through the broker's own classes: two
// topics, one that was deleted, several segments, compressed values of several batches, trimmed
// logs, an idempotent producer, committed offsets, delayed records.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/offsets.h"
#include "broker/topics.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::tests {

template <class Medium>
struct StoredHistory : LogBench<Medium> {
  StoredHistory() {
    Buffer version;
    append_be(version, broker::kFormatVersion);
    this->committer().put(broker::state_key(broker::StateKind::meta, "format"), version);
    topics = std::make_unique<broker::Topics>(this->context(), random, broker::TopicLimits{});
    offsets = std::make_unique<broker::Offsets>(this->store(), this->committer());
    this->committer().set_segment(1);
    create("orders", 3);
    create("gone", 2);
    create("one", 1);
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 20; ++i) fill("orders", i % 3, i);
      fill("gone", 0, 1);
      fill("gone", 1, 2);
      fill("one", 0, round);
      this->committer().roll_segment();
      CHECK(this->await(this->committer().commit()));
    }
    for (int i = 0; i < 6; ++i) fill("orders", i % 3, i);
    log("orders", 1).trim(log("orders", 1).high_watermark() / 2);
    log("one").trim(log("one").high_watermark());
    std::vector<broker::PartitionId> removed;
    this->await(topics->remove("gone", &removed));
    delay("orders", 2, {"later", "much later"});
    CHECK(offsets->stage("readers", {"orders", 0}, {.offset = 7, .metadata = "hi"}));
    CHECK(this->await(this->committer().commit()));
  }
  ~StoredHistory() { end(); }

  // Closes the store.
  void end() {
    offsets.reset();
    topics.reset();
    this->close();
  }

  void create(const std::string& name, std::int32_t partitions) {
    CHECK(this->await(topics->create(name, partitions, {})).code == wire::ErrorCode::none);
  }
  broker::PartitionLog& log(const std::string& topic, std::int32_t index = 0) {
    return *topics->find(topic)->partition(index);
  }
  // Two batches that meet in one commit.
  void fill(const std::string& topic, std::int32_t index, int number) {
    auto& partition = log(topic, index);
    std::int32_t& sequence = sequences[{topic, index}];
    const std::string text = "record " + std::to_string(number) + std::string(300, 'x');
    const WallTime now = this->loop.clock().wall();
    auto first = partition.stage(batch_of({text, "b"}, 4, sequence), now);
    auto second = partition.stage(batch_of({text}), now);
    sequence += 2;
    for (auto* staged : {&first, &second}) {
      CHECK(this->await(partition.commit(std::move(*staged))).error == wire::ErrorCode::none);
    }
  }

  // Staged, due in a day.
  void delay(const std::string& topic, std::int32_t index, const std::vector<std::string>& values) {
    std::vector<broker::DelayedRecord> records;
    for (const auto& value : values) {
      records.push_back({this->loop.clock().wall().unix_millis + 86'400'000, batch_of({value})});
    }
    log(topic, index).delays().stage(std::move(records));
  }

  SeededRandom random{5};
  std::map<std::pair<std::string, std::int32_t>, std::int32_t> sequences;  // of producer 4
  std::unique_ptr<broker::Topics> topics;
  std::unique_ptr<broker::Offsets> offsets;
};

}  // namespace sluice::tests
