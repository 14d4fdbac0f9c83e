#pragma once
// Finding: one thing that is wrong with stored data, as precisely as it is known.

#include <cstdint>
#include <string>

#include "broker/log/keys.h"

namespace sluice::broker {

struct Finding {
  bool warning = false;  // worth knowing, but nothing that was acknowledged is touched
  std::string file;      // empty: not known
  std::int64_t at = -1;  // byte of the file; -1: not known
  std::string topic;     // empty: not of one topic
  std::int32_t partition = -1;
  Offset offset = -1;
  std::string what;  // one sentence without a trailing period

  // "topic orders partition 3 offset 17: …"
  std::string text() const;
};

}  // namespace sluice::broker
