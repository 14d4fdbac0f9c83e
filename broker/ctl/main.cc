// sluicectl: looks into a Kafka-protocol server and the ledger that is kept on it.

#include <unistd.h>

#include <iostream>

#include "broker/ctl/command_line.h"

int main(int argc, char** argv) {
  sluice::ctl::Terminal terminal{
      .in = std::cin, .out = std::cout, .err = std::cerr, .in_is_tty = isatty(STDIN_FILENO) != 0};
  return sluice::ctl::run(argc, argv, terminal);
}
