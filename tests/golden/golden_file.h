#pragma once
// The files of tests/golden, found through SLUICE_GOLDEN_DIR (set by meson).

#include <string>

#include "shared/base/bytes.h"

namespace sluice {

// SLUICE_TEST_ACCEPT=1: write the expected text instead of comparing with it.
bool accepting_golden();

// Empty if the file is missing: no golden file is.
Buffer read_golden(const std::string& name);

void write_golden(const std::string& name, ByteView content);

}  // namespace sluice
