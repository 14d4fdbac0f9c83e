// sluicectl: looks into a Kafka-protocol server and the ledger that is kept on it.

#include <unistd.h>

#include <iostream>

#include "broker/ctl/command_line.h"
#include "shared/orders/watched_thread.h"

int main(int argc, char** argv) {
  sluice::ctl::Terminal terminal{
      .in = std::cin, .out = std::cout, .err = std::cerr, .in_is_tty = isatty(STDIN_FILENO) != 0};
  const int status = sluice::ctl::run(argc, argv, terminal);
  std::cout.flush();
  sluice::orders::WatchedThread::exit_past_given_up(status);
  return status;
}
