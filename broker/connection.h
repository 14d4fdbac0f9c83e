#pragma once
// Connection: one Kafka client. Two coroutines joined by a bounded queue of running requests: the
// reader cuts frames and starts handlers, the writer awaits them in that order. So replies keep the
// order of the requests (as Kafka's protocol requires), pipelining is bounded, and a full queue or
// a full committer simply stops the reading. Lives on the loop thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "broker/broker.h"
#include "broker/dispatch.h"
#include "shared/async/channel.h"
#include "shared/async/stream.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"

namespace sluice::broker {

struct ConnectionLimits {
  // Largest request frame. A batch of max.message.bytes for several partitions must fit; a length
  // field beyond it is garbage or another protocol.
  std::int32_t frame_bytes_max = 32 << 20;
  // Requests of one connection that run at a time. Clients pipeline 5 (idempotent) to about 100.
  std::size_t in_flight_max = 128;
};

class Connection {
 public:
  Connection(Broker& broker, std::unique_ptr<Stream> stream, ConnectionLimits limits);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Finishes when the peer left, broke the protocol, or finish() was called and all is answered.
  Task<void> serve();

  // Answers what is in flight, takes nothing new, then closes.
  void finish();
  // Closes now; what is in flight ends unanswered.
  void abort() { stream_->close(); }

  // When the last request arrived: for the idle sweep.
  Instant last_active() const { return last_active_; }
  bool idle() const { return in_flight_ == 0; }

 private:
  Task<void> write_replies();
  // The next whole frame without its length. Code::closed at the end of the stream.
  Task<Result<Buffer>> read_frame();
  // At least `count` unread bytes in input_.
  Task<Result<void>> fill(std::size_t count);

  Broker& broker_;
  std::unique_ptr<Stream> stream_;
  ConnectionLimits limits_;
  std::string client_host_;
  Channel<Task<Reply>> replies_;
  Buffer input_;
  std::size_t read_at_ = 0;  // input_ before it is used up
  std::size_t in_flight_ = 0;
  bool finishing_ = false;
  Instant last_active_;
};

}  // namespace sluice::broker
