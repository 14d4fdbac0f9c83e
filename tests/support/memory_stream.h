#pragma once
// MemoryStream: two Streams that are joined in memory, for tests without sockets. Everything
// happens inside the calls: an operation that can finish does so at once, one that cannot is
// resumed by the call on the other end that makes it possible. Single-threaded.

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "shared/async/stream.h"

namespace sluice {

class MemoryStream final : public Stream {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  // `capacity`: how many bytes may be under way in each direction before a write waits.
  static std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> pair(
      std::size_t capacity = kUnbounded);
  ~MemoryStream() override;  // closes. REQUIRES: no operation pending

  void close() override;
  void finish_sending() override;
  std::string_view peer() const override { return peer_; }
  // Who this end says is at the other.
  void name_peer(std::string name) { peer_ = std::move(name); }

  // For a test that is no coroutine: sends without waiting for capacity; takes all that has come.
  void feed(ByteView bytes);
  Buffer drain();

  // The other end has finished sending (or closed) and all was drained.
  bool ended() const;
  bool closed() const;

 protected:
  void start_read(Read& operation) override;
  void start_write(Write& operation) override;

 private:
  struct Link;
  MemoryStream(std::shared_ptr<Link> link, std::size_t side)
      : link_(std::move(link)), side_(side) {}

  std::shared_ptr<Link> link_;
  std::size_t side_;
  std::string peer_ = "memory";
};

}  // namespace sluice
