#pragma once
// SimNet: Streams joined over the SimLoop. Bytes arrive late and in pieces that the seed cuts; a
// connection can be reset, which loses what is under way. What one end wrote may still arrive after
// it closed, as with TCP. Single-threaded. The streams may outlive the SimNet, not the SimLoop.

#include <memory>
#include <string>
#include <utility>

#include "shared/async/stream.h"
#include "tests/support/sim_loop.h"

namespace sluice {

class SimStream final : public Stream {
 public:
  struct Link;

  SimStream(std::shared_ptr<Link> link, std::size_t side, std::string peer)
      : link_(std::move(link)), side_(side), peer_(std::move(peer)) {}
  ~SimStream() override;  // closes. REQUIRES: no operation pending

  void close() override;
  std::string_view peer() const override { return peer_; }
  // Both ends read Code::closed, and what is under way is lost.
  void reset();

 protected:
  void start_read(Read& operation) override;
  void start_write(Write& operation) override;

 private:
  std::shared_ptr<Link> link_;
  std::size_t side_;
  std::string peer_;
};

class SimNet {
 public:
  struct Options {
    Millis slowest{5};         // one piece's way
    std::size_t piece = 4096;  // the longest piece; short ones are common
  };

  explicit SimNet(SimLoop& loop) : loop_(loop) {}
  SimNet(SimLoop& loop, Options options) : loop_(loop), options_(options) {}

  void set_slowest(Millis slowest) { options_.slowest = slowest; }

  // Two ends of a new connection.
  std::pair<std::unique_ptr<SimStream>, std::unique_ptr<SimStream>> connect();

 private:
  SimLoop& loop_;
  Options options_;
  int next_port_ = 10'000;
};

}  // namespace sluice
