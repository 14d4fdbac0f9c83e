#pragma once
// SequenceCheck: what one partition knows of its idempotent producers (KIP-98), so that a batch
// that a client sends again is stored once. Rules as in Kafka's ProducerAppendInfo and
// ProducerStateEntry. Pure; owned by the partition, on the broker's core loop. Its state is stored
// in the same atomic write as the batch that changes it: one small value per producer, see encode()
// and restore().

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/wire/error_code.h"

namespace sluice::broker {

// What a record batch's header says about who sent it.
struct BatchIdentity {
  std::int64_t producer_id = -1;  // -1: not idempotent
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;  // at least 1

  // Sequences run from 0 to INT32_MAX and then from 0 again.
  std::int32_t last_sequence() const;
};

struct Accept {};
// Stored already: answered like the first time.
struct Duplicate {
  std::int64_t base_offset;
  std::int64_t timestamp;  // when it was appended, Unix ms
};
struct Refuse {
  wire::ErrorCode error_code;
};
using Verdict = std::variant<Accept, Duplicate, Refuse>;

// One producer, for DescribeProducers.
struct ProducerView {
  std::int64_t producer_id;
  std::int16_t producer_epoch;
  std::int32_t last_sequence;
  std::int64_t last_timestamp;
};

class SequenceCheck {
 public:
  struct Options {
    // Producers that one partition remembers; above it the one that was idle the longest is
    // forgotten and its next batch is taken as a new producer's. A client restarts with a new id
    // each time.
    std::size_t producers_max = 10'000;
    // producer.id.expiration.ms: an idle producer is forgotten, as above.
    Millis expiration{86'400'000};
  };

  explicit SequenceCheck(Options options) : options_(options) {}

  // Does not change anything. A batch without a producer id is always accepted.
  Verdict check(const BatchIdentity& batch) const;

  // The batch is stored at base_offset; -1: there is no such place. Returns the producers that were
  // forgotten to make room (none, as a rule), so that their stored state goes too. REQUIRES:
  // check(batch) accepts, and it has a producer id.
  std::vector<std::int64_t> append(const BatchIdentity& batch, std::int64_t base_offset,
                                   WallTime now);

  // Forgets who has been idle for `expiration`; at most `limit` per call.
  std::vector<std::int64_t> expire(WallTime now, std::size_t limit = 1'000);

  // The state of one producer as stored bytes. REQUIRES: it is known.
  Buffer encode(std::int64_t producer_id) const;
  // Takes a stored state back; one that is there already is replaced. The limit is applied by the
  // next append. On an error nothing changed.
  Result<void> restore(std::int64_t producer_id, ByteView stored);

  std::size_t size() const { return producers_.size(); }
  std::optional<ProducerView> find(std::int64_t producer_id) const;
  std::vector<ProducerView> list() const;

 private:
  // A client keeps up to five requests in flight, so it may repeat any of five batches.
  static constexpr std::size_t kWindow = 5;

  struct Batch {
    std::int32_t base_sequence;
    std::int32_t last_sequence;
    std::int64_t base_offset;
    std::int64_t timestamp;
  };

  struct Producer {
    std::int16_t epoch = -1;
    std::uint8_t count = 0;  // batches in the window, oldest first
    std::array<Batch, kWindow> batches{};
    std::int64_t last_used = 0;

    // REQUIRES: count > 0, which holds for every kept producer.
    const Batch& last() const { return batches[count - 1]; }
    void push(const Batch& batch);
  };

  void put(std::int64_t producer_id, const Producer& producer);
  void forget(std::int64_t producer_id);

  Options options_;
  boost::unordered_flat_map<std::int64_t, Producer> producers_;
  std::set<std::pair<std::int64_t, std::int64_t>> by_use_;  // last used, producer id
};

}  // namespace sluice::broker
