#pragma once
// BrokerHost: the machine that a broker runs on: its disk, its network, and the broker process
// itself, which can crash, stop and start again. The broker is the real one, behind real
// connections; only its seams are simulated. After a crash the old process still runs to its end,
// but nothing that it does reaches disk or network any more.

#include <list>
#include <memory>
#include <vector>

#include "broker/broker.h"
#include "broker/connection.h"
#include "shared/async/gate.h"
#include "tests/sim/history.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_net.h"
#include "tests/support/sim_offload.h"
#include "tests/support/sim_store.h"

namespace sluice::sim {

class BrokerHost {
 public:
  BrokerHost(SimLoop& loop, History& history);
  ~BrokerHost();

  SimDisk& disk() { return disk_; }
  bool up() const { return process_ != nullptr; }
  bool healthy() const;

  void start();
  void crash();  // power cut
  void stop();   // answers what is under way first
  // Null: nobody listens.
  std::unique_ptr<SimStream> connect();
  void reset_one_connection();
  void set_slowest(Millis disk, Millis net);
  // Processes that have not ended yet.
  bool drained() const { return ending_ == 0; }

 private:
  struct Process;

  void end(std::shared_ptr<Process> process);
  Task<void> finish(std::shared_ptr<Process> process);
  static Task<void> serve(Process& process, std::list<broker::Connection>::iterator connection);

  SimLoop& loop_;
  History& history_;
  SimDisk disk_;
  SimNet net_;
  Millis slowest_disk_{3};
  std::shared_ptr<Process> process_;
  std::size_t ending_ = 0;
  Gate gate_;
};

}  // namespace sluice::sim
