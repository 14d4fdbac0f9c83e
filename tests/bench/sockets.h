#pragma once
// Blocking loopback sockets for the measuring programs: one thread each, errors as text.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::bench {

// Owns a descriptor.
class File {
 public:
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

inline Result<void> read_into(int file, char* to, std::size_t count) {
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = ::read(file, to + done, count - done);
    if (got <= 0) return fail(Code::io, "the connection ended");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

inline Result<Buffer> read_exactly(int file, std::size_t count) {
  Buffer bytes(count, '\0');
  TRY_VOID(read_into(file, bytes.data(), count));
  return bytes;
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// The sockets API takes every address family through this one type.
inline sockaddr* generic(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

inline void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

inline Result<File> connect_to(std::uint16_t port) {
  File socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(port);
  if (::connect(socket.number(), generic(address), sizeof(address)) != 0) {
    return fail(Code::unavailable, fmt::format("port {} does not answer", port));
  }
  send_at_once(socket.number());
  return socket;
}

// Listens on a free port and takes one connection.
class Listener {
 public:
  Listener() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    ::bind(listener_.number(), generic(address), size);
    ::listen(listener_.number(), 1);
    ::getsockname(listener_.number(), generic(address), &size);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }
  File accept() const {
    File socket(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    send_at_once(socket.number());
    return socket;
  }

 private:
  File listener_;
  std::uint16_t port_ = 0;
};

}  // namespace sluice::bench
