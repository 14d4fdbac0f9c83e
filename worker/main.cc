// sluice-worker: places the orders of the log in a database. The worker has a thread of its own,
// and so has the webhook; the main thread runs the loop for signals and the operators' HTTP.

#include <memory>
#include <optional>
#include <thread>

#include "shared/async/gate.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/config/command_line.h"
#include "shared/http/admin.h"
#include "shared/http/router.h"
#include "shared/http/server.h"
#include "shared/log/log.h"
#include "shared/metrics/registry.h"
#include "shared/net/host_port.h"
#include "shared/net/loop.h"
#include "shared/net/signals.h"
#include "worker/admin_routes.h"
#include "worker/options.h"
#include "worker/watched_order_store.h"
#include "worker/webhook_metrics.h"
#include "worker/webhook_sender.h"
#include "worker/worker.h"

namespace sluice::worker {
namespace {

// For HTTP answers under way when the worker has ended, which itself takes up to 4 s.
constexpr Millis kStopGrace{500};

// One worker process: everything between the options and the loop's end.
class Process {
 public:
  explicit Process(const Options& options)
      : options_(options),
        signals_(loop_,
                 [this](int number) {
                   log::info("stopping signal={}", number);
                   worker_->stop();
                   store_->stop();
                   if (webhook_) webhook_->stop();
                 }),
        metrics_(registry_),
        admin_(loop_, clock_, {},
               [this](http::Request& request) { return router_.route(request); }) {}

  Result<void> start() {
    TRY(listen, net::parse_host_port(options_.admin_listen));
    TRY(store, WatchedOrderStore::open(options_.database, options_.orders_topic));
    store_ = std::move(store);
    if (!options_.webhook_url.empty()) TRY_VOID(open_webhook());
    worker_.emplace(options_, *store_, clock_, metrics_, webhook_.get());
    http::add_admin_routes(router_, {.healthy = [] { return Result<void>(); },
                                     .ready = [this] { return ready(); },
                                     .metrics = [this] { return registry_.prometheus(); }});
    add_worker_routes(router_, *worker_, webhook_.get());
    TRY_VOID(admin_.listen(listen));
    log::info("ready admin_listen={} database={}", admin_.bound().text(),
              log::quoted(store_->database()));
    return {};
  }

  void run() {
    std::jthread webhook;
    if (webhook_) webhook = std::jthread([this] { webhook_->run(); });
    std::jthread thread([this] {
      worker_->run();
      loop_.post([this] { gate_.spawn(stop()); });
    });
    loop_.run();
    log::info("stopped");
  }

 private:
  Result<void> open_webhook() {
    TRY(sender, WebhookSender::open(options_, clock_, webhook_metrics_.emplace(registry_)));
    webhook_ = std::move(sender);
    return {};
  }

  Result<void> ready() const {
    const Status status = worker_->status();
    if (status.working) return {};
    return fail(Code::unavailable, status.why_not);
  }

  Task<void> stop() {
    co_await admin_.stop(clock_.now() + kStopGrace);
    loop_.stop();
  }

  const Options options_;
  SystemClock clock_;
  net::Loop loop_;
  net::Signals signals_;  // until the very end: a second signal must not kill what is stopping
  metrics::Registry registry_;
  WorkerMetrics metrics_;
  http::Router router_;
  http::Server admin_;
  Gate gate_;
  std::unique_ptr<WatchedOrderStore> store_;
  std::optional<WebhookMetrics> webhook_metrics_;
  std::unique_ptr<WebhookSender> webhook_;
  std::optional<Worker> worker_;
};

}  // namespace
}  // namespace sluice::worker

namespace {

int run(int argc, char** argv) {
  using namespace sluice;
  worker::Options options;
  config::Schema schema = worker::describe(options);
  const auto line = config::read_command_line(schema, argc, argv);
  if (!line.run) return line.exit_code;
  log::start("sluice-worker", *log::level_named(options.log_level));
  worker::Process process(options);
  if (const auto started = process.start(); !started) {
    log::error("cannot start why={}", log::quoted(started.error().context));
    return 1;
  }
  process.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int status = run(argc, argv);
  sluice::orders::WatchedThread::exit_past_given_up(status);
  return status;
}
