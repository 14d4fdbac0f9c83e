#pragma once
// Reads a dead letter topic: its letters, and which of them were sent back.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/ctl/context.h"
#include "broker/ctl/dead_letter.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"

namespace sluice::ctl {

// What the topic held when it was opened. Memory: some 100 bytes for each letter that was sent
// back. One thread.
class DeadLetterTopic {
 public:
  // Called with each letter, and its mark if it was sent back; false: that was enough.
  using Visit = std::function<bool(const DeadLetter& letter, const RedriveMark* mark)>;

  // Reads the whole topic once, for the marks. `partition`: only this one; -1: all.
  // Code::not_found: there is no such topic or partition.
  static Result<DeadLetterTopic> open(const Context& context, const std::string& name,
                                      std::int32_t partition = -1);

  // Partition by partition, oldest first. May be called again.
  Result<void> read(const Visit& visit);

 private:
  // Of one partition, what is kept of it: [low, high).
  struct Stretch {
    client::TopicPartition start;
    std::int64_t end = 0;
  };
  using Take = std::function<bool(const client::Record& record)>;

  explicit DeadLetterTopic(const Context& context) : context_(&context) {}
  Result<void> find_stretches(const std::string& name, std::int32_t partition);
  Result<void> scan(const Take& take);
  // False: `take` has enough.
  Result<bool> scan(client::Consumer& consumer, const Stretch& stretch, const Take& take);

  const Context* context_;
  std::vector<Stretch> stretches_;  // those that are not empty
  std::map<LetterId, RedriveMark> marks_;
};

// The names of all dead letter topics that the servers have.
Result<std::vector<std::string>> dead_letter_topics(const Context& context);

}  // namespace sluice::ctl
