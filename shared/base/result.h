#pragma once
// Result<T>: the value, or one of a small vocabulary of errors. Expected failures travel this way;
// they are translated once, at the edge (to_kafka in the broker, to_problem in the frontend).

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// Small on purpose: a caller reacts to the code; a person reads the context.
enum class Code {
  invalid,       // the input breaks a rule; context names the field, line or limit
  not_found,     // what was named does not exist
  exists,        // what was to be created is there already
  too_large,     // a named limit was exceeded
  closed,        // the peer or this side closed the stream
  timed_out,     // the deadline passed
  overloaded,    // a bounded queue is full; try again later
  corrupt,       // stored or received bytes fail their checksum or grammar
  storage,       // the disk or the store failed; nothing later is certain
  unavailable,   // a service we depend on cannot be reached
  fenced,        // a newer owner took over
  out_of_range,  // an offset outside of what is kept
  unsupported,   // understood, but not offered
  io,            // a system call failed; context has the errno text
};

struct Error {
  Code code;
  std::string context;  // one sentence for a person, without a trailing period
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string context) {
  return std::unexpected(Error{code, std::move(context)});
}

// The code's name as people and JSON see it.
constexpr std::string_view name_of(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::not_found:
      return "not_found";
    case Code::exists:
      return "exists";
    case Code::too_large:
      return "too_large";
    case Code::closed:
      return "closed";
    case Code::timed_out:
      return "timed_out";
    case Code::overloaded:
      return "overloaded";
    case Code::corrupt:
      return "corrupt";
    case Code::storage:
      return "storage";
    case Code::unavailable:
      return "unavailable";
    case Code::fenced:
      return "fenced";
    case Code::out_of_range:
      return "out_of_range";
    case Code::unsupported:
      return "unsupported";
    case Code::io:
      return "io";
  }
  return "unknown";
}

}  // namespace sluice

// TRY(name, expr): declares `name` as the value of expr, or returns its error.
// CO_TRY is the same inside a coroutine; the _VOID forms bind nothing. They are declarations, so
// they cannot stand as the body of an if without braces.
#define SLUICE_TRY_IMPL(ret, name, expr)                                         \
  auto name##_or_error = (expr);                                                 \
  if (!name##_or_error) ret std::unexpected(std::move(name##_or_error.error())); \
  auto& name = *name##_or_error
#define TRY(name, expr) SLUICE_TRY_IMPL(return, name, expr)
#define CO_TRY(name, expr) SLUICE_TRY_IMPL(co_return, name, expr)
#define TRY_VOID(expr)                                                               \
  do {                                                                               \
    if (auto or_error = (expr); !or_error) return std::unexpected(or_error.error()); \
  } while (false)
#define CO_TRY_VOID(expr)                                                               \
  do {                                                                                  \
    if (auto or_error = (expr); !or_error) co_return std::unexpected(or_error.error()); \
  } while (false)
