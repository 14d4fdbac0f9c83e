#include "shared/net/signals.h"

#include <uv.h>

#include <csignal>
#include <utility>

#include "shared/base/check.h"

namespace sluice::net {

namespace {

constexpr std::array kNumbers{SIGTERM, SIGINT};

}  // namespace

struct Signals::Handle {
  uv_signal_t signal;
  Signals* owner;
};

struct Signals::Callbacks {
  static void on_signal(uv_signal_t* signal, int number) {
    auto* owner = static_cast<Handle*>(signal->data)->owner;
    if (owner) owner->on_signal_(number);
  }
  static void on_closed(uv_handle_t* closed) {
    const std::unique_ptr<Handle> handle(static_cast<Handle*>(closed->data));
  }
};

Signals::Signals(Loop& loop, OnSignal on_signal) : on_signal_(std::move(on_signal)) {
  loop.check_here();
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    auto* handle = handles_[i] = std::make_unique<Handle>().release();
    handle->owner = this;
    CHECK(uv_signal_init(loop.raw(), &handle->signal) == 0);
    handle->signal.data = handle;
    CHECK(uv_signal_start(&handle->signal, Callbacks::on_signal, kNumbers[i]) == 0);
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle->signal));
  }
}

Signals::~Signals() {
  for (auto* handle : handles_) {
    handle->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->signal), Callbacks::on_closed);
  }
  for (const int number : kNumbers) std::signal(number, SIG_IGN);
}

}  // namespace sluice::net
