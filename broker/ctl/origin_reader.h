#pragma once
// OriginReader: the records that dead letters hold no copy of. Kafka's share groups make such
// letters unless they are told otherwise, and the worker does of records that are too large.

#include <memory>

#include "broker/ctl/context.h"
#include "broker/ctl/dead_letter.h"
#include "shared/base/result.h"
#include "shared/client/admin.h"

namespace sluice::ctl {

// One thread. Lives no longer than the context.
class OriginReader {
 public:
  explicit OriginReader(const Context& context) : context_(context) {}

  // Gives the letter the key, the value and the headers of its record. not_found: the origin is not
  // known, or does not keep that record any more.
  // REQUIRES: the letter's origin is a topic, and a partition of it, that is there.
  Result<void> complete(DeadLetter& letter);

 private:
  const Context& context_;
  std::unique_ptr<client::Admin> admin_;  // opened when it is needed
};

}  // namespace sluice::ctl
