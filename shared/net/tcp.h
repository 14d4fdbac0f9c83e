#pragma once
// TCP: connected streams, the listener that accepts them, and connect().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/async/stream.h"
#include "shared/async/task.h"
#include "shared/net/host_port.h"
#include "shared/net/loop.h"

namespace sluice::net {

class TcpListener;

// One connected socket with TCP_NODELAY, on the loop thread. A read that another follows at once
// costs one system call: the socket stays armed between them. A write is tried directly and queued
// only for what the kernel did not take. Pending operations end with Code::closed on a later turn
// of the loop than close(), so close() never re-enters its caller. Destroying it closes it;
// REQUIRES: no operation pending then.
class TcpStream final : public Stream {
 public:
  // Not connected yet: accept and connect() make these.
  explicit TcpStream(Loop& loop);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override;

  void close() override;
  void finish_sending() override;
  std::string_view peer() const override { return peer_; }

 protected:
  void start_read(Read& operation) override;
  void start_write(Write& operation) override;

 private:
  friend class TcpListener;
  friend Task<Result<std::unique_ptr<TcpStream>>> connect(Loop& loop, HostPort to);
  struct Handle;
  struct Callbacks;

  void connected();

  Handle* handle_;  // frees itself when libuv is done with it
  Read* read_ = nullptr;
  Write* write_ = nullptr;
  bool closed_ = false;
  bool armed_ = false;  // libuv is reading
  int ended_ = 0;       // why nothing more can be read: UV_EOF or an error; 0 = it can
  std::string peer_;
};

// A listening socket. Calls `on_accept` on the loop thread for every new connection, until close()
// or destruction. A connection that the system cannot give us (out of descriptors) is counted and
// dropped.
class TcpListener {
 public:
  struct Options {
    // Connections that wait for accept; the kernel caps it at net.core.somaxconn. A flash sale
    // opens with a wave of new connections, hence more than the usual 128 or 511.
    int backlog = 4096;
    // Lets N loops listen on one port; the kernel spreads the connections.
    bool reuse_port = false;
  };
  using OnAccept = std::move_only_function<void(std::unique_ptr<TcpStream>)>;

  // Port 0 takes a free one. A host name is resolved on the spot (blocking).
  static Result<std::unique_ptr<TcpListener>> listen(Loop& loop, const HostPort& at,
                                                     Options options, OnAccept on_accept);
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  ~TcpListener();

  // The real address: with the port that was taken.
  const HostPort& bound() const { return bound_; }
  std::uint64_t accept_failures() const { return accept_failures_; }

  // Stops accepting. Idempotent.
  void close();

 private:
  struct Handle;
  struct Callbacks;
  TcpListener(Loop& loop, OnAccept on_accept);

  Loop& loop_;
  OnAccept on_accept_;
  Handle* handle_ = nullptr;
  HostPort bound_;
  std::uint64_t accept_failures_ = 0;
};

// For tests and simple clients: a host name is resolved on the spot (blocking).
Task<Result<std::unique_ptr<TcpStream>>> connect(Loop& loop, HostPort to);

}  // namespace sluice::net
