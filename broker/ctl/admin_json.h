#pragma once
// Inside of broker/ctl's .cc files only: what a daemon's admin HTTP answers.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/ctl/admin_client.h"
#include "broker/ctl/json.h"
#include "shared/base/result.h"

namespace sluice::ctl {

// The answer as JSON; a refusal as the sentence that is in it.
inline Result<json::object> answer_of(const AdminReply& reply) {
  boost::system::error_code error;
  const json::value value = json::parse(reply.body, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (reply.status / 100 == 2) {
    if (object != nullptr) return *object;
    return fail(Code::corrupt, "the answer is not JSON: is this an admin address?");
  }
  for (const char* name : {"detail", "title"}) {
    const json::value* text = object == nullptr ? nullptr : object->if_contains(name);
    if (text != nullptr && text->is_string()) {
      return fail(Code::invalid, std::string(text->as_string()));
    }
  }
  return fail(Code::invalid, fmt::format("the admin HTTP answered {}", reply.status));
}

// 0 when there is none.
inline std::int64_t number_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  boost::system::error_code error;
  const auto number = value == nullptr ? 0 : value->to_number<std::int64_t>(error);
  return error ? 0 : number;
}

}  // namespace sluice::ctl
