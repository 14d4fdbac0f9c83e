#include "broker/ctl/dead_letter_print.h"

#include <fmt/format.h>

#include <ostream>

namespace sluice::ctl {

namespace {

json::value known(std::int64_t number) {
  return number < 0 ? json::value(nullptr) : json::value(number);
}

std::string redriven_text(const RedriveMark* mark) {
  if (mark == nullptr) return "no";
  return fmt::format("to {} at {}", place_text(mark->to), time_text(mark->timestamp_ms));
}

}  // namespace

json::object place_json(const Place& place) {
  json::object object;
  put_bytes(object, "topic", place.topic);
  object["partition"] = known(place.partition);
  object["offset"] = known(place.offset);
  return object;
}

json::object letter_json(const DeadLetter& letter, const RedriveMark* mark) {
  json::object object{
      {"topic", letter.topic}, {"partition", letter.id.first}, {"offset", letter.id.second}};
  put_time(object, "timestamp", letter.timestamp_ms);
  object["origin"] = place_json(letter.origin);
  put_bytes(object, "code", letter.code);
  put_bytes(object, "message", letter.message);
  object["redrives"] = letter.redrives;
  put_bytes(object, "key", letter.key);
  object["value_bytes"] = letter.value ? json::value(letter.value->size()) : json::value(nullptr);
  object["redriven"] = nullptr;
  if (mark != nullptr) {
    json::object redriven{{"to", place_json(mark->to)}};
    put_time(redriven, "timestamp", mark->timestamp_ms);
    object["redriven"] = std::move(redriven);
  }
  return object;
}

void put_content(json::object& object, const DeadLetter& letter) {
  put_bytes(object, "value", letter.value);
  json::array headers;
  for (const client::Header& header : letter.headers) {
    json::object entry;
    put_bytes(entry, "name", header.name);
    put_bytes(entry, "value", header.value);
    headers.push_back(std::move(entry));
  }
  object["headers"] = std::move(headers);
}

void print_letter(std::ostream& out, const DeadLetter& letter, const RedriveMark* mark) {
  Properties lines;
  lines.add("letter", fmt::format("{} in {}", id_text(letter.id), letter.topic));
  lines.add("time", time_text(letter.timestamp_ms));
  lines.add("origin", place_text(letter.origin));
  lines.add("code", letter.code.empty() ? "-" : printable(letter.code));
  lines.add("message", letter.message.empty() ? "-" : printable(letter.message));
  lines.add("redrives", fmt::to_string(letter.redrives));
  lines.add("redriven", redriven_text(mark));
  for (const client::Header& header : letter.headers) {
    lines.add("header", fmt::format("{}={}", printable(header.name),
                                    header.value ? printable(*header.value) : "(null)"));
  }
  lines.add("key", letter.key ? printable(*letter.key) : "(null)");
  lines.add("value", letter.value ? printable(*letter.value) : "(null)");
  lines.print(out);
}

std::string preview(ByteView bytes, std::size_t most) {
  if (bytes.size() <= most) return printable(bytes);
  while (most > 0 && (static_cast<unsigned char>(bytes[most]) & 0xc0) == 0x80) --most;
  return printable(bytes.substr(0, most)) + "…";
}

}  // namespace sluice::ctl
