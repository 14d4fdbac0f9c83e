#pragma once
// Outbox: answers on their way to the socket, gathered into one write. Heads and small bodies are
// copied into one reused buffer; a large body keeps its own. Pure memory, no I/O.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/http/response.h"

namespace sluice::http {

class Outbox {
 public:
  void add(const StaticResponse& answer, ByteView date, Persistence persistence, bool head_only) {
    answer.append_to(text_, date, persistence, head_only);
  }
  void add(Response answer, ByteView date, Persistence persistence, bool head_only);
  void add_raw(ByteView bytes) { text_.append(bytes); }

  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size() + large_bytes_; }

  // All bytes in order; valid until the next call that is not const.
  std::span<const ByteView> parts();

  void clear();

 private:
  // Above this, a write of its own piece is cheaper than a copy.
  static constexpr std::size_t kLargeBody = 8 << 10;
  // What an idle connection may keep.
  static constexpr std::size_t kKeptBytes = 16 << 10;

  struct Large {
    std::size_t at;  // stands after this many bytes of text_
    Buffer body;
  };

  Buffer text_;
  std::vector<Large> large_;
  std::size_t large_bytes_ = 0;
  std::vector<ByteView> parts_;
};

}  // namespace sluice::http
