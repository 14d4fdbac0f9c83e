#pragma once
// Where encoded bytes go: into a buffer, into a buffer that leaves large shared bytes where they
// are, or only into a count.

#include <concepts>
#include <cstddef>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/shared_bytes.h"

namespace sluice::wire {

// Bytes that belong between two bytes of a buffer without being in it.
struct Splice {
  std::size_t at = 0;
  SharedSlice slice;
};

class BufferSink {
 public:
  explicit BufferSink(Buffer& to) : to_(to) {}
  void put(ByteView bytes) { to_.append(bytes); }
  void put(char byte) { to_.push_back(byte); }
  template <std::integral T>
  void put_integer(T value) {
    append_be(to_, value);
  }

 private:
  Buffer& to_;
};

// Into a buffer, but shared bytes of some size stay where they are and are only noted.
class GatherSink {
 public:
  // Below this a copy is cheaper than one more part of a gathered write.
  static constexpr std::size_t kSplicedBytesMin = 1024;

  GatherSink(Buffer& to, std::vector<Splice>& splices) : to_(to), splices_(splices) {}
  void put(ByteView bytes) { to_.append(bytes); }
  void put(char byte) { to_.push_back(byte); }
  template <std::integral T>
  void put_integer(T value) {
    append_be(to_, value);
  }
  void put_shared(const SharedSlice& slice) {
    if (slice.bytes.size() < kSplicedBytesMin) return put(slice.bytes);
    splices_.push_back({to_.size(), slice});
  }

 private:
  Buffer& to_;
  std::vector<Splice>& splices_;
};

class CountingSink {
 public:
  void put(ByteView bytes) { size_ += bytes.size(); }
  void put(char) { ++size_; }
  template <std::integral T>
  void put_integer(T) {
    size_ += sizeof(T);
  }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

}  // namespace sluice::wire
