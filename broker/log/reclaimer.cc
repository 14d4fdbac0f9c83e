#include "broker/log/reclaimer.h"

#include <memory>
#include <utility>

namespace sluice::broker {

bool Reclaimer::has_garbage() const {
  return !context_.segments.garbage(context_.committer.segment()).empty();
}

Task<Result<void>> Reclaimer::run(Wanted wanted) {
  const Segments::Garbage garbage = context_.segments.garbage(context_.committer.segment());
  if (garbage.empty()) co_return Result<void>();
  // That nobody wants it must be durable first: what memory knows now, not what it will know then.
  CO_TRY_VOID(co_await context_.committer.commit());
  for (const auto range : garbage.dead) {
    if (stopping_) co_return Result<void>();
    CO_TRY_VOID(co_await reclaim(range, nullptr));
  }
  const auto shared = std::make_shared<const Wanted>(std::move(wanted));
  for (const auto& mostly : garbage.mostly_dead) {
    if (stopping_) co_return Result<void>();
    CO_TRY_VOID(co_await reclaim({mostly.segment, mostly.segment + 1}, shared));
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
