#include "shared/net/uv_error.h"

#include <fmt/format.h>
#include <uv.h>

namespace sluice::net {

Code code_of_uv(int number) {
  switch (number) {
    case UV_EOF:
    case UV_ECANCELED:
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EPIPE:
    case UV_ENOTCONN:
    case UV_EBADF:
      return Code::closed;
    case UV_ETIMEDOUT:
      return Code::timed_out;
    case UV_ECONNREFUSED:
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
    case UV_EAI_NONAME:
    case UV_EAI_AGAIN:
      return Code::unavailable;
    case UV_EADDRINUSE:
      return Code::exists;
    default:
      return Code::io;
  }
}

Error uv_error(int number, std::string_view what) {
  return {code_of_uv(number), fmt::format("{}: {}", what, uv_strerror(number))};
}

}  // namespace sluice::net
