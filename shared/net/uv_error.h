#pragma once
// libuv's and the system's error numbers as our Errors. Only shared/net includes this.

#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sluice::net {

// The vocabulary's word for a (negative) libuv error number.
Code code_of_uv(int number);

// "<what>: <the system's text>", for example "cannot listen on 127.0.0.1:80: permission denied".
Error uv_error(int number, std::string_view what);

inline std::unexpected<Error> uv_fail(int number, std::string_view what) {
  return std::unexpected(uv_error(number, what));
}

}  // namespace sluice::net
