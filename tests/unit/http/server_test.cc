#include "shared/http/server.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace sluice::http {

namespace {

Task<std::string> exchange(net::Loop& loop, net::HostPort to, std::string bytes) {
  auto connected = co_await net::connect(loop, to);
  REQUIRE(connected);
  auto& stream = **connected;
  const std::array<ByteView, 1> parts{bytes};
  CHECK(co_await stream.write(parts));
  std::string all;
  std::array<char, 1024> buffer;
  while (true) {
    const auto got = co_await stream.read(buffer);
    if (!got || *got == 0) break;
    all.append(buffer.data(), *got);
  }
  co_return all;
}

Task<void> ask_and_stop(net::Loop& loop, const Clock& clock, Server& server, std::string& answer) {
  answer = co_await exchange(loop, server.bound(),
                             "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  co_await server.stop(clock.now() + Millis(1000));
}

}  // namespace

TEST_CASE("a server answers over a real socket and stops") {
  net::Loop loop;
  SystemClock clock;
  Server server(loop, clock, {}, [](Request&) -> Answer { return Response::text(200, "hi"); });
  REQUIRE(server.listen({"127.0.0.1", 0}));
  std::string answer;
  auto task = ask_and_stop(loop, clock, server, answer);
  loop.run();
  CHECK(task.done());
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\nDate: "));
  CHECK(answer.ends_with("Connection: close\r\n\r\nhi"));
  CHECK_EQ(server.service().counters().requests, 1u);
}

TEST_CASE("a server that cannot listen says why") {
  net::Loop loop;
  SystemClock clock;
  Server first(loop, clock, {}, [](Request&) -> Answer { return Response(204); });
  Server second(loop, clock, {}, [](Request&) -> Answer { return Response(204); });
  REQUIRE(first.listen({"127.0.0.1", 0}));
  const auto taken = second.listen(first.bound());
  REQUIRE_FALSE(taken);
  CHECK_EQ(taken.error().code, Code::exists);
  auto stopping = first.stop(clock.now());
  loop.run();
  CHECK(stopping.done());
}

}  // namespace sluice::http
