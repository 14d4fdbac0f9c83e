#pragma once
// Inbox: the received and not yet answered bytes of one connection, and the requests in them. Owns
// the current Block; hands it over when a request must outlive the next one. Pure memory, no I/O.
// Its size is bounded by the head and body limits.

#include <cstddef>
#include <memory>
#include <span>

#include "shared/http/parser.h"
#include "shared/http/request.h"

namespace sluice::http {

// A request and the bytes that its views point into, at one address.
struct Block {
  explicit Block(std::size_t capacity)
      : bytes(std::make_unique_for_overwrite<char[]>(capacity)), capacity(capacity) {}

  std::unique_ptr<char[]> bytes;
  std::size_t capacity;
  Request request;
};

class Inbox {
 public:
  // REQUIRES: the limits outlive it.
  explicit Inbox(const Limits& limits);

  // Where to receive the next bytes; never empty. What request() returned is invalid afterwards.
  std::span<char> space();
  void received(std::size_t count) { end_ += count; }

  // Parses what is there. complete: request() has the next request.
  Parser::State next();

  Request& request() { return block_->request; }
  const Parser::Failure& failure() const { return parser_.failure(); }
  bool wants_continue() const { return parser_.wants_continue(); }
  bool is_head() const { return parser_.is_head(); }

  // Where the parser stands in the message that is being received.
  Parser::State state() const { return parser_.state(); }

  // Gives away the block that the current request lives in; bytes behind it are kept.
  std::unique_ptr<Block> detach();

  // Forgets all that was received: nothing more will be answered.
  void discard() { begin_ = end_ = 0; }

 private:
  // Room for several pipelined requests of a browser's size.
  static constexpr std::size_t kInitialBytes = 4 << 10;

  Parser parser_;
  std::unique_ptr<Block> block_;
  std::size_t begin_ = 0;  // of the current message
  std::size_t end_ = 0;    // of the received bytes
  bool taken_ = false;     // the current message was returned by next()
};

}  // namespace sluice::http
