#include "broker/log/key_indexer.h"

#include <algorithm>
#include <span>
#include <utility>

namespace sluice::broker {

bool KeyIndexer::wanted(const PartitionLog& log, const Unindexed& stretch) const {
  return !stopping_ && !log.closed() && log.key_index_epoch() == stretch.epoch;
}

Result<KeyIndexer::Step> KeyIndexer::read_step(const Store& store, PartitionId id,
                                               const Unindexed& stretch, Offset from) {
  Step step{.entries = {}, .next = stretch.end};
  std::size_t read = 0;
  const auto cursor = store.cursor(Family::log, kStepBytes);
  cursor->seek(log_key(stretch.segment, id, from));
  while (const auto key = key_in_part(*cursor, stretch.segment, id)) {
    if (from >= stretch.end) break;
    if (read >= kStepBytes || step.entries.size() >= kStepEntries) {
      step.next = from;
      break;
    }
    read += cursor->value().size();
    TRY_VOID(add_key_entries(cursor->value(), step.entries));
    from = key->last_offset + 1;
    cursor->next();
  }
  TRY_VOID(cursor->status());
  return step;
}

// A batch of long ago may hold more records than one commit should.
Task<Result<void>> KeyIndexer::stage(PartitionLog& log, const Unindexed& stretch,
                                     const std::vector<KeyEntry>& entries) {
  for (std::span<const KeyEntry> rest = entries; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kStepEntries));
    rest = rest.subspan(some.size());
    co_await context_.committer.room();
    if (!wanted(log, stretch) || !log.index_keys(stretch.segment, some)) co_return Result<void>();
    CO_TRY_VOID(co_await context_.committer.commit());
    added_ += some.size();
  }
  co_return Result<void>();
}

Task<Result<void>> KeyIndexer::index_part(PartitionLog& log, Unindexed stretch) {
  for (Offset from = stretch.first; from < stretch.end;) {
    if (!wanted(log, stretch)) co_return Result<void>();
    auto job = [&store = context_.store, id = log.id(), &stretch, from] {
      return read_step(store, id, stretch, from);
    };
    CO_TRY(step, co_await thread_.run(std::move(job)));
    CO_TRY_VOID(co_await stage(log, stretch, step.entries));
    from = step.next;
  }
  if (!wanted(log, stretch)) co_return Result<void>();
  const Offset covered = log.stage_indexed(stretch.segment);
  CO_TRY_VOID(co_await context_.committer.commit());
  if (wanted(log, stretch)) log.set_indexed(covered);
  co_return Result<void>();
}

Task<Result<void>> KeyIndexer::build(std::shared_ptr<PartitionLog> log) {
  // What was appended before it was switched on has to be there to be read.
  CO_TRY_VOID(co_await context_.committer.commit());
  while (!stopping_ && !log->closed()) {
    const auto stretch = log->unindexed();
    if (!stretch) break;
    CO_TRY_VOID(co_await index_part(*log, *stretch));
  }
  co_return Result<void>();
}

}  // namespace sluice::broker
