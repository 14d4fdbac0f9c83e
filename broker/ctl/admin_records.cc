#include "broker/ctl/admin_records.h"

#include <fmt/format.h>

#include "broker/ctl/admin_json.h"
#include "shared/base/base64.h"

namespace sluice::ctl {

std::string percent_encoded(ByteView bytes) {
  std::string text;
  for (const char byte : bytes) {
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
    text += plain ? std::string(1, byte) : fmt::format("%{:02X}", static_cast<unsigned char>(byte));
  }
  return text;
}

std::optional<Buffer> bytes_in(const json::object& object, const std::string& name) {
  if (const json::value* text = object.if_contains(name); text != nullptr && text->is_string()) {
    return Buffer(text->as_string());
  }
  const json::value* text = object.if_contains(name + "_base64");
  if (text == nullptr || !text->is_string()) return std::nullopt;
  return from_base64(text->as_string());
}

std::string content_text(const json::object& record) {
  std::string text = printable(bytes_in(record, "key").value_or(""));
  if (record.contains("left_off_bytes")) {
    text += fmt::format("  ({})", size_text(number_in(record, "left_off_bytes")));
  } else {
    const auto value = bytes_in(record, "value");
    text += value ? "  " + printable(*value) : "  (null)";
  }
  const json::value* headers = record.if_contains("headers");
  if (headers == nullptr || !headers->is_array()) return text;
  for (const json::value& header : headers->as_array()) {
    if (!header.is_object()) continue;
    text += fmt::format("  {}={}", printable(bytes_in(header.as_object(), "name").value_or("")),
                        printable(bytes_in(header.as_object(), "value").value_or("")));
  }
  return text;
}

}  // namespace sluice::ctl
