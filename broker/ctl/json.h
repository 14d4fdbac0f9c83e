#pragma once
// Inside of broker/ctl's .cc files only: JSON output. Keys are stable; times are Unix milliseconds
// beside ISO 8601 text; numbers are raw.

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "broker/ctl/print.h"
#include "shared/base/base64.h"
#include "shared/base/bytes.h"

namespace sluice::ctl {

namespace json = boost::json;

// One value on one line.
inline void print_json(std::ostream& out, const json::value& value) {
  out << json::serialize(value) << "\n";
}

// object[name] = the bytes; as name_base64 when they are not UTF-8; null for nothing.
inline void put_bytes(json::object& object, const std::string& name,
                      const std::optional<ByteView>& bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (is_utf8(*bytes)) {
    object[name] = json::string_view(bytes->data(), bytes->size());
  } else {
    object[name + "_base64"] = base64(*bytes);
  }
}

// object[name_ms] and object[name]; null below 0.
inline void put_time(json::object& object, const std::string& name, std::int64_t unix_millis) {
  if (unix_millis < 0) {
    object[name + "_ms"] = nullptr;
    object[name] = nullptr;
  } else {
    object[name + "_ms"] = unix_millis;
    object[name] = time_text(unix_millis);
  }
}

}  // namespace sluice::ctl
