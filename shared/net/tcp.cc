#include "shared/net/tcp.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <utility>
#include <vector>

#include "shared/async/one_shot.h"
#include "shared/net/uv_error.h"

namespace sluice::net {

namespace {

template <class Handle>
uv_stream_t* as_stream(Handle* handle) {
  return reinterpret_cast<uv_stream_t*>(&handle->tcp);
}

template <class Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(&handle->tcp);
}

Result<sockaddr_storage> resolve(Loop& loop, const HostPort& at) {
  uv_getaddrinfo_t request;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const auto port = std::to_string(at.port);
  const int rc =
      uv_getaddrinfo(loop.raw(), &request, nullptr, at.host.c_str(), port.c_str(), &hints);
  if (rc < 0) return uv_fail(rc, fmt::format("cannot resolve {}", at.text()));
  sockaddr_storage address{};
  std::memcpy(&address, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
  uv_freeaddrinfo(request.addrinfo);
  return address;
}

HostPort host_port_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&address);
    uv_ip6_name(six, text.data(), text.size());
    return {text.data(), ntohs(six->sin6_port)};
  }
  const auto* four = reinterpret_cast<const sockaddr_in*>(&address);
  uv_ip4_name(four, text.data(), text.size());
  return {text.data(), ntohs(four->sin_port)};
}

Error closed_error() {
  return {Code::closed, "the stream is closed"};
}

}  // namespace

// ---- TcpStream

struct TcpStream::Handle {
  uv_tcp_t tcp;
  uv_write_t write;
  uv_shutdown_t shutdown;
  TcpStream* owner;
};

// libuv calls these. Completing an operation may destroy the stream: nothing of it is touched
// after.
struct TcpStream::Callbacks {
  static TcpStream* owner_of(uv_handle_t* handle) {
    return static_cast<Handle*>(handle->data)->owner;
  }

  static void on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* into) {
    auto* stream = owner_of(handle);
    if (stream->read_) {
      *into = uv_buf_init(stream->read_->into.data(),
                          static_cast<unsigned>(stream->read_->into.size()));
    } else {
      *into = uv_buf_init(nullptr, 0);  // libuv answers UV_ENOBUFS and reads nothing
    }
  }

  static void on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t*) {
    auto* stream = owner_of(reinterpret_cast<uv_handle_t*>(handle));
    if (count == 0) return;  // libuv's word for EAGAIN
    if (count > 0) {
      std::exchange(stream->read_, nullptr)->complete(static_cast<std::size_t>(count));
      return;
    }
    uv_read_stop(handle);
    stream->armed_ = false;
    if (count == UV_ENOBUFS && !stream->read_) return;  // nobody wants bytes now
    stream->ended_ = static_cast<int>(count);
    auto* read = std::exchange(stream->read_, nullptr);
    if (!read) return;
    if (count == UV_EOF) {
      read->complete(std::size_t{0});
    } else {
      read->complete(uv_fail(static_cast<int>(count), "read"));
    }
  }

  static void on_written(uv_write_t* request, int status) {
    auto* stream = static_cast<Handle*>(request->handle->data)->owner;
    if (!stream) return;
    auto* write = std::exchange(stream->write_, nullptr);
    if (status == UV_ECANCELED) {
      write->complete(std::unexpected(closed_error()));
    } else if (status < 0) {
      write->complete(uv_fail(status, "write"));
    } else {
      write->complete({});
    }
  }

  static void on_closed(uv_handle_t* closed) {
    std::unique_ptr<Handle> handle(static_cast<Handle*>(closed->data));
    auto* stream = handle->owner;
    if (!stream) return;
    stream->handle_ = nullptr;
    if (auto* read = std::exchange(stream->read_, nullptr)) {
      read->complete(std::unexpected(closed_error()));
    }
  }
};

TcpStream::TcpStream(Loop& loop) : handle_(std::make_unique<Handle>().release()) {
  loop.check_here();
  handle_->owner = this;
  CHECK(uv_tcp_init(loop.raw(), &handle_->tcp) == 0);
  handle_->tcp.data = handle_;
}

TcpStream::~TcpStream() {
  CHECK(!read_ && !write_);
  if (handle_) handle_->owner = nullptr;
  close();
}

void TcpStream::connected() {
  uv_tcp_nodelay(&handle_->tcp, 1);
  sockaddr_storage address{};
  int length = sizeof address;
  if (uv_tcp_getpeername(&handle_->tcp, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    peer_ = host_port_of(address).text();
  }
}

void TcpStream::close() {
  if (std::exchange(closed_, true)) return;
  uv_close(as_handle(handle_), Callbacks::on_closed);
}

void TcpStream::finish_sending() {
  if (closed_ || uv_is_writable(as_stream(handle_)) == 0) return;
  uv_shutdown(&handle_->shutdown, as_stream(handle_), [](uv_shutdown_t*, int) {});
}

void TcpStream::start_read(Read& operation) {
  CHECK(!read_ && !operation.into.empty());
  if (closed_) {
    operation.result = std::unexpected(closed_error());
    return;
  }
  if (ended_ == UV_EOF) {
    operation.result = std::size_t{0};
    return;
  }
  if (ended_ != 0) {
    operation.result = uv_fail(ended_, "read");
    return;
  }
  if (!armed_) {
    const int rc = uv_read_start(as_stream(handle_), Callbacks::on_alloc, Callbacks::on_read);
    if (rc < 0) {
      operation.result = uv_fail(rc, "read");
      return;
    }
    armed_ = true;
  }
  read_ = &operation;
}

void TcpStream::start_write(Write& operation) {
  CHECK(!write_);
  if (closed_) {
    operation.result = std::unexpected(closed_error());
    return;
  }
  static constexpr std::size_t kInlineParts = 64;
  std::array<uv_buf_t, kInlineParts> few;
  std::vector<uv_buf_t> many;
  uv_buf_t* buffers = few.data();
  if (operation.parts.size() > kInlineParts) {
    many.resize(operation.parts.size());
    buffers = many.data();
  }
  std::size_t count = 0;
  for (const ByteView part : operation.parts) {
    if (part.empty()) continue;
    // uv_buf_t has no const; a write does not change what it points to.
    buffers[count++] =
        uv_buf_init(const_cast<char*>(part.data()), static_cast<unsigned>(part.size()));
  }
  if (count == 0) {
    operation.result = Result<void>{};
    return;
  }
  const int tried = uv_try_write(as_stream(handle_), buffers, static_cast<unsigned>(count));
  if (tried < 0 && tried != UV_EAGAIN) {
    operation.result = uv_fail(tried, "write");
    return;
  }
  std::size_t taken = tried > 0 ? static_cast<std::size_t>(tried) : 0;
  while (count > 0 && taken >= buffers->len) {
    taken -= buffers->len;
    ++buffers;
    --count;
  }
  if (count == 0) {
    operation.result = Result<void>{};
    return;
  }
  buffers->base += taken;
  buffers->len -= taken;
  const int rc = uv_write(&handle_->write, as_stream(handle_), buffers,
                          static_cast<unsigned>(count), Callbacks::on_written);
  if (rc < 0) {
    operation.result = uv_fail(rc, "write");
    return;
  }
  write_ = &operation;
}

// ---- TcpListener

struct TcpListener::Handle {
  uv_tcp_t tcp;
  TcpListener* owner;
};

struct TcpListener::Callbacks {
  static void on_connection(uv_stream_t* server, int status) {
    auto* listener = static_cast<Handle*>(server->data)->owner;
    if (!listener) return;
    if (status < 0) {
      ++listener->accept_failures_;
      return;
    }
    auto stream = std::make_unique<TcpStream>(listener->loop_);
    if (uv_accept(server, as_stream(stream->handle_)) < 0) {
      ++listener->accept_failures_;
      return;
    }
    stream->connected();
    listener->on_accept_(std::move(stream));
  }

  static void on_closed(uv_handle_t* closed) {
    const std::unique_ptr<Handle> handle(static_cast<Handle*>(closed->data));
  }
};

TcpListener::TcpListener(Loop& loop, OnAccept on_accept)
    : loop_(loop), on_accept_(std::move(on_accept)) {}

TcpListener::~TcpListener() {
  close();
}

Result<std::unique_ptr<TcpListener>> TcpListener::listen(Loop& loop, const HostPort& at,
                                                         Options options, OnAccept on_accept) {
  loop.check_here();
  TRY(address, resolve(loop, at));
  std::unique_ptr<TcpListener> listener(new TcpListener(loop, std::move(on_accept)));
  const auto failed = [&at](int rc) {
    return uv_fail(rc, fmt::format("cannot listen on {}", at.text()));
  };
  auto handle = std::make_unique<Handle>();
  int rc = uv_tcp_init_ex(loop.raw(), &handle->tcp, address.ss_family);
  if (rc < 0) return failed(rc);
  listener->handle_ = handle.release();  // from here on closed through libuv
  listener->handle_->owner = listener.get();
  auto* tcp = &listener->handle_->tcp;
  tcp->data = listener->handle_;
  if (options.reuse_port) {
    uv_os_fd_t socket = -1;
    const int on = 1;
    uv_fileno(as_handle(listener->handle_), &socket);
    if (setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
      return failed(uv_translate_sys_error(errno));
    }
  }
  rc = uv_tcp_bind(tcp, reinterpret_cast<const sockaddr*>(&address), 0);
  if (rc < 0) return failed(rc);
  rc = uv_listen(as_stream(listener->handle_), options.backlog, Callbacks::on_connection);
  if (rc < 0) return failed(rc);
  int length = sizeof address;
  rc = uv_tcp_getsockname(tcp, reinterpret_cast<sockaddr*>(&address), &length);
  if (rc < 0) return failed(rc);
  listener->bound_ = host_port_of(address);
  return listener;
}

void TcpListener::close() {
  if (!handle_) return;
  handle_->owner = nullptr;
  uv_close(as_handle(std::exchange(handle_, nullptr)), Callbacks::on_closed);
}

// ---- connect

Task<Result<std::unique_ptr<TcpStream>>> connect(Loop& loop, HostPort to) {
  CO_TRY(address, resolve(loop, to));
  auto stream = std::make_unique<TcpStream>(loop);
  OneShot<int> outcome;
  uv_connect_t request;
  request.data = &outcome;
  int rc = uv_tcp_connect(
      &request, &stream->handle_->tcp, reinterpret_cast<const sockaddr*>(&address),
      [](uv_connect_t* done, int status) { static_cast<OneShot<int>*>(done->data)->set(status); });
  if (rc == 0) rc = co_await outcome;
  if (rc < 0) co_return uv_fail(rc, fmt::format("cannot connect to {}", to.text()));
  stream->connected();
  co_return stream;
}

}  // namespace sluice::net
