#pragma once
// Inside of broker/ctl's .cc files only: records as a broker's admin HTTP shows them.

#include <boost/json.hpp>
#include <optional>
#include <string>

#include "broker/ctl/json.h"
#include "shared/base/bytes.h"

namespace sluice::ctl {

// As a part of a path or of a query.
std::string percent_encoded(ByteView bytes);

// The member's bytes, which are text or base64; nothing for null.
std::optional<Buffer> bytes_in(const json::object& object, const std::string& name);

// Key, value and headers on one line, for people.
std::string content_text(const json::object& record);

}  // namespace sluice::ctl
