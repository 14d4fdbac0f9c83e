#pragma once
// Stream: a connected byte stream, the seam between protocol code and the network. net/tcp.h has
// the real one; tests and the simulation have their own. The operations are awaitable objects that
// live in the awaiting coroutine's frame, so reading and writing allocate nothing.
//
// Lives on one loop thread. At most one read and one write in flight. A Stream must outlive them.

#include <coroutine>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/check.h"
#include "shared/base/result.h"

namespace sluice {

class Stream {
 public:
  // One pending operation. The implementation calls complete() exactly once, unless start_* told
  // that it finished at once by filling `result` itself.
  template <class T>
  class Operation {
   public:
    void complete(Result<T> value) {
      result = std::move(value);
      if (waiter_) std::exchange(waiter_, {}).resume();
    }
    std::optional<Result<T>> result;

   protected:
    Operation() = default;
    std::coroutine_handle<> waiter_;
  };

  class Read : public Operation<std::size_t> {
   public:
    Read(Stream& stream, std::span<char> into) : into(into), stream_(stream) {}
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    std::span<char> into;

    bool await_ready() {
      stream_.start_read(*this);
      return result.has_value();
    }
    void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }
    Result<std::size_t> await_resume() { return std::move(*result); }

   private:
    Stream& stream_;
  };

  class Write : public Operation<void> {
   public:
    Write(Stream& stream, std::span<const ByteView> parts) : parts(parts), stream_(stream) {}
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    std::span<const ByteView> parts;

    bool await_ready() {
      stream_.start_write(*this);
      return result.has_value();
    }
    void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }
    Result<void> await_resume() { return std::move(*result); }

   private:
    Stream& stream_;
  };

  virtual ~Stream() = default;

  // Waits for at least one byte and yields how many arrived; 0 means the peer finished sending.
  // After close(): Code::closed.
  Read read(std::span<char> into) { return Read(*this, into); }

  // Writes all parts in order (gathered, not copied; the bytes must stay until it resumes).
  Write write(std::span<const ByteView> parts) { return Write(*this, parts); }

  // Ends both directions now. Pending and later operations yield Code::closed. Idempotent.
  virtual void close() = 0;

  // Ends our direction once what was written is sent; the peer reads an end of stream and we can
  // still read. A stream without half-close does nothing. REQUIRES: no write in flight. Idempotent.
  virtual void finish_sending() {}

  // Who is at the other end, for logs ("127.0.0.1:53211").
  virtual std::string_view peer() const = 0;

 protected:
  virtual void start_read(Read& operation) = 0;
  virtual void start_write(Write& operation) = 0;
};

}  // namespace sluice
