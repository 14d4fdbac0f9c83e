#pragma once
// doctest and shared/base/check.h both call a macro CHECK. This file, which unit_dep includes ahead
// of every test file, settles it: in a test's own file CHECK is doctest's (it reports and goes on),
// in every header it is ours (it aborts).

#include <doctest/doctest.h>
#undef CHECK
#include "shared/base/check.h"
#undef CHECK

#define SLUICE_CHECK_OURS(...)              \
  (static_cast<bool>(__VA_ARGS__) ? void(0) \
                                  : ::sluice::check_failed(__FILE__, __LINE__, #__VA_ARGS__))

#define SLUICE_CHECK_AT_0 DOCTEST_CHECK
#define SLUICE_CHECK_AT_1 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_2 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_3 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_4 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_5 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_6 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_7 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_8 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_9 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_10 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_11 SLUICE_CHECK_OURS
#define SLUICE_CHECK_AT_12 SLUICE_CHECK_OURS

#define SLUICE_CHECK_PASTE_2(name, level) name##level
#define SLUICE_CHECK_PASTE(name, level) SLUICE_CHECK_PASTE_2(name, level)
#define CHECK SLUICE_CHECK_PASTE(SLUICE_CHECK_AT_, __INCLUDE_LEVEL__)
