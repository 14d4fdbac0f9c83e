#pragma once
// Strong<Tag, Rep>: an identity or a position that cannot be mixed up with another. Construction is
// explicit and there is no arithmetic; a type that has meaningful arithmetic adds it itself.

#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <utility>

namespace sluice {

template <class Tag, class Rep>
struct Strong {
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(std::move(v)) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
};

}  // namespace sluice

template <class Tag, class Rep>
struct std::hash<sluice::Strong<Tag, Rep>> {
  std::size_t operator()(const sluice::Strong<Tag, Rep>& s) const noexcept {
    return std::hash<Rep>{}(s.value);
  }
};
