#include "broker/ctl/interrupt.h"

#include <csignal>

namespace sluice::ctl {

namespace {

volatile std::sig_atomic_t seen = 0;

}  // namespace

void catch_interrupts() {
  seen = 0;
  std::signal(SIGINT, [](int) { seen = 1; });
  std::signal(SIGTERM, [](int) { seen = 1; });
}

bool interrupted() {
  return seen != 0;
}

}  // namespace sluice::ctl
