#pragma once
// Response: an answer that a handler builds; StaticResponse: one that was serialised in advance, so
// that sending it allocates nothing; Answer: what a handler returns.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "shared/async/task.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace sluice::http {

// "Not Found" for 404; "Unknown" for a number nobody registered.
std::string_view reason_phrase(int status);

// How the connection goes on after an answer, as the answer must say it.
enum class Persistence {
  keep,      // HTTP/1.1's default: nothing to say
  keep_1_0,  // an HTTP/1.0 client asked for it: "Connection: keep-alive"
  close,     // "Connection: close"
};

// A body that comes in pieces for as long as there is something to tell, such as server-sent
// events. It is ended by the end of the connection. On the loop's thread.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The next piece; empty: the body has ended. One call at a time.
  virtual Task<Buffer> next() = 0;
  // The client has gone, or the server stops: a next() that waits ends the body.
  virtual void cancel() = 0;
};

class Response {
 public:
  int status = 200;
  Buffer body;
  std::shared_ptr<BodyStream> stream;  // in place of `body`

  Response() = default;
  explicit Response(int status) : status(status) {}
  Response(int status, std::string_view content_type, Buffer body);

  static Response text(int status, Buffer body);  // text/plain; charset=utf-8
  static Response json(int status, Buffer body);  // application/json

  // Adds a header line. Date, Content-Length, Connection are the connection's business. Bytes that
  // a header cannot carry (CR, LF, other controls) become spaces: no value can forge a line.
  Response& add(std::string_view name, std::string_view value);

  // The value of the first header of that name that was added; empty if none. For tests and logs.
  std::string_view header(std::string_view name) const;

  // "Name: value\r\n" per added header.
  const Buffer& header_lines() const { return header_lines_; }

  // 1xx, 204 and 304 never have a body.
  bool may_have_body() const;

 private:
  Buffer header_lines_;
};

// Appends status line and headers, with the blank line. The body, if any, goes behind it.
void append_head(Buffer& to, const Response& response, ByteView date, Persistence persistence);

// Immutable, so any number of threads may send it. It must outlive every connection that may.
class StaticResponse {
 public:
  explicit StaticResponse(const Response& response);

  int status() const { return status_; }
  // As of Response; for whoever asks in the same process.
  std::string_view header(std::string_view name) const;
  ByteView body() const { return ByteView(blank_and_body_).substr(2); }  // behind the blank line

  // Appends the whole answer; for a HEAD request without the body.
  void append_to(Buffer& to, ByteView date, Persistence persistence, bool head_only) const;

 private:
  int status_;
  Buffer before_date_;
  Buffer after_date_;  // to the end of the added headers, without the blank line
  Buffer blank_and_body_;
};

// A refusal that is always the same: a pointer. A ready answer: a Response. One that must wait: a
// Task (a Task that is already done costs no more than a Response).
using Answer = std::variant<const StaticResponse*, Response, Task<Response>>;

// "Tue, 14 Nov 2023 22:13:20 GMT" (RFC 9110 IMF-fixdate), 29 bytes.
std::string http_date(WallTime at);

}  // namespace sluice::http
