#pragma once
// CHECK: what must be impossible. On in every build. Hostile bytes never reach a CHECK: input from
// a peer, a file or an operator is answered with a Result instead.

#include <cstdio>
#include <cstdlib>

namespace sluice {

// Prints place and expression to stderr and aborts. Out of line of the fast path.
[[noreturn, gnu::cold]] inline void check_failed(const char* file, int line, const char* expr) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expr);
  std::abort();
}

}  // namespace sluice

#define CHECK(expr) \
  (static_cast<bool>(expr) ? void(0) : ::sluice::check_failed(__FILE__, __LINE__, #expr))
