#pragma once
// The shop's own API, as the plain pages ask it on behalf of a browser without JavaScript: what
// they do is what any client can do, and is checked where that is checked. One a loop.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "frontend/handlers/api.h"
#include "shared/async/task.h"
#include "shared/http/request.h"
#include "shared/http/router.h"

namespace sluice::frontend {

class InnerApi {
 public:
  explicit InnerApi(const Api& api);

  struct Question {
    std::string method;
    std::string path;
    std::string body;  // JSON, or none
    std::vector<std::pair<std::string_view, std::string>> headers;
  };

  struct Reply {
    int status = 0;
    boost::json::object body;  // empty when it is no object
    std::string set_cookie;    // to be passed on; empty: none
    std::string retry_after;   // likewise

    std::string_view text(std::string_view member) const;  // empty when it is none
    std::int64_t number(std::string_view member) const;    // 0 when it is none
    std::int64_t retry_after_seconds() const;              // 0 likewise
    std::string_view code() const { return text("code"); }
  };

  // As the visitor whose request it is: with his cookies and his address. REQUIRES: the request
  // outlives the Task.
  Task<Reply> ask(const http::Request& visitor, Question question);

 private:
  http::Router router_;
};

}  // namespace sluice::frontend
