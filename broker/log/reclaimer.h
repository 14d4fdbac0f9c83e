#pragma once
// Reclaimer: gives the space of what is forgotten back to the disk. Dead segments go as files, of
// mostly dead ones what is wanted is rewritten.
//
// Lives on the loop thread; the store's work runs on `thread`, a one-thread Offload, a range a job,
// so that stop() need not wait for many.

#include <functional>
#include <memory>

#include "broker/log/partition_log.h"
#include "broker/log/wanted.h"
#include "shared/async/offload.h"
#include "shared/async/task.h"

namespace sluice::broker {

class Reclaimer {
 public:
  Reclaimer(LogContext& context, Offload& thread) : context_(context), thread_(thread) {}

  // `wanted`, asked at once if at all, is of now and judges closed segments only. An error costs
  // space until the next run, not records.
  // REQUIRES: no other run is under way.
  Task<Result<void>> run(std::function<Wanted()> wanted);
  // The run under way ends soon.
  void stop() { stopping_ = true; }

 private:
  Task<Result<void>> reclaim(Segments::Garbage::Range range, std::shared_ptr<const Wanted> wanted);

  LogContext& context_;
  Offload& thread_;
  bool stopping_ = false;
};

}  // namespace sluice::broker
