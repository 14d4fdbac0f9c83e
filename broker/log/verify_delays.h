#pragma once
// DelayVerifier: the delayed records against what the state counts of them: every one reads as
// docs/storage-format.md says, belongs to a partition, and has a sequence that was given out; there
// are as many as are counted.
//
// Used by one thread, once. Memory: a count for each partition that had delayed records.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "broker/log/delay_keys.h"
#include "broker/log/store.h"
#include "shared/base/bytes.h"

namespace sluice::broker {

class DelayVerifier {
 public:
  // What is wrong, and of which partition, if that is known.
  using Report = std::function<void(std::optional<PartitionId>, std::string)>;

  explicit DelayVerifier(const Store& store) : store_(store) {}

  // What the state counts of a partition. False: the value is damaged.
  bool expect(PartitionId partition, ByteView value);
  void run(const Report& report);

  // Delayed records that were right.
  std::uint64_t records() const { return records_; }

 private:
  struct Count {
    std::uint64_t pending = 0;
    std::uint64_t next_sequence = 0;
    std::uint64_t seen = 0;
  };

  void read(ByteView key, ByteView value, const Report& report);

  const Store& store_;
  std::unordered_map<PartitionId, Count> counts_;
  std::uint64_t records_ = 0;
  std::optional<PartitionId> ownerless_;  // said already
};

}  // namespace sluice::broker
