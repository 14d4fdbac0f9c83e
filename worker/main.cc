// sluice-worker: places the orders of the log in a database. One thread for the worker, one loop
// for signals.

#include <thread>

#include "shared/config/command_line.h"
#include "shared/log/log.h"
#include "shared/net/loop.h"
#include "shared/net/signals.h"
#include "worker/options.h"
#include "worker/order_store_soci.h"
#include "worker/worker.h"

namespace sluice::worker {
namespace {

Result<void> serve(const Options& options) {
  TRY(store, SociOrderStore::open(options.database, options.orders_topic));
  SystemClock clock;
  metrics::Registry registry;
  WorkerMetrics metrics(registry);
  Worker worker(options, *store, clock, metrics);

  net::Loop loop;
  net::Signals signals(loop, [&worker](int number) {
    log::info("stopping signal={}", number);
    worker.stop();
  });
  loop.work_started();
  std::jthread thread([&] {
    worker.run();
    loop.post([&loop] {
      loop.work_finished();
      loop.stop();
    });
  });
  log::info("ready database={}", log::quoted(options.database));
  loop.run();
  log::info("stopped");
  return {};
}

}  // namespace
}  // namespace sluice::worker

int main(int argc, char** argv) {
  using namespace sluice;
  worker::Options options;
  config::Schema schema = worker::describe(options);
  const auto line = config::read_command_line(schema, argc, argv);
  if (!line.run) return line.exit_code;
  log::start("sluice-worker", *log::level_named(options.log_level));
  if (const auto served = worker::serve(options); !served) {
    log::error("cannot serve why={}", log::quoted(served.error().context));
    return 1;
  }
  return 0;
}
