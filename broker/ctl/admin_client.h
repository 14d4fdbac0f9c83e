#pragma once
// One question to a daemon's admin HTTP, asked and waited for on the calling thread.

#include <functional>
#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::ctl {

struct AdminReply {
  int status = 0;
  std::string body;
};

struct AdminCall {
  std::string address;  // host:port
  std::string_view method = "GET";
  std::string path;
  std::string headers;  // further lines, each with its CRLF
  std::string body;
  Millis connect_timeout{10'000};
  Millis answer_timeout{0};       // 0: as long as the connection stands
  std::function<void()> waiting;  // called about once a second until the answer comes
};

// REQUIRES: no CR or LF in address and path. Code::unavailable: nobody is there, or the connection
// broke; Code::timed_out.
Result<AdminReply> ask_admin(const AdminCall& call);

}  // namespace sluice::ctl
