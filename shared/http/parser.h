#pragma once
// Parser: HTTP/1.x requests out of bytes, one at a time; strict. The only file that sees llhttp,
// which does the grammar; the rules that need a whole head (request line, Host, Transfer-Encoding,
// folded or bare lines) and those for trailers are added here (RFC 9112). Pure: no I/O, no clock.
// Whether and where a byte sequence is refused does not depend on how it is cut into pieces; which
// of two faults is named may.
//
// The caller keeps a message's bytes contiguous from its first byte. It may move them between calls
// (the parser remembers offsets only). A chunked body is joined in place, so a message never needs
// more memory than its head and its decoded body.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "shared/http/http_limits.h"
#include "shared/http/request.h"

namespace sluice::http {

class Parser {
 public:
  enum class State {
    idle,      // not a byte of a message yet
    head,      // inside the request line or the headers
    body,      // the headers are complete, the body is not
    complete,  // a request is there: request_into(), then next_message()
    failed,    // the connection cannot go on: failure()
  };

  // Why a message is refused, as the client is told.
  struct Failure {
    int status = 400;
    std::string_view code;    // a stable word
    std::string_view detail;  // one sentence; static text
  };

  // REQUIRES: the limits outlive it.
  explicit Parser(const Limits& limits);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser();

  // Parses on: `message` points to the message's first byte, `from` is size() as the last call left
  // it, new bytes stand in [from, to). REQUIRES: state() is idle, head or body.
  State feed(char* message, std::size_t from, std::size_t to);

  State state() const { return state_; }
  const Failure& failure() const { return failure_; }

  // As far as it is known: an answer to HEAD has no body, a refusal neither.
  bool is_head() const;

  // Where this message's bytes end: complete, behind it in the input; otherwise what must be kept.
  std::size_t size() const { return size_; }

  // Fills in everything but the params. REQUIRES: complete; the message is at `message` now.
  void request_into(Request& request, const char* message) const;

  // Ready for the message that starts at size(). REQUIRES: complete.
  void next_message();

  // The client waits for "100 Continue" before it sends the body that we wait for.
  bool wants_continue() const {
    return state_ == State::body && expects_continue_ && body_size_ == 0;
  }

 private:
  struct Machine;  // llhttp's state
  struct Callbacks;
  struct Field {
    std::uint32_t name_at = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value_at = 0;
    std::uint32_t value_size = 0;
  };

  void reset();
  std::size_t execute(const char* at, std::size_t length);
  void fail(int status, std::string_view code, std::string_view detail);
  void fail_from_machine();
  std::uint32_t offset(const char* at) const { return static_cast<std::uint32_t>(at - message_); }
  ByteView name_of(const Field& field) const { return {message_ + field.name_at, field.name_size}; }
  ByteView value_of(const Field& field) const;
  bool check_lines();
  bool check_request_line();
  bool check_fields();
  void check_trailers(ByteView bytes);
  bool check_transfer_encoding(bool present, ByteView value);
  int head_complete();
  int body_bytes(const char* at, std::size_t length);

  const Limits& limits_;
  std::unique_ptr<Machine> machine_;
  State state_ = State::idle;
  Failure failure_;
  char* message_ = nullptr;  // during feed() only
  std::size_t end_ = 0;      // of the bytes given to feed(); during it only
  std::size_t size_ = 0;
  std::size_t raw_size_ = 0;  // bytes of the message as received
  std::uint32_t target_at_ = 0;
  std::uint32_t target_size_ = 0;
  std::array<Field, Request::kHeadersMax> fields_;
  std::size_t field_count_ = 0;
  std::size_t head_size_ = 0;
  std::size_t body_size_ = 0;
  bool in_trailers_ = false;       // the last chunk was there
  char last_trailer_byte_ = '\n';  // during them
  bool expects_continue_ = false;
  bool keep_alive_ = true;
};

}  // namespace sluice::http
