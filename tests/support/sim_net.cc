#include "tests/support/sim_net.h"

#include <algorithm>
#include <array>
#include <deque>

#include <fmt/format.h>

#include "shared/base/check.h"

namespace sluice {

struct SimStream::Link : std::enable_shared_from_this<SimStream::Link> {
  struct Side {
    std::deque<Buffer> coming;  // pieces on their way here; an empty one is the end
    Buffer arrived;
    bool ended = false;  // the end has arrived
    bool closed = false;
    Read* read = nullptr;
  };

  Link(SimLoop& loop, SimNet::Options options) : loop(loop), options(options) {}

  void send(std::size_t to, ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t most = std::min(bytes.size(), options.piece);
      const std::size_t size = loop.once_in(4) ? 1 + loop.random().below(most) : most;
      send_piece(to, Buffer(bytes.substr(0, size)));
      bytes.remove_prefix(size);
    }
  }

  // Pieces keep their order: each arrival takes the one that was sent first.
  void send_piece(std::size_t to, Buffer piece) {
    sides[to].coming.push_back(std::move(piece));
    loop.after(loop.up_to(options.slowest), [link = shared_from_this(), to] { link->arrive(to); });
  }

  void arrive(std::size_t at) {
    Side& side = sides[at];
    if (side.coming.empty()) return;  // lost in a reset
    const Buffer piece = std::move(side.coming.front());
    side.coming.pop_front();
    side.arrived += piece;
    side.ended = side.ended || piece.empty();
    settle(at);
  }

  void settle(std::size_t at) {
    Side& side = sides[at];
    if (!side.read) return;
    if (auto result = try_read(at, side.read->into)) {
      std::exchange(side.read, nullptr)->complete(std::move(*result));
    }
  }

  // Empty: it has to wait.
  std::optional<Result<std::size_t>> try_read(std::size_t at, std::span<char> into) {
    Side& side = sides[at];
    if (side.closed || broken) return fail(Code::closed, "the connection is closed");
    if (side.arrived.empty()) {
      if (side.ended) return std::size_t{0};
      return std::nullopt;
    }
    const std::size_t count = std::min(into.size(), side.arrived.size());
    std::copy_n(side.arrived.data(), count, into.data());
    side.arrived.erase(0, count);
    return count;
  }

  SimLoop& loop;
  SimNet::Options options;
  bool broken = false;
  std::array<Side, 2> sides;
};

SimStream::~SimStream() {
  CHECK(!link_->sides[side_].read);
  close();
}

void SimStream::close() {
  const auto link = link_;
  const std::size_t side = side_;
  if (std::exchange(link->sides[side].closed, true)) return;
  if (!link->broken) link->send_piece(1 - side, {});
  link->loop.post([link, side] { link->settle(side); });
}

void SimStream::reset() {
  const auto link = link_;
  if (std::exchange(link->broken, true)) return;
  for (const std::size_t side : {0u, 1u}) {
    link->sides[side].coming.clear();
    link->loop.post([link, side] { link->settle(side); });
  }
}

void SimStream::start_read(Read& operation) {
  auto& side = link_->sides[side_];
  CHECK(!side.read);
  operation.result = link_->try_read(side_, operation.into);
  if (!operation.result) side.read = &operation;
}

void SimStream::start_write(Write& operation) {
  if (link_->sides[side_].closed || link_->broken) {
    operation.result = fail(Code::closed, "the connection is closed");
    return;
  }
  for (const ByteView part : operation.parts) link_->send(1 - side_, part);
  operation.result = Result<void>{};
}

std::pair<std::unique_ptr<SimStream>, std::unique_ptr<SimStream>> SimNet::connect() {
  auto link = std::make_shared<SimStream::Link>(loop_, options_);
  const int port = next_port_++;
  return {std::make_unique<SimStream>(link, 0, "sim:9092"),
          std::make_unique<SimStream>(link, 1, fmt::format("sim:{}", port))};
}

}  // namespace sluice
