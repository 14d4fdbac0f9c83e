#pragma once
// Signals: SIGTERM and SIGINT as calls on the loop thread, for a graceful stop. Does not keep the
// loop running. (SIGPIPE is ignored by Loop.) Lives until the end of the program: after it both
// signals are ignored, so that a second Ctrl-C cannot spoil the exit status of a clean stop.

#include <array>
#include <functional>

#include "shared/net/loop.h"

namespace sluice::net {

class Signals {
 public:
  // May be called again: people press Ctrl-C twice.
  using OnSignal = std::move_only_function<void(int number)>;

  Signals(Loop& loop, OnSignal on_signal);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

 private:
  struct Handle;
  struct Callbacks;

  OnSignal on_signal_;
  std::array<Handle*, 2> handles_{};
};

}  // namespace sluice::net
