#include "shared/http/parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "shared/base/check.h"
#include "shared/http/target.h"

namespace sluice::http {

struct Parser::Machine {
  llhttp_t state;
};

namespace {

// A one-byte chunk costs six bytes on the wire; a body that is framed yet more wastefully is
// refused like one that is too large.
constexpr std::size_t kFramingFactorMax = 8;

ByteView trimmed(ByteView text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == ByteView::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

// What llhttp calls. A negative return stops it; the failure is noted before.
struct Parser::Callbacks {
  static Parser& self(llhttp_t* machine) { return *static_cast<Parser*>(machine->data); }

  static int on_url(llhttp_t* machine, const char* at, std::size_t length) {
    auto& parser = self(machine);
    if (parser.target_size_ == 0) parser.target_at_ = parser.offset(at);
    parser.target_size_ += static_cast<std::uint32_t>(length);
    if (parser.target_size_ <= parser.limits_.target_bytes_max) return 0;
    parser.fail(414, "target-too-long", "the request target is longer than allowed");
    return -1;
  }

  static int on_header_field(llhttp_t* machine, const char* at, std::size_t length) {
    auto& parser = self(machine);
    if (parser.state_ == State::body) return 0;  // a trailer: read, limited, ignored
    if (parser.field_count_ == Request::kHeadersMax) {
      parser.fail(431, "too-many-headers", "the request has more header fields than allowed");
      return -1;
    }
    auto& field = parser.fields_[parser.field_count_];
    if (field.name_size == 0) field.name_at = parser.offset(at);
    field.name_size += static_cast<std::uint32_t>(length);
    return 0;
  }

  static int on_header_value(llhttp_t* machine, const char* at, std::size_t length) {
    auto& parser = self(machine);
    if (parser.state_ == State::body) return 0;
    auto& field = parser.fields_[parser.field_count_];
    if (field.value_size == 0) field.value_at = parser.offset(at);
    field.value_size += static_cast<std::uint32_t>(length);
    return 0;
  }

  static int on_header_value_complete(llhttp_t* machine) {
    auto& parser = self(machine);
    if (parser.state_ == State::body) return 0;
    if (++parser.field_count_ < Request::kHeadersMax) parser.fields_[parser.field_count_] = {};
    return 0;
  }

  static int on_headers_complete(llhttp_t* machine) { return self(machine).head_complete(); }

  // A chunk that is too large is refused by what it says, not when its bytes have come. Behind the
  // last one stand the trailers: feed() goes on there.
  static int on_chunk_header(llhttp_t* machine) {
    auto& parser = self(machine);
    if (machine->content_length > parser.limits_.body_bytes_max - parser.body_size_) {
      parser.fail(413, "body-too-large", "the request body is larger than allowed");
      return -1;
    }
    parser.in_trailers_ = machine->content_length == 0;
    return parser.in_trailers_ ? HPE_PAUSED : 0;
  }

  static int on_body(llhttp_t* machine, const char* at, std::size_t length) {
    return self(machine).body_bytes(at, length);
  }

  static int on_message_complete(llhttp_t* machine) {
    self(machine).state_ = State::complete;
    return HPE_PAUSED;  // pipelined requests are taken one by one
  }

  static const llhttp_settings_t* settings() {
    static const llhttp_settings_t kSettings = [] {
      llhttp_settings_t to;
      llhttp_settings_init(&to);
      to.on_url = on_url;
      to.on_header_field = on_header_field;
      to.on_header_value = on_header_value;
      to.on_header_value_complete = on_header_value_complete;
      to.on_headers_complete = on_headers_complete;
      to.on_chunk_header = on_chunk_header;
      to.on_body = on_body;
      to.on_message_complete = on_message_complete;
      return to;
    }();
    return &kSettings;
  }
};

Parser::Parser(const Limits& limits) : limits_(limits), machine_(std::make_unique<Machine>()) {
  llhttp_init(&machine_->state, HTTP_REQUEST, Callbacks::settings());
  machine_->state.data = this;
}

Parser::~Parser() = default;

void Parser::reset() {
  size_ = raw_size_ = head_size_ = body_size_ = 0;
  target_at_ = target_size_ = 0;
  field_count_ = 0;
  fields_[0] = {};
  in_trailers_ = false;
  last_trailer_byte_ = '\n';
  expects_continue_ = false;
  state_ = State::idle;
}

void Parser::next_message() {
  CHECK(state_ == State::complete);
  llhttp_resume(&machine_->state);
  reset();
}

Parser::State Parser::feed(char* message, std::size_t from, std::size_t to) {
  CHECK(state_ != State::complete && state_ != State::failed);
  message_ = message;
  end_ = to;
  size_ = from;
  if (state_ == State::idle && from < to) state_ = State::head;
  const auto raw_max = limits_.header_bytes_max + kFramingFactorMax * limits_.body_bytes_max;
  std::size_t at = from;
  while (at < to && state_ != State::complete && state_ != State::failed) {
    // Cut where a limit is, so that the verdict does not depend on how the bytes arrived.
    const auto limit = state_ == State::head ? limits_.header_bytes_max : raw_max;
    const auto step = std::min(to - at, limit - std::min(limit, raw_size_));
    if (step == 0) {
      if (state_ == State::head) {
        fail(431, "headers-too-large", "the request line and headers are larger than allowed");
      } else {
        fail(413, "body-too-large", "the request body is larger than allowed");
      }
      break;
    }
    at += execute(message + at, step);
  }
  // Of an unfinished body only the decoded bytes are kept, not its framing.
  size_ = state_ == State::body ? head_size_ + body_size_ : at;
  return state_;
}

// How many of the bytes the machine has taken.
std::size_t Parser::execute(const char* at, std::size_t length) {
  auto& machine = machine_->state;
  const bool behind_last_chunk = in_trailers_;
  const auto result = llhttp_execute(&machine, at, length);
  std::size_t taken = length;
  if (result == HPE_PAUSED && state_ != State::failed) {
    taken = static_cast<std::size_t>(llhttp_get_error_pos(&machine) - at);
    if (state_ != State::complete) llhttp_resume(&machine);
  } else if (result != HPE_OK) {
    if (state_ != State::failed) fail_from_machine();
    return 0;
  }
  raw_size_ += taken;
  if (behind_last_chunk) check_trailers({at, taken});
  return taken;
}

void Parser::fail(int status, std::string_view code, std::string_view detail) {
  state_ = State::failed;
  failure_ = {status, code, detail};
}

bool Parser::is_head() const {
  return target_size_ > 0 && machine_->state.method == HTTP_HEAD;
}

void Parser::fail_from_machine() {
  switch (llhttp_get_errno(&machine_->state)) {
    case HPE_INVALID_VERSION: {
      const std::string_view reason = llhttp_get_error_reason(&machine_->state);
      if (reason == "Invalid HTTP version") {
        return fail(505, "version-not-supported", "the server speaks HTTP/1.1 and HTTP/1.0");
      }
      return fail(400, "bad-request-line", "the HTTP version is malformed");
    }
    case HPE_INVALID_METHOD:
      return fail(400, "bad-request-line", "the method is not one of HTTP's");
    case HPE_INVALID_URL:
      return fail(400, "bad-target", "the request target is malformed");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return fail(400, "bad-framing",
                  "Content-Length is repeated or stands beside Transfer-Encoding");
    case HPE_INVALID_CONTENT_LENGTH:
      return fail(400, "bad-framing", "Content-Length is not a number");
    case HPE_INVALID_TRANSFER_ENCODING:
      return fail(400, "bad-framing", "Transfer-Encoding does not end with chunked");
    case HPE_INVALID_CHUNK_SIZE:
    case HPE_STRICT:
      return fail(400, "bad-framing", "a line or a chunk does not end as it must");
    case HPE_INVALID_HEADER_TOKEN:
      return fail(400, "bad-header", "a header field has a character that none can have");
    default:
      return fail(400, "bad-request", "the request is malformed");
  }
}

ByteView Parser::value_of(const Field& field) const {
  return trimmed({message_ + field.value_at, field.value_size});
}

// Every line of the head ends with CRLF and none continues the one before (obs-fold). Finds where
// the head ends.
bool Parser::check_lines() {
  const char* line = message_;
  const char* const end = message_ + end_;
  bool leading = true;  // empty lines before the request line are allowed
  while (const auto* feed = static_cast<const char*>(
             std::memchr(line, '\n', static_cast<std::size_t>(end - line)))) {
    if (feed == line || feed[-1] != '\r') break;
    const bool is_empty = feed - line == 1;
    if (is_empty && !leading) {
      head_size_ = offset(feed + 1);
      return true;
    }
    leading = leading && is_empty;
    line = feed + 1;
    if (line < end && (*line == ' ' || *line == '\t')) {
      fail(400, "bad-header", "a header field is folded over several lines");
      return false;
    }
  }
  fail(400, "bad-header", "a line of the head does not end with CR LF");
  return false;
}

// method SP request-target SP HTTP-version CRLF: llhttp takes more spaces, and reads RTSP/ and
// ICE/.
bool Parser::check_request_line() {
  const auto& machine = machine_->state;
  ByteView line(message_, end_);
  while (line.starts_with("\r\n")) line.remove_prefix(2);
  static constexpr std::string_view kProtocol = " HTTP/1.1\r\n";
  const std::string_view method = llhttp_method_name(static_cast<llhttp_method_t>(machine.method));
  const auto target_at = target_at_ - static_cast<std::size_t>(line.data() - message_);
  const auto protocol = line.substr(target_at + target_size_, kProtocol.size());
  const bool is_plain = target_at == method.size() + 1 && line[method.size()] == ' ' &&
                        protocol.starts_with(" HTTP/") && protocol.ends_with("\r\n");
  if (!is_plain) {
    fail(400, "bad-request-line", "the request line is not: method, target, HTTP/1.1");
    return false;
  }
  if (machine.http_major != 1 || machine.http_minor > 1) {
    fail(505, "version-not-supported", "the server speaks HTTP/1.1 and HTTP/1.0");
    return false;
  }
  if (machine.method == HTTP_CONNECT) {
    fail(501, "method-not-implemented", "the server is no proxy");
    return false;
  }
  if (!split_target(method, {message_ + target_at_, target_size_})) {
    fail(400, "bad-target", "the request target is malformed");
    return false;
  }
  return true;
}

// What llhttp does not mind behind the last chunk: a bare line feed, a folded line, a field without
// a name. Ends of the view may lie anywhere.
void Parser::check_trailers(ByteView bytes) {
  for (const char byte : bytes) {
    const char before = std::exchange(last_trailer_byte_, byte);
    const bool begins_line = before == '\n';
    if ((byte == '\n' && before != '\r') ||
        (begins_line && (byte == ' ' || byte == '\t' || byte == ':'))) {
      return fail(400, "bad-framing", "a trailer field is malformed");
    }
  }
}

// RFC 9112 section 6.1: only chunked can be decoded here, and an HTTP/1.0 sender cannot mean it.
bool Parser::check_transfer_encoding(bool present, ByteView value) {
  if (!present) return true;
  if (machine_->state.http_minor == 0) {
    fail(400, "bad-framing", "HTTP/1.0 has no Transfer-Encoding");
    return false;
  }
  if (machine_->state.flags & F_CONTENT_LENGTH) {
    fail(400, "bad-framing", "Content-Length is repeated or stands beside Transfer-Encoding");
    return false;
  }
  if (equal_ignoring_case(value, "chunked")) return true;
  fail(501, "transfer-encoding-not-supported", "the only transfer coding supported is chunked");
  return false;
}

bool Parser::check_fields() {
  int hosts = 0;
  int encodings = 0;
  ByteView encoding;
  for (std::size_t i = 0; i < field_count_; ++i) {
    const auto name = name_of(fields_[i]);
    if (name.empty()) {
      fail(400, "bad-header", "a header field has no name");
      return false;
    }
    if (name.size() == 4 && equal_ignoring_case(name, "host")) {
      ++hosts;
      if (!is_host_and_port(value_of(fields_[i]))) {
        fail(400, "bad-host", "the Host header is malformed");
        return false;
      }
    } else if (name.size() == 17 && equal_ignoring_case(name, "transfer-encoding")) {
      ++encodings;
      encoding = encodings == 1 ? value_of(fields_[i]) : ByteView("repeated");
    } else if (name.size() == 6 && equal_ignoring_case(name, "expect")) {
      if (!equal_ignoring_case(value_of(fields_[i]), "100-continue")) {
        fail(417, "expectation-failed", "the only expectation supported is 100-continue");
        return false;
      }
      expects_continue_ = machine_->state.http_minor == 1;
    }
  }
  if (hosts > 1 || (hosts == 0 && machine_->state.http_minor == 1)) {
    fail(400, "bad-host", "the request must have one Host header");
    return false;
  }
  return check_transfer_encoding(encodings > 0, encoding);
}

int Parser::head_complete() {
  if (state_ == State::failed) return -1;
  if (!check_lines() || !check_request_line() || !check_fields()) return -1;
  auto& machine = machine_->state;
  if ((machine.flags & F_CONTENT_LENGTH) && machine.content_length > limits_.body_bytes_max) {
    fail(413, "body-too-large", "the request body is larger than allowed");
    return -1;
  }
  keep_alive_ = llhttp_should_keep_alive(&machine) != 0;
  machine.upgrade = 0;  // an upgrade that is ignored is just a request (RFC 9110 section 7.8)
  state_ = State::body;
  return 0;
}

int Parser::body_bytes(const char* at, std::size_t length) {
  if (body_size_ + length > limits_.body_bytes_max) {
    fail(413, "body-too-large", "the request body is larger than allowed");
    return -1;
  }
  char* to = message_ + head_size_ + body_size_;
  if (to != at) std::memmove(to, at, length);
  body_size_ += length;
  return 0;
}

void Parser::request_into(Request& request, const char* message) const {
  CHECK(state_ == State::complete);
  const auto& machine = machine_->state;
  request.method = llhttp_method_name(static_cast<llhttp_method_t>(machine.method));
  request.target = {message + target_at_, target_size_};
  const auto target = split_target(request.method, request.target);
  CHECK(target);
  request.path = target->path;
  request.query = target->query;
  for (std::size_t i = 0; i < field_count_; ++i) {
    const auto& field = fields_[i];
    request.header_array[i] = {{message + field.name_at, field.name_size},
                               trimmed({message + field.value_at, field.value_size})};
  }
  request.header_count = field_count_;
  request.param_count = 0;
  request.body = {message + head_size_, body_size_};
  request.keep_alive = keep_alive_;
  request.is_http_1_0 = machine.http_minor == 0;
}

}  // namespace sluice::http
