#include "frontend/quality_values.h"

#include <algorithm>

namespace sluice::frontend {
namespace {

constexpr int kFullWeight = 1000;

ByteView trimmed(ByteView text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What stands before the separator, which goes with it.
ByteView take_until(ByteView& text, char separator) {
  const auto at = std::min(text.find(separator), text.size());
  const ByteView taken = trimmed(text.substr(0, at));
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

// Of "q=0.8". Digits beyond thousandths weigh nothing.
int weight_of(ByteView parameter) {
  if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return kFullWeight;
  int weight = 0;
  int scale = kFullWeight;
  for (const char c : parameter.substr(2)) {
    if (c == '.') continue;
    if (c < '0' || c > '9') return kFullWeight;
    weight += (c - '0') * scale;
    scale /= 10;
  }
  return std::min(weight, kFullWeight);
}

}  // namespace

Weighted take_weighted(ByteView& list) {
  ByteView element = take_until(list, ',');
  const ByteView value = take_until(element, ';');
  return {.value = value, .weight = weight_of(trimmed(element))};
}

}  // namespace sluice::frontend
