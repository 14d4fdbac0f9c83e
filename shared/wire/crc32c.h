#pragma once

#include <cstdint>

#include "shared/base/bytes.h"

namespace sluice::wire {

// CRC-32C (Castagnoli), the checksum of record batches. Uses the SSE 4.2 instruction where the CPU
// has it. Pass the CRC so far to go on with further bytes.
std::uint32_t crc32c(ByteView bytes, std::uint32_t so_far = 0);

// The same by tables: for other CPUs, and for the test that compares the two.
std::uint32_t crc32c_by_table(ByteView bytes, std::uint32_t so_far = 0);

}  // namespace sluice::wire
