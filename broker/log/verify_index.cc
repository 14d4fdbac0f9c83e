#include "broker/log/verify_index.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::broker {
namespace {

constexpr std::size_t kReadaheadBytes = 4 << 20;

Buffer part_prefix(Segment segment, PartitionId partition) {
  Buffer prefix;
  append_be(prefix, segment);
  append_be(prefix, partition);
  return prefix;
}

}  // namespace

void IndexVerifier::begin_part(Segment segment, const Partition& partition, Report report) {
  open_ = true;
  segment_ = segment;
  partition_ = partition;
  report_ = std::move(report);
  expected_.clear();
  window_begin_ = partition.log_start;
  first_window_ = true;
}

void IndexVerifier::add(const wire::RecordBatchView& batch) {
  if (!open_) return;
  const std::size_t before = expected_.size();
  add_key_entries(batch, expected_);
  const auto added = expected_.begin() + static_cast<std::ptrdiff_t>(before);
  expected_.erase(
      std::remove_if(added, expected_.end(),
                     [&](const KeyEntry& entry) { return entry.offset < partition_.log_start; }),
      expected_.end());
  if (expected_.size() >= window_entries_) check_window(batch.next_offset());
}

void IndexVerifier::end_part() {
  if (open_) check_window(kOffsetMax);
  open_ = false;
}

bool IndexVerifier::in_part(const Cursor& cursor) const {
  return cursor.valid() && cursor.key().starts_with(part_prefix(segment_, partition_.id));
}

void IndexVerifier::missing(const KeyEntry& entry) {
  if (entry.offset < partition_.indexed_from) return;
  report_(entry.offset,
          fmt::format("the key index has no entry {:016x} for the record", entry.hash));
}

// The entries are in the order of their hashes, and so is what is expected of them.
void IndexVerifier::check_window(Offset end) {
  std::ranges::sort(expected_);
  auto next = expected_.begin();
  const auto cursor = store_.cursor(Family::index, kReadaheadBytes);
  for (cursor->seek(index_key(segment_, partition_.id, 0, 0)); in_part(*cursor); cursor->next()) {
    const auto key = parse_index_key(cursor->key());
    if (!key || !cursor->value().empty()) {
      if (first_window_)
        report_(-1, fmt::format("an entry of the key index is damaged in segment "
                                "{}",
                                segment_));
      continue;
    }
    if (key->offset < window_begin_ || key->offset >= end) continue;
    const KeyEntry entry{key->hash, key->offset};
    for (; next != expected_.end() && *next < entry; ++next) missing(*next);
    if (next != expected_.end() && *next == entry) {
      entries_ += 1;
      ++next;
    } else {
      report_(entry.offset, fmt::format("the key index has an entry {:016x} in segment {}, but "
                                        "there is no record with such a key",
                                        entry.hash, segment_));
    }
  }
  if (const auto status = cursor->status(); !status) {
    report_(-1, fmt::format("the key index cannot be read in segment {}: {}", segment_,
                            status.error().context));
    open_ = false;
    return;
  }
  for (; next != expected_.end(); ++next) missing(*next);
  expected_.clear();
  window_begin_ = end;
  first_window_ = false;
}

void IndexVerifier::check_owners(const std::function<bool(Segment, PartitionId)>& owned,
                                 const std::function<bool(PartitionId, Offset)>& forgotten,
                                 const Report& report) {
  const auto cursor = store_.cursor(Family::index, 0);
  for (cursor->seek(""); cursor->valid();) {
    const auto key = parse_index_key(cursor->key());
    if (!key) {
      report(-1, "a key of the key index is damaged");
      cursor->next();
      continue;
    }
    const bool ours = owned(key->segment, key->partition);
    if (!ours && forgotten(key->partition, key->offset)) {
      cursor->next();
      continue;
    }
    if (!ours) {
      report(-1, fmt::format("the key index holds entries in segment {} of partition number {}, "
                             "which has no index there",
                             key->segment, key->partition));
    }
    const Buffer end = index_part_end(key->segment, key->partition);
    cursor->seek(end);
    if (cursor->valid() && cursor->key() == end) cursor->next();  // which is damage enough
  }
  if (const auto status = cursor->status(); !status) {
    report(-1, fmt::format("the key index cannot be read: {}", status.error().context));
  }
}

}  // namespace sluice::broker
