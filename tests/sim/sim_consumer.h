#pragma once
// SimConsumer: reads one partition from an offset on, for as long as it lives, and hands every
// record to History before anybody else sees it.

#include <cstdint>
#include <functional>

#include "tests/sim/kafka_client.h"

namespace sluice::sim {

class SimConsumer {
 public:
  struct Handler {
    std::function<void(const wire::Record&)> record;
    std::function<void()> batch_end = [] {};  // after the records of one reply
    std::function<void()> end = [] {};        // nothing more to read for now
  };

  SimConsumer(SimLoop& loop, BrokerHost& host, History& history, Place place, std::int64_t from,
              Handler handler);

  std::int64_t next_offset() const { return next_offset_; }
  // What the last reply said.
  std::int64_t high_watermark() const { return high_watermark_; }
  // Stops taking records for a while.
  void pause(bool on) { paused_ = on; }
  void kill();
  bool ended() const { return gate_.running() == 0; }

 private:
  Task<void> run();
  Task<bool> fetch();
  bool take(const Buffer& records);

  SimLoop& loop_;
  History& history_;
  const Place place_;
  Handler handler_;
  KafkaClient client_;
  std::int64_t next_offset_;
  std::int64_t high_watermark_ = -1;
  bool paused_ = false;
  bool dead_ = false;
  Gate gate_;
};

}  // namespace sluice::sim
