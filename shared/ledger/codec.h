#pragma once
// Events as the JSON of the record values on the log: `{"type":"reserve","order":…}`. Names are the
// field names of event.h; fields that hold nothing (no deadline, not paused) are left out.

#include <cstddef>
#include <optional>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/ledger/event.h"
#include "shared/ledger/order_id.h"

namespace sluice::ledger {

// A record value beyond this is refused unread: the largest valid event is below 4 KiB.
inline constexpr std::size_t kMaxEventBytes = 16 * 1024;

Buffer encode(const Event& event);

// Fields that are not known are ignored, so that a newer writer does not stop an older reader; a
// type that is not known is Code::unsupported. Anything else wrong is Code::invalid (Code::corrupt
// when it is not JSON) and the context names the field.
Result<Event> decode(ByteView json);

// Who a reserve was for that decode() refuses. The rest of the record stays unread.
struct Addressee {
  PackedOrderId id;
  std::string order;
  std::string sale;
  std::string user;  // empty when it breaks the rules of event.h
};

// Nothing when the record is no reserve, or its order or sale cannot be read. Such an order has a
// row, which says rejected.
std::optional<Addressee> addressee_of(ByteView json);

}  // namespace sluice::ledger
