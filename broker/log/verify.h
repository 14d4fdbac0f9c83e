#pragma once
// Verifier: walks everything in a store: does every key and value read as docs/storage-format.md
// says, does every record batch match its CRC, are the offsets dense (where nothing was compacted),
// do the parts in the state agree with the records, does every key belong to somebody, does the key
// index agree with the log (broker/log/verify_index.h), do the delayed records agree with what is
// counted of them (broker/log/verify_delays.h). Reads the stored bytes by itself, not through the
// broker's classes: what they do wrong it has to see.
//
// Used by one thread, once; the store does not change meanwhile. Memory: the state of the
// partitions, and at most kFindingsMax findings.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/log/finding.h"
#include "broker/log/keys.h"
#include "broker/log/store.h"
#include "broker/log/verify_delays.h"
#include "broker/log/verify_index.h"
#include "shared/base/bytes.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

struct VerifyReport {
  std::uint64_t topics = 0;
  std::uint64_t partitions = 0;
  std::uint64_t parts = 0;
  std::uint64_t producers = 0;
  std::uint64_t group_offsets = 0;
  std::uint64_t values = 0;  // of the log
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t index_entries = 0;
  std::uint64_t delayed_records = 0;
  std::uint64_t forgotten_bytes = 0;  // of records that nobody can ask for any more
  std::vector<Finding> findings;
  std::uint64_t findings_left_off = 0;  // behind kFindingsMax

  bool clean() const;  // nothing but warnings
};

// Of a key that may be damaged and of any length: its beginning, as hex digits.
std::string shown_key(ByteView key);

class Verifier {
 public:
  // Enough to see what is wrong; a store that is damaged all over has millions.
  static constexpr std::size_t kFindingsMax = 1'000;

  explicit Verifier(const Store& store) : store_(store), index_(store), delays_(store) {}

  VerifyReport run();

 private:
  struct Part {
    Offset first = 0;
    Offset end = 0;
    std::int64_t max_timestamp = -1;
    std::uint64_t bytes = 0;
  };
  struct Partition {
    std::string topic;
    std::int32_t index = 0;
    bool sparse = false;                 // was compacted by key: may have gaps
    bool wants_index = false;            // says its topic
    std::optional<Offset> indexed_from;  // there is a key index
    std::optional<Offset> log_start;
    bool delays = false;  // had delayed records once: parts may be newer than what is in them
    std::map<Segment, Part> parts;
  };
  using PartKey = std::pair<Segment, PartitionId>;  // the order of the log's keys
  // A part while its records are read.
  struct Reading {
    PartKey key;
    const Partition* partition = nullptr;
    const Part* part = nullptr;
    Offset next = 0;  // the offset that has to come
    std::uint64_t bytes = 0;
    std::int64_t max_timestamp = -1;
    bool broken = false;  // said already
  };

  // The state family, a kind after the other; topics first, then what belongs to them.
  void read_state();
  template <class Visit>
  void each(StateKind kind, Visit visit);
  void check_kinds();
  void read_meta(ByteView name, ByteView value);
  void read_topic(ByteView name, ByteView value);
  void read_partition(ByteView rest, ByteView value);
  void read_part(ByteView rest, ByteView value);
  void read_cleaned(ByteView rest, ByteView value);
  void read_indexed(ByteView rest, ByteView value);
  void read_delayed_count(ByteView rest, ByteView value);
  void read_producer(ByteView rest, ByteView value);
  void read_offset(ByteView rest, ByteView value);
  void check_partition(const Partition& partition);
  Partition* owner(ByteView& rest, std::string_view what);

  // The log family, in the order of its keys.
  void read_log();
  void read_value(Reading& reading, Offset last_offset, ByteView value);
  void check_follows(Reading& reading, const wire::RecordBatchView& batch);
  bool forgotten(PartitionId id, Offset offset) const;
  PartKey skip_damaged(Reading& reading, std::string_view why);
  static bool may_be_empty(const Partition& partition, const Part& part);
  void begin_part(Reading& reading, PartKey key);
  void end_part(Reading& reading);
  void begin_index(PartKey key, const Partition& partition);
  void check_index_owners();
  void check_delays();

  void found(Finding finding);
  void found(const Partition& partition, Offset offset, std::string what, bool warning = false);

  const Store& store_;
  IndexVerifier index_;
  DelayVerifier delays_;
  VerifyReport report_;
  std::unordered_map<PartitionId, Partition> partitions_;
  std::map<std::string, std::vector<PartitionId>, std::less<>> topics_;
  std::map<PartKey, bool> parts_;  // all, and whether their records were seen
  PartitionId next_partition_ = 0;
  bool format_known_ = false;
};

}  // namespace sluice::broker
