#include "shared/http/inbox.h"

#include <cstring>
#include <utility>

namespace sluice::http {

Inbox::Inbox(const Limits& limits)
    : parser_(limits), block_(std::make_unique<Block>(kInitialBytes)) {}

Parser::State Inbox::next() {
  if (taken_) {
    taken_ = false;
    begin_ += parser_.size();
    parser_.next_message();
  }
  char* message = block_->bytes.get() + begin_;
  const auto state = parser_.feed(message, parser_.size(), end_ - begin_);
  if (state == Parser::State::complete) {
    parser_.request_into(block_->request, message);
    taken_ = true;
  } else {
    end_ = begin_ + parser_.size();
  }
  return state;
}

std::span<char> Inbox::space() {
  if (begin_ == end_ && !taken_) {
    begin_ = end_ = 0;
    // One large body must not make an idle connection heavy.
    if (block_->capacity > kInitialBytes) block_ = std::make_unique<Block>(kInitialBytes);
  }
  if (end_ == block_->capacity && begin_ > 0 && !taken_) {
    std::memmove(block_->bytes.get(), block_->bytes.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == block_->capacity) {
    auto larger = std::make_unique<Block>(block_->capacity * 2);
    std::memcpy(larger->bytes.get(), block_->bytes.get(), end_);
    block_ = std::move(larger);
  }
  return {block_->bytes.get() + end_, block_->capacity - end_};
}

std::unique_ptr<Block> Inbox::detach() {
  const auto next_begin = begin_ + parser_.size();
  const auto rest = end_ - next_begin;
  std::size_t capacity = kInitialBytes;
  while (capacity < rest) capacity *= 2;
  auto fresh = std::make_unique<Block>(capacity);
  std::memcpy(fresh->bytes.get(), block_->bytes.get() + next_begin, rest);
  begin_ = 0;
  end_ = rest;
  taken_ = false;
  parser_.next_message();
  return std::exchange(block_, std::move(fresh));
}

}  // namespace sluice::http
