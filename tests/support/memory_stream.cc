#include "tests/support/memory_stream.h"

#include <algorithm>
#include <array>

#include "shared/base/check.h"

namespace sluice {

// What both ends share. It lives on while an operation that it resumes destroys an end.
struct MemoryStream::Link {
  struct Side {
    Buffer arrived;  // bytes to be read here
    Read* read = nullptr;
    Write* write = nullptr;
    std::size_t written = 0;  // bytes of `write` that are under way or read
    bool finished = false;    // sends nothing more
    bool closed = false;
  };

  explicit Link(std::size_t capacity) : capacity(capacity) {}

  // Finishes what can be finished, until nothing can. A call from inside is done by the outer one.
  static void settle(std::shared_ptr<Link> link) {
    if (std::exchange(link->settling, true)) {
      link->again = true;
      return;
    }
    do {
      link->again = false;
      for (std::size_t side : {0u, 1u}) {
        link->settle_write(side);
        link->settle_read(side);
      }
    } while (link->again);
    link->settling = false;
  }

  void settle_read(std::size_t at) {
    auto& side = sides[at];
    if (!side.read) return;
    auto result = try_read(at, side.read->into);
    if (!result) return;
    again = true;
    std::exchange(side.read, nullptr)->complete(std::move(*result));
  }

  void settle_write(std::size_t at) {
    auto& side = sides[at];
    if (!side.write) return;
    auto result = try_write(at, side.write->parts);
    if (!result) return;
    again = true;
    std::exchange(side.write, nullptr)->complete(std::move(*result));
  }

  // Empty: it has to wait.
  std::optional<Result<std::size_t>> try_read(std::size_t at, std::span<char> into) {
    auto& side = sides[at];
    if (side.closed) return fail(Code::closed, "the stream is closed");
    if (side.arrived.empty()) {
      if (sides[1 - at].finished) return std::size_t{0};
      return std::nullopt;
    }
    const auto count = std::min(into.size(), side.arrived.size());
    std::copy_n(side.arrived.data(), count, into.data());
    side.arrived.erase(0, count);
    again = true;
    return count;
  }

  std::optional<Result<void>> try_write(std::size_t at, std::span<const ByteView> parts) {
    auto& side = sides[at];
    auto& other = sides[1 - at];
    if (side.closed || side.finished || other.closed) {
      return fail(Code::closed, "the stream is closed");
    }
    std::size_t skip = side.written;
    for (ByteView part : parts) {
      const auto skipped = std::min(skip, part.size());
      skip -= skipped;
      part.remove_prefix(skipped);
      const auto room = capacity - std::min(capacity, other.arrived.size());
      const auto taken = part.substr(0, room);
      other.arrived.append(taken);
      side.written += taken.size();
      if (!taken.empty()) again = true;
      if (taken.size() < part.size()) return std::nullopt;
    }
    side.written = 0;
    return Result<void>{};
  }

  std::size_t capacity;
  bool settling = false;
  bool again = false;
  std::array<Side, 2> sides;
};

std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> MemoryStream::pair(
    std::size_t capacity) {
  auto link = std::make_shared<Link>(capacity);
  return {std::unique_ptr<MemoryStream>(new MemoryStream(link, 0)),
          std::unique_ptr<MemoryStream>(new MemoryStream(link, 1))};
}

MemoryStream::~MemoryStream() {
  CHECK(!link_->sides[side_].read && !link_->sides[side_].write);
  close();
}

void MemoryStream::close() {
  auto& side = link_->sides[side_];
  side.closed = side.finished = true;
  Link::settle(link_);
}

void MemoryStream::finish_sending() {
  link_->sides[side_].finished = true;
  Link::settle(link_);
}

void MemoryStream::feed(ByteView bytes) {
  link_->sides[1 - side_].arrived.append(bytes);
  Link::settle(link_);
}

Buffer MemoryStream::drain() {
  Buffer all;
  auto& arrived = link_->sides[side_].arrived;
  while (!arrived.empty()) {
    all += std::exchange(arrived, Buffer());
    Link::settle(link_);
  }
  return all;
}

bool MemoryStream::ended() const {
  return link_->sides[1 - side_].finished && link_->sides[side_].arrived.empty();
}

bool MemoryStream::closed() const {
  return link_->sides[side_].closed;
}

void MemoryStream::start_read(Read& operation) {
  auto link = link_;
  auto& side = link->sides[side_];
  CHECK(!side.read);
  operation.result = link->try_read(side_, operation.into);
  if (!operation.result) {
    side.read = &operation;
  } else {
    Link::settle(link);  // a write may have got room
  }
}

void MemoryStream::start_write(Write& operation) {
  auto link = link_;
  auto& side = link->sides[side_];
  CHECK(!side.write);
  operation.result = link->try_write(side_, operation.parts);
  if (!operation.result) side.write = &operation;
  Link::settle(link);
}

}  // namespace sluice
