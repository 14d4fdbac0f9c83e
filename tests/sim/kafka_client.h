#pragma once
// KafkaClient: one client connection to the simulated broker, opened when it is needed. Requests
// are pipelined; each is answered, fails with Code::unavailable (certainly not sent), or with
// another code (nobody knows). A request that times out closes the connection, as librdkafka does.

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "shared/async/gate.h"
#include "shared/async/one_shot.h"
#include "shared/async/task.h"
#include "shared/wire/frame.h"
#include "tests/sim/broker_host.h"

namespace sluice::sim {

class KafkaClient {
 public:
  KafkaClient(SimLoop& loop, BrokerHost& host) : loop_(loop), host_(host) {}
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  // The request is encoded before the call returns.
  template <class Response, class Request>
  Task<Result<Response>> call(const Request& request, std::int16_t version, Millis timeout) {
    const std::int32_t correlation = next_correlation_++;
    Buffer frame = wire::encode_request(
        {.api_version = version, .correlation_id = correlation, .client_id = "sim"}, request);
    return answer<Response>(exchange(correlation, std::move(frame), timeout), version);
  }

  bool connected() const { return connection_ != nullptr && !connection_->closed; }
  // Everything under way fails.
  void close();
  // Finishes when the connections have ended. REQUIRES: close() was called.
  Task<void> drain() { return gate_.close(); }

 private:
  struct Connection {
    std::unique_ptr<SimStream> stream;
    bool closed = false;
    std::map<std::int32_t, OneShot<Result<Buffer>>*> waiting;
  };

  template <class Response>
  static Task<Result<Response>> answer(Task<Result<Buffer>> reply, std::int16_t version) {
    auto frame = co_await reply;
    if (!frame) co_return std::unexpected(frame.error());
    const auto parsed = wire::decode_response_frame(*frame, Response::key, version);
    if (!parsed) co_return std::unexpected(parsed.error());
    co_return wire::decode<Response>(parsed->body, version);
  }

  Task<Result<Buffer>> exchange(std::int32_t correlation, Buffer frame, Millis timeout);
  static void close(Connection& connection);
  static Task<void> read_replies(std::shared_ptr<Connection> connection);

  SimLoop& loop_;
  BrokerHost& host_;
  std::shared_ptr<Connection> connection_;
  std::int32_t next_correlation_ = 1;
  Gate gate_;
};

}  // namespace sluice::sim
