#include "shared/net/tcp.h"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared/async/gate.h"
#include "shared/async/one_shot.h"
#include "shared/net/timer.h"

namespace sluice::net {

namespace {

std::unique_ptr<TcpListener> listen_somewhere(Loop& loop, TcpListener::OnAccept on_accept,
                                              TcpListener::Options options = {}) {
  auto listener = TcpListener::listen(loop, {"127.0.0.1", 0}, options, std::move(on_accept));
  REQUIRE(listener);
  return std::move(*listener);
}

Task<Result<void>> write_all(Stream& stream, std::string bytes) {
  const std::array<ByteView, 1> parts{bytes};
  co_return co_await stream.write(parts);
}

// Reads until the end of the stream or `count` bytes.
Task<std::string> read_bytes(Stream& stream, std::size_t count, std::size_t chunk) {
  std::string all;
  std::string buffer(chunk, '\0');
  while (all.size() < count) {
    const auto got = co_await stream.read(buffer);
    if (!got || *got == 0) break;
    all.append(buffer, 0, *got);
  }
  co_return all;
}

Task<void> echo(std::unique_ptr<TcpStream> stream) {
  std::array<char, 1000> buffer;
  while (true) {
    const auto got = co_await stream->read(buffer);
    if (!got || *got == 0) break;
    const std::array<ByteView, 3> parts{ByteView(buffer.data(), *got / 2), ByteView(),
                                        ByteView(buffer.data() + *got / 2, *got - *got / 2)};
    if (!co_await stream->write(parts)) break;
  }
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 + i / 251);
  return bytes;
}

Task<void> feed(Stream& stream, const std::string& bytes) {
  CHECK(co_await write_all(stream, bytes));
  stream.finish_sending();
  stream.finish_sending();
}

Task<void> echo_client(Loop& loop, HostPort to, std::size_t size, TcpListener& listener) {
  auto connected = co_await connect(loop, to);
  REQUIRE(connected);
  auto& stream = **connected;
  CHECK_EQ(stream.peer(), to.text());
  const auto sent = pattern(size);
  auto feeding = feed(stream, sent);
  const auto back = co_await read_bytes(stream, size + 1, 4096);
  co_await feeding;
  CHECK(back == sent);
  std::array<char, 8> more;
  CHECK_EQ(*co_await stream.read(more), 0u);  // the end is repeatable
  listener.close();
}

}  // namespace

TEST_CASE("bytes come back as sent, from one to more than the socket buffers hold") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{8} << 20}) {
    CAPTURE(size);
    Loop loop;
    Gate gate;
    auto listener = listen_somewhere(
        loop, [&](std::unique_ptr<TcpStream> stream) { gate.spawn(echo(std::move(stream))); });
    CHECK_NE(listener->bound().port, 0);
    CHECK_EQ(listener->bound().host, "127.0.0.1");
    gate.spawn(echo_client(loop, listener->bound(), size, *listener));
    loop.run();
    CHECK_EQ(gate.running(), 0u);
  }
}

namespace {

Task<void> read_until_error(Stream& stream, std::optional<Error>& error) {
  std::array<char, 16> buffer;
  while (true) {
    const auto got = co_await stream.read(buffer);
    if (got) continue;
    error = got.error();
    break;
  }
}

Task<void> write_until_error(Stream& stream, std::optional<Error>& error) {
  const auto bytes = pattern(1 << 20);
  const std::array<ByteView, 1> parts{bytes};
  while (true) {
    const auto written = co_await stream.write(parts);
    if (written) continue;
    error = written.error();
    break;
  }
}

}  // namespace

namespace {

// The server's end never reads, so the client's write gets stuck.
Task<void> close_while_pending(Loop& loop, TcpListener& listener,
                               OneShot<std::unique_ptr<TcpStream>>& accepted) {
  auto connected = co_await connect(loop, listener.bound());
  auto& client = **connected;
  auto server = co_await accepted;
  listener.close();
  std::optional<Error> read_error;
  std::optional<Error> write_error;
  auto reading = read_until_error(client, read_error);
  auto writing = write_until_error(client, write_error);
  CHECK_FALSE(reading.done());
  CHECK_FALSE(writing.done());
  client.close();
  client.close();
  CHECK_FALSE(reading.done());
  CHECK_FALSE(writing.done());
  co_await reading;
  co_await writing;
  CHECK_EQ(read_error->code, Code::closed);
  CHECK_EQ(write_error->code, Code::closed);
  std::optional<Error> later;
  co_await read_until_error(client, later);
  CHECK_EQ(later->code, Code::closed);
  later.reset();
  co_await write_until_error(client, later);
  CHECK_EQ(later->code, Code::closed);
}

}  // namespace

TEST_CASE("close ends the pending read and write with closed, later than the call") {
  Loop loop;
  OneShot<std::unique_ptr<TcpStream>> accepted;
  auto listener = listen_somewhere(
      loop, [&](std::unique_ptr<TcpStream> stream) { accepted.set(std::move(stream)); });
  auto task = close_while_pending(loop, *listener, accepted);
  loop.run();
  CHECK(task.done());
}

TEST_CASE("an address in use, a foreign address and a wrong name say what and where") {
  Loop loop;
  auto first = listen_somewhere(loop, [](std::unique_ptr<TcpStream>) {});
  const auto at = first->bound();
  const auto second = TcpListener::listen(loop, at, {}, [](std::unique_ptr<TcpStream>) {});
  REQUIRE_FALSE(second);
  CHECK_EQ(second.error().code, Code::exists);
  CHECK_EQ(second.error().context, "cannot listen on " + at.text() + ": address already in use");
  const auto foreign =
      TcpListener::listen(loop, {"192.0.2.1", 0}, {}, [](std::unique_ptr<TcpStream>) {});
  REQUIRE_FALSE(foreign);
  CHECK_EQ(foreign.error().code, Code::io);
  first->close();
  auto nobody = connect(loop, at);
  loop.run();
  const auto refused = nobody.take();
  REQUIRE_FALSE(refused);
  CHECK_EQ(refused.error().code, Code::unavailable);
  CHECK_EQ(refused.error().context, "cannot connect to " + at.text() + ": connection refused");
}

TEST_CASE("reuse_port lets two listeners share a port") {
  Loop loop;
  auto first = listen_somewhere(loop, [](std::unique_ptr<TcpStream>) {}, {.reuse_port = true});
  const auto second = TcpListener::listen(loop, first->bound(), {.reuse_port = true},
                                          [](std::unique_ptr<TcpStream>) {});
  CHECK(second);
}

namespace {

// Between two reads the stream is not read at all, so libuv finds bytes that nobody wants.
Task<void> slow_reader(std::unique_ptr<TcpStream> stream, Loop& loop, const Clock& clock,
                       std::string& all) {
  std::array<char, 3> buffer;
  while (true) {
    const auto got = co_await stream->read(buffer);
    if (!got || *got == 0) break;
    all.append(buffer.data(), *got);
    co_await sleep_until(loop, clock, clock.now() + std::chrono::microseconds(100));
  }
}

Task<void> send_and_leave(Loop& loop, HostPort to, std::string bytes) {
  auto connected = co_await connect(loop, to);
  CHECK(co_await write_all(**connected, bytes));
}

}  // namespace

TEST_CASE("a reader that pauses loses nothing") {
  Loop loop;
  SystemClock clock;
  Gate gate;
  std::string all;
  std::unique_ptr<TcpListener> listener;
  listener = listen_somewhere(loop, [&](std::unique_ptr<TcpStream> stream) {
    listener->close();
    gate.spawn(slow_reader(std::move(stream), loop, clock, all));
  });
  gate.spawn(send_and_leave(loop, listener->bound(), pattern(100)));
  loop.run();
  CHECK(all == pattern(100));
}

}  // namespace sluice::net
