#pragma once
// Events as the JSON of the record values on the log: `{"type":"reserve","order":…}`. Names are the
// field names of event.h; fields that hold nothing (no deadline, not paused) are left out.

#include <cstddef>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/ledger/event.h"

namespace sluice::ledger {

// A record value beyond this is refused unread: the largest valid event is below 4 KiB.
inline constexpr std::size_t kMaxEventBytes = 16 * 1024;

Buffer encode(const Event& event);

// Fields that are not known are ignored, so that a newer writer does not stop an older reader; a
// type that is not known is Code::unsupported. Anything else wrong is Code::invalid (Code::corrupt
// when it is not JSON) and the context names the field.
Result<Event> decode(ByteView json);

}  // namespace sluice::ledger
