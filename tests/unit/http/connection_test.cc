#include <doctest/doctest.h>

#include <string>

#include "tests/unit/http/talk.h"

namespace sluice::http {

namespace {

const std::string kSoldOut = "GET /sold-out HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kSoldOutBody =
    R"({"type":"about:blank","title":"Conflict","status":409,"code":"sold-out"})";

std::string later(std::string_view name, std::string_view body) {
  return "POST /later/" + std::string(name) +
         " HTTP/1.1\r\nHost: h\r\nX-Note: " + std::string(name) +
         "!\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string done(std::string_view query) {
  return "GET /done?" + std::string(query) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

}  // namespace

TEST_CASE("a static answer has the date in its place and nothing else changes") {
  Talk talk;
  auto& client = talk.open();
  client.feed(kSoldOut);
  CHECK_EQ(client.drain(),
           "HTTP/1.1 409 Conflict\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: " +
               std::to_string(kSoldOutBody.size()) +
               "\r\nContent-Type: application/problem+json\r\n\r\n" + kSoldOutBody);
  talk.clock.advance(Millis(1000));
  talk.service.tick();
  client.feed(kSoldOut);
  CHECK(client.drain().find("Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n") != std::string::npos);
}

TEST_CASE("HEAD is GET without the body, for every kind of answer") {
  Talk talk;
  for (const char* path : {"/sold-out", "/done?abc", "/big"}) {
    CAPTURE(path);
    const auto rest = " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto whole = talk.ask("GET" + rest);
    CHECK_EQ(talk.ask("HEAD" + rest), whole.substr(0, whole.find("\r\n\r\n") + 4));
  }
}

TEST_CASE("who decides that the connection ends") {
  struct Row {
    const char* what;
    const char* version;
    const char* headers;
    const char* says;  // the Connection line of the answer
    bool ends;
  };
  const Row rows[] = {
      {"1.1 stays", "1.1", "Host: h\r\n", "", false},
      {"1.1 close", "1.1", "Host: h\r\nConnection: close\r\n", "Connection: close\r\n", true},
      {"a list with close", "1.1", "Host: h\r\nConnection: x, Close\r\n", "Connection: close\r\n",
       true},
      {"1.0 ends", "1.0", "", "Connection: close\r\n", true},
      {"1.0 keep-alive", "1.0", "Connection: keep-alive\r\n", "Connection: keep-alive\r\n", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Talk talk;
    auto& client = talk.open();
    client.feed("GET /sold-out HTTP/" + std::string(row.version) + "\r\n" + row.headers + "\r\n" +
                kSoldOut);
    const auto answer = Talk::without_date(client.drain());
    const auto first =
        "HTTP/1.1 409 Conflict\r\nContent-Length: " + std::to_string(kSoldOutBody.size()) +
        "\r\nContent-Type: application/problem+json\r\n" + row.says + "\r\n" + kSoldOutBody;
    CHECK(answer.starts_with(first));
    CHECK_EQ(answer.size() > first.size(), !row.ends);
    CHECK_EQ(client.ended(), row.ends);
    CHECK_EQ(talk.service.connections(), 1u);
    if (!row.ends) continue;
    client.close();
    CHECK_EQ(talk.service.connections(), 0u);
  }
}

TEST_CASE("pipelined requests are answered in order, whichever finishes first") {
  Talk talk;
  auto& client = talk.open();
  client.feed(done("1") + later("a", "body-a") + done("2") + later("b", "body-b") + kSoldOut +
              done("3"));
  REQUIRE_EQ(talk.waiting.size(), 2u);
  CHECK_EQ(Talk::without_date(client.drain()), ok_text("1"));
  talk.release(1);
  CHECK_EQ(client.drain(), "");
  talk.release(0);
  const auto rest = Talk::without_date(client.drain());
  CHECK(rest.starts_with(ok_text("a body-a a!") + ok_text("2") + ok_text("b body-b b!") +
                         "HTTP/1.1 409"));
  CHECK(rest.ends_with(ok_text("3")));
}

TEST_CASE("the request of a waiting task outlives what arrives after it") {
  Talk talk;
  auto& client = talk.open();
  client.feed(later("first", std::string(3000, 'f')));
  for (int i = 0; i < 20; ++i) client.feed(done(std::string(900, 'x')));
  client.feed("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n" +
              std::string(50000, 'e'));
  talk.release(0);
  const auto answers = Talk::without_date(client.drain());
  CHECK(answers.starts_with(ok_text("first " + std::string(3000, 'f') + " first!")));
  CHECK(answers.ends_with(std::string(50000, 'e')));
}

TEST_CASE("at pipeline_max the connection is not read") {
  Talk talk({.pipeline_max = 4});
  auto& client = talk.open(1000);
  std::string all = later("a", "");
  for (int i = 0; i < 1000; ++i) all += done("x");
  client.feed(all);
  CHECK_EQ(talk.service.counters().requests, 4u);
  talk.release(0);
  std::string answers;
  while (true) {
    const auto more = client.drain();
    if (more.empty()) break;
    answers += more;
  }
  CHECK_EQ(talk.service.counters().requests, 1001u);
  std::string expected = ok_text("a  a!");
  for (int i = 0; i < 1000; ++i) expected += ok_text("x");
  CHECK(Talk::without_date(answers) == expected);
}

TEST_CASE("a peer that does not read its answers holds only itself up") {
  Talk talk;
  auto& slow = talk.open(100);
  std::string all;
  for (int i = 0; i < 200; ++i) all += "GET /big HTTP/1.1\r\nHost: h\r\n\r\n";
  slow.feed(all);
  CHECK_LT(talk.service.counters().requests, 80u);
  CHECK_EQ(talk.ask(done("fine")), ok_text("fine"));
  std::size_t bytes = 0;
  for (auto more = slow.drain(); !more.empty(); more = slow.drain()) bytes += more.size();
  CHECK_EQ(talk.service.counters().requests, 201u);
  CHECK_GT(bytes, 200u * 100'000);
}

TEST_CASE("100 Continue is sent when the body is waited for, in its turn") {
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  SUBCASE("waited for") {
    Talk talk;
    auto& client = talk.open();
    client.feed(head);
    CHECK_EQ(client.drain(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.feed("a");
    client.feed("bc");
    CHECK_EQ(Talk::without_date(client.drain()), ok_text("abc"));
  }
  SUBCASE("the body is already there") {
    Talk talk;
    CHECK_EQ(talk.ask(head + "abc"), ok_text("abc"));
  }
  SUBCASE("behind an answer that is not ready") {
    Talk talk;
    auto& client = talk.open();
    client.feed(later("a", "") + head);
    CHECK_EQ(client.drain(), "");
    talk.release(0);
    CHECK_EQ(Talk::without_date(client.drain()),
             ok_text("a  a!") + "HTTP/1.1 100 Continue\r\n\r\n");
    client.feed("abc");
    CHECK_EQ(Talk::without_date(client.drain()), ok_text("abc"));
  }
  SUBCASE("a body that will be refused is not asked for") {
    Talk talk({.body_bytes_max = 2});
    CHECK(talk.ask(head).starts_with("HTTP/1.1 413 Content Too Large\r\n"));
  }
}

TEST_CASE("a peer that has finished sending still gets its answers") {
  Talk talk;
  auto& client = talk.open();
  client.feed(later("a", "") + done("1"));
  client.finish_sending();
  CHECK_EQ(talk.service.connections(), 1u);
  talk.release(0);
  CHECK_EQ(Talk::without_date(client.drain()), ok_text("a  a!") + ok_text("1"));
  CHECK_EQ(talk.service.connections(), 0u);
}

TEST_CASE("a peer that vanishes is waited for only by the tasks that run") {
  Talk talk;
  auto& client = talk.open();
  client.feed(later("a", "") + later("b", ""));
  client.close();
  CHECK_EQ(talk.service.connections(), 1u);
  talk.release(1);
  talk.release(0);
  CHECK_EQ(talk.service.connections(), 0u);
  auto& half = talk.open();
  half.feed("GET /do");
  half.close();
  CHECK_EQ(talk.service.connections(), 0u);
}

TEST_CASE("a refused request does not lose the answers before it") {
  Talk talk;
  auto& client = talk.open();
  client.feed(later("a", "") + "nonsense\r\n\r\n" + done("1"));
  CHECK_EQ(client.drain(), "");
  talk.release(0);
  const auto answers = Talk::without_date(client.drain());
  CHECK(answers.starts_with(ok_text("a  a!") + "HTTP/1.1 400 Bad Request\r\n"));
  CHECK(client.ended());
}

TEST_CASE("a header value cannot forge a line") {
  Talk talk;
  talk.router.add("GET", "/forge", [](const Request&) -> Answer {
    return Response(200).add("X", "a\r\nSet-Cookie: b\nc");
  });
  CHECK_EQ(talk.ask("GET /forge HTTP/1.1\r\nHost: h\r\n\r\n"),
           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a  Set-Cookie: b c\r\n\r\n");
}

namespace {

const std::string kPieces = "GET /pieces HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kPiecesHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("a body in pieces is sent as it comes, and its end closes the connection") {
  Talk talk;
  auto& client = talk.open();
  client.feed(kPieces);
  CHECK_EQ(Talk::without_date(client.drain()), kPiecesHead);
  talk.clock.advance(Millis(10'000'000));  // no limit of time but the writes'
  talk.service.tick();
  talk.pieces->give("one");
  CHECK_EQ(client.drain(), "one");
  talk.pieces->give("two");
  CHECK_EQ(client.drain(), "two");
  CHECK(!client.ended());
  talk.pieces->cancel();
  CHECK(client.ended());
  client.close();
  CHECK(talk.service.connections() == 0);
}

TEST_CASE("a client that goes away ends its body") {
  Talk talk;
  auto& client = talk.open();
  client.feed(kPieces);
  client.close();
  CHECK(talk.pieces->cancelled);
  CHECK(talk.service.connections() == 0);
}

TEST_CASE("a stop ends bodies in pieces") {
  Talk talk;
  auto& client = talk.open();
  client.feed(kPieces);
  auto stopped = talk.service.stop(talk.clock.now() + Millis(1'000));
  CHECK(talk.pieces->cancelled);
  CHECK_EQ(Talk::without_date(client.drain()), kPiecesHead);
  CHECK(client.ended());
  client.close();
  CHECK(stopped.done());
}

TEST_CASE("what was sent behind a request with a body in pieces has no answer") {
  Talk talk;
  auto& client = talk.open();
  client.feed(later("a", "x") + kPieces + done("n"));
  talk.release(0);
  const auto head = Talk::without_date(client.drain());
  CHECK(head.ends_with(kPiecesHead));
  talk.pieces->give("one");
  CHECK_EQ(client.drain(), "one");
  talk.pieces->cancel();
  CHECK(client.drain().empty());
  client.close();
  CHECK(talk.service.connections() == 0);
}

TEST_CASE("HEAD of a body in pieces has no body") {
  Talk talk;
  CHECK_EQ(talk.ask("HEAD /pieces HTTP/1.1\r\nHost: h\r\n\r\n"), kPiecesHead);
}

}  // namespace sluice::http
