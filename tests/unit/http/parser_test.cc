#include "shared/http/parser.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/http/talk.h"

namespace sluice::http {

namespace {

// The status of the (first) answer; 0 if there is none.
int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

std::size_t answers_in(const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find("\r\nDate: "); at != std::string::npos;
       at = text.find("\r\nDate: ", at + 1)) {
    ++count;
  }
  return count;
}

struct Row {
  std::string what;
  std::string bytes;
  int status;
};

std::string get(std::string_view headers) {
  return "GET /done?q HTTP/1.1\r\n" + std::string(headers) + "\r\n";
}
std::string post(std::string_view headers, std::string_view rest) {
  return "POST /echo HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n" + std::string(rest);
}

}  // namespace

TEST_CASE("good requests of many shapes are answered and the connection stays") {
  const Row rows[] = {
      {"plain", get("Host: h\r\n"), 200},
      {"empty host", get("Host:\r\n"), 200},
      {"host and port", get("Host: [::1]:80\r\n"), 200},
      {"no space behind the colon", get("Host:h\r\n"), 200},
      {"white space around values", get("Host: \t h \t \r\nX: \r\n"), 200},
      {"header names in any case", get("hOST: h\r\n"), 200},
      {"an empty line first", "\r\n" + get("Host: h\r\n"), 200},
      {"absolute form", "GET http://h/done?q HTTP/1.1\r\nHost: h\r\n\r\n", 200},
      {"an upgrade that is ignored",
       get("Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), 200},
      {"length zero", post("Content-Length: 0\r\n", ""), 200},
      {"a body", post("Content-Length: 3\r\n", "abc"), 200},
      {"chunks", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), 200},
      {"Chunked", post("Transfer-Encoding: Chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), 200},
      {"chunk extensions and trailers",
       post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"), 200},
      {"body of an unknown path", "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", 404},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 204},
      {"an empty chunked body", post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 200},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Talk talk;
    auto& client = talk.open();
    client.feed(row.bytes);
    CHECK_EQ(status_of(client.drain()), row.status);
    CHECK_FALSE(client.ended());
    client.feed(get("Host: again\r\n"));
    CHECK_EQ(status_of(client.drain()), 200);
    CHECK_EQ(talk.service.counters().requests, 2u);
  }
}

TEST_CASE("what is malformed or could be read in two ways is refused and closed") {
  const std::string smuggled = "GET /done?smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  const Row rows[] = {
      {"no host", get(""), 400},
      {"two hosts", get("Host: h\r\nHost: h\r\n"), 400},
      {"host with a space", get("Host: a b\r\n"), 400},
      {"host with a slash", get("Host: a/b\r\n"), 400},
      {"host with a user", get("Host: a@b\r\n"), 400},
      {"host with two ports", get("Host: a:1:2\r\n"), 400},
      {"host with a port of letters", get("Host: a:http\r\n"), 400},
      {"host with half a bracket", get("Host: [::1\r\n"), 400},
      {"host with nothing in brackets", get("Host: []\r\n"), 400},
      {"host with more behind brackets", get("Host: [::1]a\r\n"), 400},
      {"length and chunked",
       post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked and length",
       post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400},
      {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400},
      {"two equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400},
      {"a list of lengths", post("Content-Length: 3, 3\r\n", "abc"), 400},
      {"a signed length", post("Content-Length: +3\r\n", "abc"), 400},
      {"a negative length", post("Content-Length: -3\r\n", "abc"), 400},
      {"a hex length", post("Content-Length: 0x3\r\n", "abc"), 400},
      {"an empty length", post("Content-Length:\r\n", "abc"), 400},
      {"a length beyond 64 bits", post("Content-Length: 99999999999999999999999\r\n", ""), 400},
      {"an unknown coding", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {"not chunked at all", post("Transfer-Encoding: identity\r\n", ""), 501},
      {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 501},
      {"two encodings",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), 400},
      {"encoding with a vertical tab", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), 400},
      {"encoding in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"a chunk size that is no number", post("Transfer-Encoding: chunked\r\n", "x\r\n"), 400},
      {"a chunk size with a prefix",
       post("Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n"), 400},
      {"a chunk size beyond 64 bits",
       post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"), 400},
      {"a chunk longer than it says",
       post("Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"), 400},
      {"a bare line feed behind a chunk size",
       post("Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n"), 400},
      {"a bare line feed behind a chunk",
       post("Transfer-Encoding: chunked\r\n", "3\r\nabc\n0\r\n\r\n"), 400},
      {"a chunk size near 2^64", post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n"),
       413},
      {"a bare line feed behind a trailer",
       post("Transfer-Encoding: chunked\r\n", "0\r\nX: a\n\r\n"), 400},
      {"a bare line feed behind the trailers",
       post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX: a\r\n\n"), 400},
      {"a bare line feed in place of trailers", post("Transfer-Encoding: chunked\r\n", "0\r\n\n"),
       400},
      {"a folded trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX: a\r\n b\r\n\r\n"), 400},
      {"a trailer without a name", post("Transfer-Encoding: chunked\r\n", "0\r\n: a\r\n\r\n"), 400},
      {"bare line feeds", "GET /done HTTP/1.1\nHost: h\n\n", 400},
      {"one bare line feed", "GET /done HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
      {"a bare line feed at the end", "GET /done HTTP/1.1\r\nHost: h\r\n\n", 400},
      {"a bare line feed first", "\n" + get("Host: h\r\n"), 400},
      {"a bare carriage return", get("Host: h\rX: y\r\n"), 400},
      {"a folded header", get("Host: h\r\nX: a\r\n b\r\n"), 400},
      {"a header folded at once", get("Host: h\r\nX:\r\n\tb\r\n"), 400},
      {"a folded encoding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
      {"a fold in the first header", get(" X: y\r\nHost: h\r\n"), 400},
      {"a space before the colon", post("Content-Length : 3\r\n", "abc"), 400},
      {"a header without a colon", get("Host: h\r\nX\r\n"), 400},
      {"a header without a name", get("Host: h\r\n: y\r\n"), 400},
      {"a zero byte in a value", get(std::string("Host: h\r\nX: a\0b\r\n", 16)), 400},
      {"a zero byte in a name", get(std::string("Host: h\r\nX\0: a\r\n", 15)), 400},
      {"a method of no standard", "FROB / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a method in lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two spaces behind the method", "GET  /done HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two spaces behind the target", "GET /done  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a tunnel", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"an asterisk for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"another scheme", "GET ftp://h/done HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"an absolute target without a host", "GET http:///done HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"an absolute target with a user", "GET http://u@h/done HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a broken escape", "GET /done%2 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a fragment", "GET /done#x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"a high byte in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"HTTP/0.9", "GET /done\r\n", 400},
      {"HTTP/2.0", "GET /done HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"HTTP/1.2", "GET /done HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"HTTP/3.1", "GET /done HTTP/3.1\r\nHost: h\r\n\r\n", 505},
      {"no version number", "GET /done HTTP/x\r\nHost: h\r\n\r\n", 400},
      {"another protocol", "GET /done RTSP/1.0\r\nHost: h\r\n\r\n", 400},
      {"TLS", std::string("\x16\x03\x01\x00\xc8\x01\x00\x00", 8), 400},
      {"an unknown expectation", post("Expect: 200-ok\r\nContent-Length: 3\r\n", "abc"), 417},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Talk talk;
    auto& client = talk.open();
    client.feed(row.bytes + smuggled);
    const auto answer = client.drain();
    CAPTURE(answer);
    CHECK_EQ(status_of(answer), row.status);
    CHECK_EQ(answers_in(answer), 1u);
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(answer.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    CHECK(client.ended());
    CHECK_EQ(talk.service.counters().requests, 0u);
    CHECK_EQ(talk.service.counters().bad_requests, 1u);
  }
}

TEST_CASE("a refused HEAD has no body") {
  const auto answer = Talk().ask("HEAD /done HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("at every limit the size that is allowed passes and one more is refused") {
  const Limits limits{.header_bytes_max = 1000, .target_bytes_max = 100, .body_bytes_max = 50};
  const auto ask = [&limits](const std::string& bytes) {
    return status_of(Talk(limits).ask(bytes));
  };
  const auto with_target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK_EQ(ask(with_target(100)), 404);
  CHECK_EQ(ask(with_target(101)), 414);
  const auto with_head = [](std::size_t size) {
    const auto rest = get("Host: h\r\nX: \r\n").size();
    return get("Host: h\r\nX: " + std::string(size - rest, 'x') + "\r\n");
  };
  CHECK_EQ(ask(with_head(1000)), 200);
  CHECK_EQ(ask(with_head(1001)), 431);
  const auto with_headers = [](std::size_t count) {
    std::string headers = "Host: h\r\n";
    for (std::size_t i = 1; i < count; ++i) headers += "X: y\r\n";
    return get(headers);
  };
  CHECK_EQ(ask(with_headers(Request::kHeadersMax)), 200);
  CHECK_EQ(ask(with_headers(Request::kHeadersMax + 1)), 431);
  const auto with_length = [](std::size_t size) {
    return post("Content-Length: " + std::to_string(size) + "\r\n", std::string(size, 'b'));
  };
  CHECK_EQ(ask(with_length(50)), 200);
  CHECK_EQ(ask(with_length(51)), 413);
  const auto with_chunks = [](std::size_t size) {
    std::string chunks;
    for (std::size_t i = 0; i < size; ++i) chunks += "1\r\nb\r\n";
    return post("Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n");
  };
  CHECK_EQ(ask(with_chunks(50)), 200);
  CHECK_EQ(ask(with_chunks(51)), 413);
  const auto endless = post("Transfer-Encoding: chunked\r\n", "1;" + std::string(3000, 'x'));
  CHECK_EQ(ask(endless), 413);
}

TEST_CASE("the answers are the same at whatever byte the input is cut") {
  const Limits limits{.header_bytes_max = 300, .target_bytes_max = 60, .body_bytes_max = 40};
  const std::string inputs[] = {
      get("Host: h\r\n") +
          post("Transfer-Encoding: chunked\r\nX-Y: z\r\n",
               "3;e=1\r\nabc\r\n004\r\ndefg\r\n0\r\nT: u\r\n\r\n") +
          "\r\n" + post("Content-Length: 5\r\n", "hello") + "HEAD /done?a HTTP/1.0\r\n\r\n" +
          "GET /ignored HTTP/1.1\r\nHost: h\r\n\r\n",
      get("Host: h\r\nX: a\r\n b\r\n"),
      post("Content-Length: 5\r\n", "hello") + post("Content-Length: 41\r\n", ""),
      post("Transfer-Encoding: chunked\r\n", "29\r\n" + std::string(41, 'x') + "\r\n0\r\n\r\n"),
      get("Host: h\r\nX: " + std::string(300, 'x') + "\r\n"),
      "GET /" + std::string(60, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n",
      post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      "GET /done HTTP/1.7\r\nHost: h\r\n\r\n",
      post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX: a\r\n\n") + get("Host: h\r\n"),
      post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n28\r\n") + get("Host: h\r\n"),
      "HEAD /done HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n" + get("Host: h\r\n"),
  };
  for (const auto& input : inputs) {
    CAPTURE(input);
    const auto whole = Talk(limits).ask(input);
    CHECK_NE(whole, "");
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      CAPTURE(cut);
      Talk talk(limits);
      auto& client = talk.open();
      client.feed(input.substr(0, cut));
      client.feed(input.substr(cut));
      CHECK_EQ(Talk::without_date(client.drain()), whole);
    }
    Talk talk(limits);
    auto& client = talk.open();
    for (const char byte : input) client.feed({&byte, 1});
    CHECK_EQ(Talk::without_date(client.drain()), whole);
  }
}

TEST_CASE("a request is seen as it was sent") {
  Talk talk;
  bool seen = false;
  talk.router.add("PATCH", "/a/{one}/b/{two}", [&seen](const Request& request) -> Answer {
    seen = true;
    CHECK_EQ(request.method, "PATCH");
    CHECK_EQ(request.target, "/a/x%20y/b/2?k=v&flag&e=&k=w");
    CHECK_EQ(request.path, "/a/x%20y/b/2");
    CHECK_EQ(request.param("one"), "x%20y");
    CHECK_EQ(request.param("two"), "2");
    CHECK_EQ(request.param("three"), "");
    CHECK_EQ(request.query, "k=v&flag&e=&k=w");
    CHECK_EQ(request.query_value("k"), "v");
    CHECK_EQ(request.query_value("flag"), "");
    CHECK_EQ(request.query_value("e"), "");
    CHECK_FALSE(request.query_value("v"));
    CHECK_EQ(request.header("x-note"), "a  b");
    CHECK_FALSE(request.header("X-Not"));
    CHECK_EQ(request.headers().size(), 4u);
    CHECK_EQ(request.body, "body");
    CHECK(request.keep_alive);
    CHECK_FALSE(request.is_http_1_0);
    return Response(204);
  });
  CHECK_EQ(talk.ask("PATCH /a/x%20y/b/2?k=v&flag&e=&k=w HTTP/1.1\r\nHost: h\r\nX-Note:\t a  b \r\n"
                    "Content-Length: 4\r\nX-Note: second\r\n\r\nbody"),
           "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(seen);
}

TEST_CASE("percent escapes are decoded, broken ones refused") {
  CHECK_EQ(percent_decode("a%20b%2Fc%2f+"), "a b/c/+");
  CHECK_EQ(percent_decode(""), "");
  for (const char* text : {"%", "%2", "a%zz", "%-1", "%+1", "% 1"}) {
    CAPTURE(text);
    CHECK_FALSE(percent_decode(text));
  }
}

}  // namespace sluice::http
