#pragma once
// FAIL_POINT: a named place in the code where a test can have the process killed or stopped, to
// find exactly what that moment leaves behind. Nothing at all without the Meson option fail_points.
//
//   SLUICE_FAIL_POINT=worker-committed:3:kill   kill -9 when that point is passed the third time
//   SLUICE_FAIL_POINT=worker-committed:1:stop   SIGSTOP there; SIGCONT goes on
//
// A point is named after its file and what has just happened; nothing in a name says which test
// uses it. A process has one at most. A text of another form ends it (CHECK) at the first point.

#ifdef SLUICE_FAIL_POINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "shared/base/check.h"

namespace sluice {

// Any thread.
class FailPoint {
 public:
  static FailPoint& instance() {
    static FailPoint point(std::getenv("SLUICE_FAIL_POINT"));
    return point;
  }

  // NAME:PASSING:kill or NAME:PASSING:stop; null: none.
  explicit FailPoint(const char* text) {
    if (text == nullptr) return;
    const std::string_view all(text);
    const auto first = all.find(':');
    const auto last = all.rfind(':');
    CHECK(first != all.npos && last > first);
    const auto count = std::from_chars(all.data() + first + 1, all.data() + last, passing_);
    CHECK(count.ec == std::errc() && count.ptr == all.data() + last && passing_ > 0);
    const std::string_view action = all.substr(last + 1);
    CHECK(action == "kill" || action == "stop");
    name_ = all.substr(0, first);
    signal_ = action == "kill" ? SIGKILL : SIGSTOP;
  }

  void pass(std::string_view name) {
    if (name != name_ || passed_.fetch_add(1) + 1 != passing_) return;
    std::fprintf(stderr, "fail point name=%.*s passing=%llu signal=%d\n",
                 static_cast<int>(name.size()), name.data(),
                 static_cast<unsigned long long>(passing_), signal_);
    // To this thread, so that it does not get any further.
    CHECK(std::raise(signal_) == 0);
  }

 private:
  std::string_view name_;  // of the environment; empty: none
  std::uint64_t passing_ = 0;
  int signal_ = 0;
  std::atomic<std::uint64_t> passed_{0};
};

}  // namespace sluice

#define FAIL_POINT(name) ::sluice::FailPoint::instance().pass(name)

#else

#define FAIL_POINT(name) static_cast<void>(0)

#endif
