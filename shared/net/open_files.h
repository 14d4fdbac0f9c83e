#pragma once
// How many descriptors this process may have open: each connection is one.

#include <cstdint>

namespace sluice::net {

// Raises the soft limit (RLIMIT_NOFILE) to the hard one, which needs no privilege, and returns what
// holds then. Systems start processes with 1,024 for the sake of select(), which we do not use.
// Called once, at the start.
std::uint64_t raise_open_files_limit();

}  // namespace sluice::net
