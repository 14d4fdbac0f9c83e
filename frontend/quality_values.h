#pragma once
// Lists of values with weights, as of Accept-Language and Accept-Encoding (RFC 9110, section
// 12.4.2): "zh-CN, zh;q=0.9, *;q=0". Pure.

#include "shared/base/bytes.h"

namespace sluice::frontend {

struct Weighted {
  ByteView value;  // without the white space around it; may be empty
  int weight;      // thousandths; 0: not wanted
};

// Takes the first element off the list. A weight that cannot be read counts as none, which is 1000.
// REQUIRES: the list is not empty.
Weighted take_weighted(ByteView& list);

}  // namespace sluice::frontend
