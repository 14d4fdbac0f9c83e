#include "broker/log/reclaimer.h"

#include <memory>
#include <utility>

namespace sluice::broker {

Task<Result<void>> Reclaimer::run(std::function<Wanted()> wanted) {
  const Segments::Garbage garbage = context_.segments.garbage(context_.committer.segment());
  if (garbage.empty()) co_return Result<void>();
  // Of all partitions: worth making only for segments that are rewritten.
  std::shared_ptr<const Wanted> kept;
  if (!garbage.mostly_dead.empty()) kept = std::make_shared<const Wanted>(wanted());
  // That nobody wants it must be durable first: what memory knows now, not what it will know then.
  CO_TRY_VOID(co_await context_.committer.commit());
  for (const auto range : garbage.dead) {
    if (stopping_) co_return Result<void>();
    CO_TRY_VOID(co_await reclaim(range, nullptr));
  }
  for (const auto& mostly : garbage.mostly_dead) {
    if (stopping_) co_return Result<void>();
    CO_TRY_VOID(co_await reclaim({mostly.segment, mostly.segment + 1}, kept));
  }
  context_.segments.reclaimed(garbage);
  co_return Result<void>();
}

// Null: nothing in it is wanted.
Task<Result<void>> Reclaimer::reclaim(Segments::Garbage::Range range,
                                      std::shared_ptr<const Wanted> wanted) {
  auto job = [&store = context_.store, range, wanted]() -> Result<void> {
    for (const Family family : {Family::log, Family::index}) {
      Store::KeyFilter filter;
      if (wanted) filter = [wanted, family](ByteView key) { return (*wanted)(family, key); };
      TRY_VOID(store.reclaim(family, segment_begin(range.begin), segment_begin(range.end),
                             std::move(filter)));
    }
    return {};
  };
  co_return co_await thread_.run(std::move(job));
}

}  // namespace sluice::broker
