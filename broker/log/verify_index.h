#pragma once
// IndexVerifier: the key index against the log, both ways: every record with a key has its entry as
// far as the index claims to reach, and every entry leads to such a record. Entries before the
// log's start count for nothing. Fed by the Verifier while it reads the log, part by part.
//
// Used by one thread, once. Memory: kWindowEntries entries; a part with more is checked in several
// stretches of offsets, each with a walk over the part's entries.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/log/key_index.h"
#include "broker/log/keys.h"
#include "broker/log/store.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

class IndexVerifier {
 public:
  static constexpr std::size_t kWindowEntries = 4'000'000;

  struct Partition {
    PartitionId id = 0;
    Offset log_start = 0;
    Offset indexed_from = 0;
  };
  // What is wrong, and at which offset; -1 for none.
  using Report = std::function<void(Offset, std::string)>;

  explicit IndexVerifier(const Store& store, std::size_t window_entries = kWindowEntries)
      : store_(store), window_entries_(window_entries) {}

  void begin_part(Segment segment, const Partition& partition, Report report);
  void add(const wire::RecordBatchView& batch);
  // The part's records are not all known, so nothing can be said of it.
  void give_up_part() { open_ = false; }
  void end_part();

  // Entries that belong to no part of an indexed partition, told once a part: `owned` says which
  // have an owner, `forgotten` which need none.
  void check_owners(const std::function<bool(Segment, PartitionId)>& owned,
                    const std::function<bool(PartitionId, Offset)>& forgotten,
                    const Report& report);

  // Entries that were right.
  std::uint64_t entries() const { return entries_; }

 private:
  void check_window(Offset end);
  bool in_part(const Cursor& cursor) const;
  void missing(const KeyEntry& entry);

  const Store& store_;
  const std::size_t window_entries_;
  bool open_ = false;
  Segment segment_ = 0;
  Partition partition_;
  Report report_;
  std::vector<KeyEntry> expected_;  // from window_begin_ on
  Offset window_begin_ = 0;
  bool first_window_ = true;
  std::uint64_t entries_ = 0;
};

}  // namespace sluice::broker
