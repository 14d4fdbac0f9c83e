#include <doctest/doctest.h>

#include <string>

#include "tests/unit/http/talk.h"

namespace sluice::http {

namespace {

const Limits kLimits{.header_timeout = Millis(10'000),
                     .body_timeout = Millis(30'000),
                     .idle_timeout = Millis(75'000),
                     .write_timeout = Millis(20'000),
                     .linger_timeout = Millis(2'000)};
const std::string kDone = "GET /done?1 HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kLater = "POST /later/a HTTP/1.1\r\nHost: h\r\n\r\n";

void pass(Talk& talk, Millis time) {
  talk.clock.advance(time);
  talk.service.tick();
}

}  // namespace

TEST_CASE("headers that dribble in are refused when their time is over, not before") {
  Talk talk(kLimits);
  auto& client = talk.open();
  client.feed("GET /done HTTP/1.1\r\n");
  for (int i = 0; i < 9; ++i) {
    pass(talk, Millis(1000));
    client.feed("X: y\r\n");
  }
  pass(talk, Millis(999));
  CHECK_EQ(client.drain(), "");
  pass(talk, Millis(1));
  const auto answer = client.drain();
  CHECK(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(client.ended());
  client.feed("\r\n" + kDone);
  CHECK_EQ(client.drain(), "");
  CHECK_EQ(talk.service.connections(), 1u);
  pass(talk, Millis(2000));
  CHECK_EQ(talk.service.connections(), 0u);
  CHECK_EQ(talk.service.counters().timeouts, 1u);
}

TEST_CASE("a body has its own time, counted from the end of the headers") {
  Talk talk(kLimits);
  auto& client = talk.open();
  client.feed("POST /echo HTTP/1.1\r\nHost: h\r\n");
  pass(talk, Millis(9'000));
  client.feed("Content-Length: 3\r\n\r\na");
  pass(talk, Millis(29'999));
  client.feed("b");
  CHECK_EQ(client.drain(), "");
  pass(talk, Millis(1));
  CHECK(client.drain().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("each request of a connection has its own time") {
  Talk talk(kLimits);
  auto& client = talk.open();
  client.feed("GET /done?1 HTTP/1.1\r\nHost: h\r\n");
  pass(talk, Millis(9'000));
  client.feed("\r\nGET /done?2 HTTP/1.1\r\n");
  CHECK_EQ(Talk::without_date(client.drain()), ok_text("1"));
  pass(talk, Millis(9'000));
  client.feed("Host: h\r\n\r\n");
  CHECK_EQ(Talk::without_date(client.drain()), ok_text("2"));
}

TEST_CASE("an idle connection ends silently: after a request late, without one early") {
  Talk talk(kLimits);
  auto& used = talk.open();
  auto& fresh = talk.open();
  used.feed(kDone);
  used.drain();
  pass(talk, Millis(9'999));
  CHECK_FALSE(fresh.ended());
  pass(talk, Millis(1));
  CHECK(fresh.ended());
  CHECK_EQ(fresh.drain(), "");
  pass(talk, Millis(64'999));
  CHECK_FALSE(used.ended());
  pass(talk, Millis(1));
  CHECK(used.ended());
  CHECK_EQ(used.drain(), "");
  CHECK_EQ(talk.service.connections(), 0u);
}

TEST_CASE("time that a handler takes is not the client's") {
  Talk talk(kLimits);
  auto& client = talk.open();
  client.feed(kLater);
  pass(talk, Millis(500'000));
  CHECK_FALSE(client.ended());
  talk.release(0);
  CHECK_EQ(Talk::without_date(client.drain()), ok_text("a  -"));
  pass(talk, Millis(74'999));
  CHECK_FALSE(client.ended());
  pass(talk, Millis(1));
  CHECK(client.ended());
}

TEST_CASE("answers that nobody reads end the connection") {
  Talk talk(kLimits);
  auto& client = talk.open(100);
  client.feed("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  pass(talk, Millis(19'999));
  CHECK_EQ(talk.service.connections(), 1u);
  pass(talk, Millis(1));
  CHECK_EQ(talk.service.connections(), 0u);
}

TEST_CASE("at connections_max the next one is told so") {
  Talk talk({.connections_max = 2});
  auto& first = talk.open();
  talk.open();
  auto& third = talk.open();
  const auto answer = third.drain();
  CHECK(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(answer.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(third.ended());
  CHECK_EQ(talk.service.counters().connections_refused, 1u);
  first.close();
  CHECK_EQ(talk.ask(kDone), ok_text("1"));
}

TEST_CASE("a stop ends the idle, finishes what is under way and says close") {
  Talk talk(kLimits);
  auto& idle = talk.open();
  auto& half = talk.open();
  auto& busy = talk.open();
  half.feed("GET /done?half HTTP/1.1\r\n");
  busy.feed(kLater + kLater);
  auto stopping = talk.service.stop(talk.clock.now() + Millis(5'000));
  CHECK(idle.ended());
  CHECK_FALSE(half.ended());
  half.feed("Host: h\r\n\r\n" + kDone);
  const auto answer = Talk::without_date(half.drain());
  CHECK_EQ(answer,
           "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain; charset=utf-8\r\n"
           "Connection: close\r\n\r\nhalf");
  CHECK(half.ended());
  half.close();
  talk.release(0);
  CHECK_EQ(Talk::without_date(busy.drain()), ok_text("a  -"));
  CHECK_FALSE(busy.ended());
  talk.release(1);
  CHECK(busy.drain().find("Connection: close\r\n") != std::string::npos);
  CHECK(busy.ended());
  CHECK_FALSE(stopping.done());
  busy.close();
  CHECK(stopping.done());
  auto& late = talk.open();
  CHECK(late.drain().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("a stop does not wait for the unwilling beyond its deadline") {
  Talk talk(kLimits);
  auto& half = talk.open();
  auto& stuck = talk.open(100);
  half.feed("GET /do");
  stuck.feed("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  auto stopping = talk.service.stop(talk.clock.now() + Millis(5'000));
  pass(talk, Millis(4'999));
  CHECK_EQ(talk.service.connections(), 2u);
  pass(talk, Millis(1));
  CHECK(stopping.done());
}

TEST_CASE("a stop while an answer is on its way lets it arrive") {
  Talk talk(kLimits);
  auto& client = talk.open(100);
  client.feed("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  auto stopping = talk.service.stop(talk.clock.now() + Millis(5'000));
  std::size_t bytes = 0;
  for (auto more = client.drain(); !more.empty(); more = client.drain()) bytes += more.size();
  CHECK_GT(bytes, 100'000u);
  CHECK(client.ended());
  client.close();
  CHECK(stopping.done());
}

}  // namespace sluice::http
