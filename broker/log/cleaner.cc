#include "broker/log/cleaner.h"

#include <algorithm>
#include <utility>

namespace sluice::broker {

// One pass over a partition: from its start to where the map of newest keys ends.
struct Cleaner::Pass {
  PartitionLog& log;
  PartitionLog::Cleanable plan;
  NewestOffsets newest;
  CleanBounds bounds;
  std::int64_t next_horizon_ms = kNoHorizon;
};

// Adds the keys of the part from `next` on, which moves. False: the map is full.
Result<bool> Cleaner::collect_step(const Store& store, PartitionId id, const Part& part,
                                   NewestOffsets& newest, Offset& next) {
  const auto cursor = store.cursor(Family::log, kStepBytes);
  std::size_t read = 0;
  for (cursor->seek(log_key(part.segment, id, next)); key_in_part(*cursor, part.segment, id);
       cursor->next()) {
    if (read >= kStepBytes) return true;
    read += cursor->value().size();
    TRY(batches, wire::split_batches(cursor->value()));
    for (const auto& batch : batches) {
      if (batch.last_offset() < next) continue;
      TRY(fits, newest.add(batch));
      if (!fits) return false;
      next = batch.next_offset();
    }
  }
  TRY_VOID(cursor->status());
  next = part.end;
  newest.skip_to(part.end);
  return true;
}

Task<Result<void>> Cleaner::collect_keys(Pass& pass) {
  for (const Part& part : pass.plan.parts) {
    Offset next = std::max(part.first, pass.newest.end());
    while (next < part.end) {
      if (stopping_ || pass.log.closed()) co_return Result<void>();
      auto job = [&store = context_.store, id = pass.log.id(), &part, &pass, &next] {
        return collect_step(store, id, part, pass.newest, next);
      };
      CO_TRY(more, co_await thread_.run(std::move(job)));
      if (!more) co_return Result<void>();
    }
  }
  co_return Result<void>();
}

// Cleans the part's values from `from` on, up to the end of the map.
Result<Cleaner::Step> Cleaner::clean_step(const Store& store, PartitionId id, const Part& part,
                                          Offset from, const NewestOffsets& newest,
                                          const CleanBounds& bounds) {
  Step step{.next = part.end, .done = true};
  Rewriter rewriter;
  std::size_t read = 0;
  const auto cursor = store.cursor(Family::log, kStepBytes);
  cursor->seek(log_key(part.segment, id, from));
  for (; const auto key = key_in_part(*cursor, part.segment, id); cursor->next()) {
    if (read >= kStepBytes || step.dropped_keys.size() >= kStepKeys) {
      step.done = false;
      break;
    }
    read += cursor->value().size();
    TRY(cleaned, clean_value(cursor->value(), newest, bounds));
    step.max_timestamp = std::max(step.max_timestamp, cleaned.max_timestamp);
    step.next_horizon_ms = std::min(step.next_horizon_ms, cleaned.next_horizon_ms);
    step.dropped += cleaned.dropped;
    step.dropped_keys.insert(step.dropped_keys.end(), cleaned.dropped_keys.begin(),
                             cleaned.dropped_keys.end());
    step.next = key->last_offset + 1;
    rewriter.add(key->last_offset, cursor->value().size(), std::move(cleaned));
  }
  TRY_VOID(cursor->status());
  step.rewrites = rewriter.finish();
  return step;
}

Task<Result<void>> Cleaner::clean_part(Pass& pass, Part part) {
  std::int64_t max_timestamp = -1;
  for (Offset from = part.first;;) {
    if (stopping_ || pass.log.closed()) co_return Result<void>();
    pass.bounds.list_dropped_keys = pass.log.has_key_index();
    auto job = [&store = context_.store, id = pass.log.id(), &part, &pass, from] {
      return clean_step(store, id, part, from, pass.newest, pass.bounds);
    };
    CO_TRY(step, co_await thread_.run(std::move(job)));
    if (pass.log.closed()) co_return Result<void>();
    co_await context_.committer.room();
    max_timestamp = std::max(max_timestamp, step.max_timestamp);
    pass.next_horizon_ms = std::min(pass.next_horizon_ms, step.next_horizon_ms);
    stats_.records_dropped += step.dropped;
    for (const Rewrite& rewrite : step.rewrites) {
      stats_.bytes_dropped +=
          rewrite.old_bytes - std::min<std::uint64_t>(rewrite.old_bytes, rewrite.value.size());
    }
    const bool changed = !step.rewrites.empty();
    // It may have gone while we waited.
    if (pass.log.closed()) co_return Result<void>();
    CO_TRY(there, pass.log.rewrite(part.segment, std::move(step.rewrites), step.dropped_keys));
    if (!there) co_return Result<void>();
    if (step.done) {
      pass.log.finish_part(part.segment,
                           max_timestamp < 0 ? std::nullopt : std::optional(max_timestamp));
    }
    if (changed || step.done) CO_TRY_VOID(co_await context_.committer.commit());
    if (changed && !pass.log.closed()) context_.tail.erase_before(pass.log.id(), step.next);
    if (step.done) co_return Result<void>();
    from = step.next;
  }
}

Task<Result<void>> Cleaner::clean_parts(Pass& pass) {
  for (const Part& part : pass.plan.parts) {
    if (part.first >= pass.newest.end()) break;
    CO_TRY_VOID(co_await clean_part(pass, part));
  }
  co_return Result<void>();
}

Task<Result<void>> Cleaner::clean(Job job) {
  PartitionLog& log = *job.log;
  bool more = false;  // the map was too small for all keys at once
  for (;;) {
    // On a full disk the store lacks what memory knows of, and rewriting needs space first.
    if (!context_.committer.refusal().empty()) co_return Result<void>();
    const WallTime now = clock_.wall();
    auto plan = log.cleanable(job.rules, now);
    if (stopping_ || log.closed() || !(more || plan.worth_it)) co_return Result<void>();
    const Offset dirty = plan.dirty;
    const CleanBounds bounds{.newest = plan.newest,
                             .now_ms = now.unix_millis,
                             .delete_retention_ms = job.rules.delete_retention_ms};
    Pass pass{.log = log,
              .plan = std::move(plan),
              .newest = NewestOffsets(map_bytes_max_, dirty),
              .bounds = bounds};
    CO_TRY_VOID(co_await collect_keys(pass));
    CO_TRY_VOID(co_await clean_parts(pass));
    if (stopping_ || log.closed()) co_return Result<void>();
    log.set_cleaned(pass.newest.end(), pass.next_horizon_ms);
    CO_TRY_VOID(co_await context_.committer.commit());
    ++stats_.passes;
    more = pass.newest.end() < pass.plan.end;
    if (!more) co_return Result<void>();
  }
}

}  // namespace sluice::broker
