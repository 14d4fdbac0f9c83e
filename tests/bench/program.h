#pragma once
// What the measuring programs share: their arguments, their end, and writing to a descriptor.

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::bench {

// False: the text is not a number of this type.
template <class T>
bool parse(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

inline Result<void> write_all(int file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written <= 0) return fail(Code::io, "a write failed");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// The exit status: 0, 1 when it failed, 2 when it was called wrongly.
template <class Plan>
int run(std::span<char*> words, std::string_view usage,
        std::optional<Plan> (*plan_of)(std::span<char*>), Result<void> (*run_plan)(const Plan&)) {
  const auto plan = plan_of(words);
  if (!plan) {
    fmt::print(stderr, "usage: {}\n", usage);
    return 2;
  }
  if (const auto done = run_plan(*plan); !done) {
    fmt::print(stderr, "{}\n", done.error().context);
    return 1;
  }
  return 0;
}

}  // namespace sluice::bench
