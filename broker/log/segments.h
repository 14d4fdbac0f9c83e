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
    struct Range {
      Segment begin = 0;
      Segment end = 0;
      bool operator==(const Range&) const = default;
    };
    struct Mostly {
      Segment segment = 0;
      std::uint64_t live = 0;
      bool operator==(const Mostly&) const = default;
    };
    std::vector<Range> dead;          // nothing wanted is in them: their files can go
    std::vector<Mostly> mostly_dead;  // more than half is not wanted: worth rewriting
    bool empty() const { return dead.empty() && mostly_dead.empty(); }
  };
  // Of the segments before `open`. What lies between two that hold something wanted is dead, what a
  // crash left among it. Told again until it is reclaimed().
  Garbage garbage(Segment open) const;
  // The store has given their space back.
  void reclaimed(const Garbage& garbage);

  std::uint64_t live_bytes() const { return live_bytes_; }

 private:
  struct Count {
    std::uint64_t written = 0;  // since it was rewritten: what was left then
    std::uint64_t live = 0;
  };
  std::map<Segment, Count> counts_;  // of those that hold something wanted
  std::uint64_t live_bytes_ = 0;
  std::vector<Garbage::Range> reclaimed_;
};

}  // namespace sluice::broker
