#pragma once
// Talk: a Service with a small application behind it and a way to open connections to it in memory.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shared/async/one_shot.h"
#include "shared/http/problem.h"
#include "shared/http/router.h"
#include "shared/http/service.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_stream.h"

namespace sluice::http {

// A body whose pieces a test gives.
class Pieces final : public BodyStream {
 public:
  Task<Buffer> next() override {
    if (ready_.empty() && !cancelled) {
      waiting_ = std::make_unique<OneShot<bool>>();
      co_await *waiting_;
      waiting_.reset();
    }
    if (ready_.empty()) co_return Buffer();
    co_return std::exchange(ready_, {});
  }
  void cancel() override {
    cancelled = true;
    wake();
  }
  void give(std::string_view piece) {
    ready_ += piece;
    wake();
  }
  bool cancelled = false;

 private:
  void wake() {
    if (waiting_ && !waiting_->await_ready()) waiting_->set(true);
  }
  Buffer ready_;
  std::unique_ptr<OneShot<bool>> waiting_;
};

class Talk {
 public:
  explicit Talk(Limits limits = {})
      : sold_out(Problem(409, "sold-out").response()),
        service(clock, limits, [this](Request& request) { return router.route(request); }) {
    router.add("GET", "/sold-out", [this](const Request&) -> Answer { return &sold_out; });
    router.add("POST", "/echo", [](const Request& request) -> Answer {
      return Response::text(200, Buffer(request.body));
    });
    router.add("GET", "/big",
               [](const Request&) -> Answer { return Response::text(200, Buffer(100'000, 'b')); });
    router.add("POST", "/later/{name}",
               [this](const Request& request) -> Answer { return later(request); });
    router.add("GET", "/pieces", [this](const Request&) -> Answer {
      Response response(200, "text/event-stream", Buffer());
      response.stream = pieces;
      return response;
    });
    router.add("GET", "/done", [](const Request& request) -> Answer { return done(request); });
  }
  ~Talk() {
    for (auto& client : clients_) client->close();
    // A test that failed half-way must not leave tasks behind.
    for (std::size_t n = 0; n < waiting.size(); ++n) {
      if (!waiting[n]->await_ready()) release(n);
    }
  }

  // The client's end of a new connection.
  MemoryStream& open(std::size_t capacity = MemoryStream::kUnbounded) {
    auto [ours, theirs] = MemoryStream::pair(capacity);
    service.serve(std::move(theirs));
    return *clients_.emplace_back(std::move(ours));
  }

  // All that a new connection answers to `bytes`, without the Date lines.
  std::string ask(ByteView bytes) {
    auto& client = open();
    client.feed(bytes);
    return without_date(client.drain());
  }

  static std::string without_date(std::string text) {
    static constexpr std::size_t kLine =
        std::string_view("Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n").size();
    for (auto at = text.find("Date: "); at != std::string::npos; at = text.find("Date: ")) {
      text.erase(at, kLine);
    }
    return text;
  }

  // Lets the n-th request to /later go on.
  void release(std::size_t n) { waiting[n]->set(true); }

  ManualClock clock;
  Router router;
  StaticResponse sold_out;
  std::shared_ptr<Pieces> pieces = std::make_shared<Pieces>();
  std::vector<std::unique_ptr<OneShot<bool>>> waiting;
  Service service;

 private:
  // Answers, once released, from the request that it was given long before.
  Task<Response> later(const Request& request) {
    auto& turn = *waiting.emplace_back(std::make_unique<OneShot<bool>>());
    co_await turn;
    co_return Response::text(200, Buffer(request.param("name")) + " " + Buffer(request.body) + " " +
                                      Buffer(request.header("X-Note").value_or("-")));
  }
  static Task<Response> done(const Request& request) {
    co_return Response::text(200, Buffer(request.query));
  }

  std::vector<std::unique_ptr<MemoryStream>> clients_;
};

inline std::string ok_text(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + std::string(body);
}

}  // namespace sluice::http
