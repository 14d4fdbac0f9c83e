// sluice-worker: places the orders of the log in a database. One thread for the worker, one loop
// for signals and the admin HTTP.

#include <memory>
#include <thread>

#include "shared/async/gate.h"
#include "shared/base/clock.h"
#include "shared/config/command_line.h"
#include "shared/http/admin.h"
#include "shared/http/server.h"
#include "shared/log/log.h"
#include "shared/net/loop.h"
#include "shared/net/signals.h"
#include "worker/options.h"
#include "worker/order_store_soci.h"
#include "worker/worker.h"

namespace sluice::worker {
namespace {

// The admin HTTP is the last to stop; together with the worker's own stop within 5 s.
constexpr Millis kAdminGrace{500};

// One worker process. The admin HTTP goes on answering while the worker stops.
class Process {
 public:
  Process(const Options& options, OrderStore& store)
      : metrics_(registry_),
        worker_(options, store, clock_, metrics_),
        admin_(loop_, clock_, {},
               [this](http::Request& request) { return router_.route(request); }) {
    http::add_admin_routes(router_, {.healthy = []() -> Result<void> { return {}; },
                                     .ready = [this] { return ready(); },
                                     .metrics = [this] { return registry_.prometheus(); }});
  }

  Result<void> start(const Options& options) {
    TRY(admin_listen, net::parse_host_port(options.admin_listen));
    TRY_VOID(admin_.listen(admin_listen));
    log::info("ready admin_listen={} database={}", admin_.bound().text(),
              log::quoted(options.database));
    return {};
  }

  void run() {
    net::Signals signals(loop_, [this](int number) {
      log::info("stopping signal={}", number);
      worker_.stop();
    });
    loop_.work_started();
    const std::jthread thread([this] {
      worker_.run();
      loop_.post([this] {
        loop_.work_finished();
        gate_.spawn(stop_admin());
      });
    });
    loop_.run();
    log::info("stopped");
  }

 private:
  Task<void> stop_admin() {
    co_await admin_.stop(clock_.now() + kAdminGrace);
    loop_.stop();
  }

  Result<void> ready() const {
    const Status status = worker_.status();
    if (!status.working) return fail(Code::unavailable, status.why_not);
    return {};
  }

  SystemClock clock_;
  net::Loop loop_;
  metrics::Registry registry_;
  WorkerMetrics metrics_;
  Worker worker_;
  http::Router router_;
  http::Server admin_;
  Gate gate_;
};

Result<void> serve(const Options& options) {
  TRY(store, SociOrderStore::open(options.database, options.orders_topic));
  Process process(options, *store);
  TRY_VOID(process.start(options));
  process.run();
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
    log::error("not started reason={}", log::quoted(served.error().context));
    return 1;
  }
  return 0;
}
