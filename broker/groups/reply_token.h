#pragma once
// ReplyToken: names one parked request. The shell makes it, keeps token → waiting handler, and
// resolves it when an Actions list carries the reply.

#include <cstdint>

#include "shared/base/strong.h"

namespace sluice::broker {

using ReplyToken = Strong<struct ReplyTokenTag, std::uint64_t>;

}  // namespace sluice::broker
