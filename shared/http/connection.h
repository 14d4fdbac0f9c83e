#pragma once
// Connection: one HTTP/1.x client over a Stream, from its first byte to its last answer. Two
// coroutines on the loop thread: the reader takes requests and calls the handler, the writer sends
// the answers in the order of the requests. Between them stands a FIFO of at most pipeline_max
// answers; when it is full the connection is not read.
//
// An answer that is ready while nothing waits before it goes straight into the outgoing bytes: a
// batch of pipelined requests costs one read, one write and no allocation.
//
// Owned by the coroutine of Service that runs it.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "shared/async/stream.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/http/http_limits.h"
#include "shared/http/inbox.h"
#include "shared/http/outbox.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::http {

// Counted since the start; of one loop.
struct Counters {
  std::uint64_t requests = 0;      // parsed and handed to the handler
  std::uint64_t bad_requests = 0;  // refused by the parser
  std::uint64_t timeouts = 0;      // connections that ran into a time limit
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // at connections_max
};

using Handler = std::move_only_function<Answer(Request&)>;

// What the connections of one Service share.
struct Shared {
  const Clock& clock;
  const Limits limits;
  Handler handler;
  std::string date;  // the Date header of now
  Counters counters;
  bool stopping = false;
};

class Connection {
 public:
  Connection(std::unique_ptr<Stream> stream, Shared& shared);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves until the connection has ended. Called once.
  Task<void> run();

  // Ends what has waited too long.
  void expire(Instant now);

  // The server stops: an idle connection ends now, another one after its last answer.
  void begin_stop();

  // Ends at once. Handlers that run are still waited for.
  void abort() { stream_->close(); }

 private:
  // An answer that waits for its turn. `block` keeps the request of an unfinished Task.
  struct Slot {
    std::unique_ptr<Block> block;  // destroyed after the Task that looks at it
    Answer answer;
    Persistence persistence;
    bool head_only;
    bool is_interim = false;  // "100 Continue" instead of the answer
  };
  struct Wait {
    std::coroutine_handle<>& slot;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { slot = waiter; }
    void await_resume() const noexcept {}
  };
  static void wake(std::coroutine_handle<>& slot) {
    if (slot) std::exchange(slot, {}).resume();
  }

  Task<void> read_requests();
  Task<void> write_answers();
  Task<bool> write_stream(BodyStream& body);
  void take_request();
  void refuse(const Parser::Failure& failure);
  void push(Answer answer, std::unique_ptr<Block> block, Persistence persistence, bool head_only);
  void push_continue();
  bool must_wait() const;
  void send(Answer& answer, Persistence persistence, bool head_only);
  void gather();
  void set_deadline();
  void finish();

  std::unique_ptr<Stream> stream_;
  Shared& shared_;
  Inbox inbox_;
  std::deque<Slot> queue_;
  Outbox outbox_;
  std::shared_ptr<BodyStream> body_;  // its head is in the outbox, or it is being written
  std::coroutine_handle<> reader_;    // waits for room in the queue
  std::coroutine_handle<> writer_;    // waits for an answer
  bool writing_ = false;              // outbox_ belongs to the write that runs
  bool reading_ended_ = false;
  bool no_more_requests_ = false;   // what arrives now is read and thrown away
  bool last_sent_ = false;          // the answer that closes is in the outbox or written
  bool continue_sent_ = false;      // for the request that is being received
  std::uint64_t received_ = 0;      // requests that arrived whole, to tell one from the next
  std::uint64_t deadline_for_ = 0;  // the `received_` that the deadline was set for
  Parser::State deadline_state_ = Parser::State::idle;  // … and the phase
  Instant deadline_;
  Instant write_deadline_ = Instant::never();
};

}  // namespace sluice::http
