#pragma once
// Inside of broker/admin's .cc files only: a record as JSON, and what routes about records share.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/log/key_finder.h"
#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/http/response.h"

namespace sluice::broker {

http::Response problem(int status, std::string_view code, std::string_view detail);
http::Response no_topic(std::string_view topic);

// Code::invalid names the parameter and its bounds.
Result<std::int64_t> number_of(std::string_view name, std::string_view text, std::int64_t least,
                               std::int64_t most);

// `"key":…,"value":…,"headers":[…]`; what is not UTF-8 is base64 under "key_base64" and so on. A
// record that is too large to be shown has "left_off_bytes" in the place of value and headers.
void append_content(Buffer& to, const std::optional<Buffer>& key, const FoundRecord& record);

}  // namespace sluice::broker
