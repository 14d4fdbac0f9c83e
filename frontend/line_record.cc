#include "frontend/line_record.h"

#include <boost/json.hpp>

#include <fmt/format.h>

#include "shared/ledger/event.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

Result<std::int64_t> number(const json::object& object, std::string_view name, std::int64_t min,
                            std::int64_t max) {
  const json::value* value = object.if_contains(name);
  const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
  if (number != nullptr && *number >= min && *number <= max) return *number;
  return fail(Code::invalid, fmt::format("field \"{}\" is not within {} and {}", name, min, max));
}

}  // namespace

Buffer encode(const LineRecord& record) {
  return json::serialize(json::object{{"secret", record.secret},
                                      {"issued", record.issued},
                                      {"shuffled", record.shuffled},
                                      {"since", record.since},
                                      {"called", record.called},
                                      {"rate", record.rate}});
}

Result<LineRecord> decode_line_record(ByteView text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return fail(Code::invalid, "it is no JSON object");
  const json::value* secret = object->if_contains("secret");
  const json::string* secret_text = secret == nullptr ? nullptr : secret->if_string();
  if (secret_text == nullptr || secret_text->empty() || secret_text->size() > kMaxLineSecretBytes) {
    return fail(Code::invalid, fmt::format("field \"secret\" is not a string of 1 to {} bytes",
                                           kMaxLineSecretBytes));
  }
  LineRecord record{.secret = std::string(*secret_text)};
  TRY(issued, number(*object, "issued", 0, kMaxLineNumber));
  TRY(shuffled, number(*object, "shuffled", -1, issued));
  TRY(since, number(*object, "since", 0, ledger::kMaxTime));
  TRY(called, number(*object, "called", 0, kMaxLineNumber));
  TRY(rate, number(*object, "rate", 1, ledger::kMaxWaitingRoomRate));
  record.issued = issued;
  record.shuffled = shuffled;
  record.since = since;
  record.called = called;
  record.rate = rate;
  return record;
}

}  // namespace sluice::frontend
