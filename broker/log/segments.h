#pragma once
// Segments: how many bytes of each segment are still wanted, over all partitions: which segments
// are dead as a whole, and which are mostly dead and worth rewriting. Pure; lives on the loop
// thread.

#include <cstdint>
#include <map>
#include <vector>

#include "broker/log/keys.h"

namespace sluice::broker {

class Segments {
 public:
  void appended(Segment segment, std::uint64_t bytes);
  void removed(Segment segment, std::uint64_t bytes);

  struct Garbage {
    std::vector<Segment> dead;         // nothing wanted is left: their files can go
    std::vector<Segment> mostly_dead;  // more than half is not wanted: worth rewriting
    bool empty() const { return dead.empty() && mostly_dead.empty(); }
  };
  // Of the segments before `open`; each is told once, a mostly dead one again when more than half
  // of what was left is not wanted either.
  Garbage take_garbage(Segment open);

  std::uint64_t live_bytes() const { return live_bytes_; }

 private:
  struct Count {
    std::uint64_t written = 0;
    std::uint64_t live = 0;
  };
  std::map<Segment, Count> counts_;
  std::uint64_t live_bytes_ = 0;
};

}  // namespace sluice::broker
