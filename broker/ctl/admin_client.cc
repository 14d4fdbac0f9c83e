#include "broker/ctl/admin_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "shared/net/host_port.h"

namespace sluice::ctl {
namespace {

// An answer is a list of backups at most.
constexpr std::size_t kAnswerBytesMax = 16 << 20;
constexpr int kTickMillis = 1'000;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::unexpected<Error> unreachable(const AdminCall& call, std::string_view why) {
  return fail(Code::unavailable, fmt::format("no admin HTTP at {}: {}", call.address, why));
}

// True when the socket is ready for `events`; false after `timeout_ms`.
bool await(int socket, short events, int timeout_ms) {
  pollfd wanted{socket, events, 0};
  return ::poll(&wanted, 1, timeout_ms) > 0;
}

Result<Socket> connect(const AdminCall& call) {
  TRY(at, net::parse_host_port(call.address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int looked =
      ::getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
  if (looked != 0) return unreachable(call, ::gai_strerror(looked));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  int reason = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket socket(
        ::socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) != 0 &&
        errno != EINPROGRESS) {
      reason = errno;
      continue;
    }
    reason = ETIMEDOUT;
    if (!await(socket.get(), POLLOUT, static_cast<int>(call.connect_timeout.count()))) continue;
    socklen_t size = sizeof reason;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &reason, &size);
    if (reason == 0) return socket;
  }
  return unreachable(call, std::strerror(reason));
}

Result<void> send_all(const AdminCall& call, int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !await(socket, POLLOUT, 10 * kTickMillis)) {
      return unreachable(call, std::strerror(errno));
    }
  }
  return {};
}

Result<std::string> receive_all(const AdminCall& call, int socket) {
  std::string bytes;
  char chunk[16 << 10];
  Millis waited{0};
  for (;;) {
    if (!await(socket, POLLIN, kTickMillis)) {
      waited += Millis(kTickMillis);
      if (call.answer_timeout.count() > 0 && waited >= call.answer_timeout) {
        return fail(Code::timed_out, fmt::format("{} has not answered", call.address));
      }
      if (call.waiting) call.waiting();
      continue;
    }
    const ssize_t got = ::recv(socket, chunk, sizeof chunk, 0);
    if (got == 0) return bytes;
    if (got < 0) return unreachable(call, std::strerror(errno));
    bytes.append(chunk, static_cast<std::size_t>(got));
    if (bytes.size() > kAnswerBytesMax) {
      return fail(Code::too_large, fmt::format("the answer of {} is too large", call.address));
    }
  }
}

}  // namespace

Result<AdminReply> ask_admin(const AdminCall& call) {
  TRY(socket, connect(call));
  // HTTP/1.0: the end of the answer is the end of the connection.
  TRY_VOID(send_all(
      call, socket.get(),
      fmt::format("{} {} HTTP/1.0\r\nHost: {}\r\n{}Content-Length: {}\r\n\r\n{}", call.method,
                  call.path, call.address, call.headers, call.body.size(), call.body)));
  TRY(bytes, receive_all(call, socket.get()));
  AdminReply reply;
  const std::string_view text = bytes;
  const auto body = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || text.size() < 12 || body == std::string_view::npos) {
    return unreachable(call, "the connection ended before the answer");
  }
  std::from_chars(text.data() + 9, text.data() + 12, reply.status);
  reply.body = text.substr(body + 4);
  return reply;
}

}  // namespace sluice::ctl
