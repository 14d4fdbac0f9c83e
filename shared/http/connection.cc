#include "shared/http/connection.h"

#include <array>
#include <utility>

#include "shared/http/problem.h"

namespace sluice::http {

namespace {

// Bytes gathered before they are written even though more answers are ready.
constexpr std::size_t kWriteBytes = 256 << 10;

Persistence persistence_of(const Request& request, bool stopping) {
  if (!request.keep_alive || stopping) return Persistence::close;
  return request.is_http_1_0 ? Persistence::keep_1_0 : Persistence::keep;
}

bool is_pending(const Answer& answer) {
  const auto* task = std::get_if<Task<Response>>(&answer);
  return task && !task->done();
}

}  // namespace

Connection::Connection(std::unique_ptr<Stream> stream, Shared& shared)
    : stream_(std::move(stream)),
      shared_(shared),
      inbox_(shared.limits),
      deadline_(shared.clock.now() + shared.limits.header_timeout) {}

Task<void> Connection::run() {
  auto writing = write_answers();
  co_await read_requests();
  reading_ended_ = true;
  if (body_) body_->cancel();
  wake(writer_);
  co_await writing;
  stream_->close();
}

Task<void> Connection::read_requests() {
  while (true) {
    const auto got = co_await stream_->read(inbox_.space());
    if (!got || *got == 0) break;
    inbox_.received(*got);
    while (!no_more_requests_) {
      if (queue_.size() >= shared_.limits.pipeline_max) {
        wake(writer_);
        if (queue_.size() >= shared_.limits.pipeline_max) co_await Wait{reader_};
        continue;
      }
      const auto state = inbox_.next();
      if (state == Parser::State::complete) {
        take_request();
        // Answers in hand are written before they pile up.
        if (outbox_.size() >= kWriteBytes) wake(writer_);
      } else {
        if (state == Parser::State::failed) refuse(inbox_.failure());
        break;
      }
    }
    if (no_more_requests_) {
      inbox_.discard();
    } else if (inbox_.wants_continue() && !std::exchange(continue_sent_, true)) {
      push_continue();
    }
    wake(writer_);
    set_deadline();
  }
}

void Connection::take_request() {
  ++shared_.counters.requests;
  ++received_;
  continue_sent_ = false;
  Request& request = inbox_.request();
  request.peer = stream_->peer();
  const auto persistence = persistence_of(request, shared_.stopping);
  const bool head_only = request.method == "HEAD";
  no_more_requests_ = persistence == Persistence::close;
  auto answer = shared_.handler(request);
  auto block = is_pending(answer) ? inbox_.detach() : nullptr;
  push(std::move(answer), std::move(block), persistence, head_only);
}

void Connection::refuse(const Parser::Failure& failure) {
  ++shared_.counters.bad_requests;
  no_more_requests_ = true;
  auto response = Problem(failure.status, failure.code).detail(failure.detail).response();
  push(std::move(response), nullptr, Persistence::close, inbox_.is_head());
}

void Connection::push_continue() {
  if (must_wait()) {
    auto& slot = queue_.emplace_back(nullptr, Response(100), Persistence::keep, false);
    slot.is_interim = true;
  } else {
    outbox_.add_raw("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

bool Connection::must_wait() const {
  return writing_ || !queue_.empty();
}

void Connection::push(Answer answer, std::unique_ptr<Block> block, Persistence persistence,
                      bool head_only) {
  if (must_wait() || is_pending(answer)) {
    queue_.emplace_back(std::move(block), std::move(answer), persistence, head_only);
  } else {
    send(answer, persistence, head_only);
  }
}

void Connection::send(Answer& answer, Persistence persistence, bool head_only) {
  if (const auto* fixed = std::get_if<const StaticResponse*>(&answer)) {
    outbox_.add(**fixed, shared_.date, persistence, head_only);
  } else {
    auto* ready = std::get_if<Response>(&answer);
    Response response = ready ? std::move(*ready) : std::get<Task<Response>>(answer).take();
    if (response.stream) {
      persistence = Persistence::close;
      no_more_requests_ = true;
      if (!head_only) body_ = response.stream;
    }
    outbox_.add(std::move(response), shared_.date, persistence, head_only);
  }
  if (persistence == Persistence::close) last_sent_ = true;
}

// Moves the answers that are ready from the queue into the outbox.
void Connection::gather() {
  while (!queue_.empty() && !is_pending(queue_.front().answer) && !body_ &&
         outbox_.size() < kWriteBytes) {
    auto& slot = queue_.front();
    if (slot.is_interim) {
      outbox_.add_raw("HTTP/1.1 100 Continue\r\n\r\n");
    } else {
      send(slot.answer, slot.persistence, slot.head_only);
    }
    queue_.pop_front();
  }
}

Task<void> Connection::write_answers() {
  bool broken = false;
  while (true) {
    if (outbox_.empty() && queue_.empty()) {
      if (reading_ended_ || last_sent_) break;
      co_await Wait{writer_};
      continue;
    }
    if (outbox_.empty() && is_pending(queue_.front().answer)) {
      // References into the queue hold: it grows only at its end meanwhile.
      auto& task = std::get<Task<Response>>(queue_.front().answer);
      Response response = co_await task;
      queue_.front().answer = std::move(response);
    }
    gather();
    writing_ = true;
    write_deadline_ = shared_.clock.now() + shared_.limits.write_timeout;
    bool lost = !broken && !co_await stream_->write(outbox_.parts());
    write_deadline_ = Instant::never();
    if (body_) {
      if (!broken && !lost) lost = !co_await write_stream(*body_);
      body_.reset();
      lost = lost || !queue_.empty();  // nothing can be told behind a body of no length
    }
    if (lost) {
      broken = true;  // nobody reads; the handlers that run are still waited for
      no_more_requests_ = true;
      stream_->close();
    }
    writing_ = false;
    outbox_.clear();
    wake(reader_);
    if (!queue_.empty()) continue;
    // A stop that came while an answer was on its way: that was the last one.
    if (shared_.stopping && inbox_.state() == Parser::State::idle) {
      no_more_requests_ = last_sent_ = true;
    }
    set_deadline();
  }
  if (!broken && last_sent_) finish();
}

// Until the body ends, which it also does when the client has gone. False: a write failed.
Task<bool> Connection::write_stream(BodyStream& body) {
  deadline_ = Instant::never();
  if (reading_ended_ || shared_.stopping) body.cancel();
  while (true) {
    const Buffer piece = co_await body.next();
    if (piece.empty()) co_return true;
    const std::array<ByteView, 1> parts{piece};
    write_deadline_ = shared_.clock.now() + shared_.limits.write_timeout;
    const auto written = co_await stream_->write(parts);
    write_deadline_ = Instant::never();
    if (!written) co_return false;
  }
}

// The last answer is out: waits for the peer to close, at most linger_timeout.
void Connection::finish() {
  stream_->finish_sending();
  deadline_ = shared_.clock.now() + shared_.limits.linger_timeout;
}

void Connection::set_deadline() {
  if (no_more_requests_) {
    if (!last_sent_) deadline_ = Instant::never();
    return;
  }
  const auto state = inbox_.state();
  const bool is_idle = state == Parser::State::idle || state == Parser::State::complete;
  if (is_idle) {
    deadline_state_ = Parser::State::idle;
    deadline_ = queue_.empty() && !writing_ ? shared_.clock.now() + shared_.limits.idle_timeout
                                            : Instant::never();
    return;
  }
  if (state == deadline_state_ && received_ == deadline_for_) return;  // it runs on
  deadline_state_ = state;
  deadline_for_ = received_;
  deadline_ = shared_.clock.now() + (state == Parser::State::head ? shared_.limits.header_timeout
                                                                  : shared_.limits.body_timeout);
}

void Connection::expire(Instant now) {
  if (write_deadline_ <= now) {
    ++shared_.counters.timeouts;
    write_deadline_ = Instant::never();
    stream_->close();
    return;
  }
  if (deadline_ > now) return;
  deadline_ = Instant::never();
  const auto state = inbox_.state();
  const bool in_request = state == Parser::State::head || state == Parser::State::body;
  if (no_more_requests_ || !in_request) {
    stream_->close();
    return;
  }
  ++shared_.counters.timeouts;
  refuse({408, "request-timeout", "the request did not arrive in time"});
  inbox_.discard();
  wake(writer_);
}

void Connection::begin_stop() {
  if (body_) body_->cancel();
  if (no_more_requests_) return;
  const auto state = inbox_.state();
  if (state == Parser::State::head || state == Parser::State::body) return;  // it will be answered
  if (!must_wait() && outbox_.empty()) {
    no_more_requests_ = true;
    stream_->close();
  } else if (!queue_.empty()) {
    no_more_requests_ = true;
    queue_.back().persistence = Persistence::close;
  }
}

}  // namespace sluice::http
