#pragma once
// How often the calling thread has asked for memory by `new`. Only in programs that link
// allocations_dep, whose `new` counts.

#include <cstdint>

namespace sluice {

std::uint64_t allocations();

}  // namespace sluice
