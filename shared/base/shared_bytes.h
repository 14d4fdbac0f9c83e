#pragma once
// SharedBytes: bytes in pieces that stay where they are, kept alive by shared ownership, so that
// one copy in memory serves any number of readers. A value type; the pieces never change. Any
// thread.

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"

namespace sluice {

struct SharedSlice {
  std::shared_ptr<const Buffer> owner;
  ByteView bytes;  // inside *owner
};

class SharedBytes {
 public:
  SharedBytes() = default;
  // One piece that owns a copy.
  explicit SharedBytes(ByteView bytes) : SharedBytes(Buffer(bytes)) {}
  // One piece that owns `bytes`.
  explicit SharedBytes(Buffer bytes) {
    auto owner = std::make_shared<const Buffer>(std::move(bytes));
    append({owner, *owner});
  }

  void append(SharedSlice slice) {
    if (slice.bytes.empty()) return;
    size_ += slice.bytes.size();
    slices_.push_back(std::move(slice));
  }

  const std::vector<SharedSlice>& slices() const { return slices_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // All pieces in one buffer.
  Buffer copy() const {
    Buffer all;
    all.reserve(size_);
    for (const auto& slice : slices_) all += slice.bytes;
    return all;
  }

 private:
  std::vector<SharedSlice> slices_;
  std::size_t size_ = 0;
};

}  // namespace sluice
