// sluice-broker: the message queue. Reads its options, opens the store, serves until SIGTERM.

#include <memory>
#include <string>

#include "broker/admin/admin.h"
#include "broker/backups.h"
#include "broker/broker.h"
#include "broker/log/rocks_store.h"
#include "broker/options.h"
#include "broker/server.h"
#include "shared/base/clock.h"
#include "shared/base/random.h"
#include "shared/config/command_line.h"
#include "shared/config/schema.h"
#include "shared/log/log.h"
#include "shared/net/loop.h"
#include "shared/net/signals.h"
#include "shared/net/thread_pool.h"
#include "shared/net/timer.h"

namespace sluice::broker {
namespace {

// Within the 5 s in which a stop has to be over.
constexpr Millis kStopGrace{3'000};

// One broker process: everything between the options and the loop's end.
class Process {
 public:
  explicit Process(const Options& options)
      : options_(options),
        signals_(loop_, [this](int number) { begin_stop(number); }),
        commit_thread_(loop_, 1, "commit"),
        readers_(loop_, options.reader_threads, "read"),
        maintenance_(loop_, 1, "maintenance"),
        backup_thread_(loop_, 1, "backup"),
        wake_(loop_, clock_) {}

  Result<void> start() {
    TRY(listen, net::parse_host_port(options_.listen));
    TRY(admin_listen, net::parse_host_port(options_.admin_listen));
    TRY(store, open_rocks_store(store_options(options_)));
    store_ = std::move(store);
    broker_ = std::make_unique<Broker>(
        broker_options(options_),
        BrokerSeams{clock_, random_, *store_, commit_thread_, readers_, maintenance_,
                    [this](Instant at) { wake_.arm(at, [this] { broker_->tick(); }); }});
    TRY_VOID(broker_->start());
    server_ = std::make_unique<Server>(loop_, *broker_, server_limits(options_));
    TRY(bound, server_->listen(listen));
    TRY_VOID(advertise(bound));
    backups_ = std::make_unique<Backups>(*store_, backup_thread_, clock_, backup_options(options_));
    admin_ = std::make_unique<Admin>(loop_, clock_, *broker_, *server_, *backups_);
    TRY(admin_bound, admin_->listen(admin_listen));
    log::info("ready listen={} admin_listen={}", bound.text(), admin_bound.text());
    return {};
  }

  void run() { loop_.run(); }

 private:
  void begin_stop(int signal) {
    if (stopping_) return;
    stopping_ = true;
    log::info("stopping signal={}", signal);
    gate_.spawn(stop());
  }

  Result<void> advertise(const net::HostPort& bound) {
    net::HostPort told = bound;
    if (!options_.advertised_listen.empty()) {
      TRY(given, net::parse_host_port(options_.advertised_listen));
      told = given;
    }
    broker_->advertise(told.host, told.port);
    return {};
  }

  Task<void> stop() {
    // First the parked requests are answered, so that their connections can finish.
    broker_->begin_stop();
    backups_->begin_stop();
    co_await server_->stop(kStopGrace);
    co_await broker_->stop();
    co_await admin_->stop(kStopGrace);
    wake_.disarm();
    log::info("stopped");
    loop_.stop();
  }

  Options options_;
  SystemClock clock_;
  SystemRandom random_;
  net::Loop loop_;
  net::Signals signals_;  // until the very end: a second signal must not kill what is stopping
  std::unique_ptr<Store> store_;
  net::ThreadPool commit_thread_;
  net::ThreadPool readers_;
  net::ThreadPool maintenance_;
  net::ThreadPool backup_thread_;
  net::Timer wake_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<Admin> admin_;
  bool stopping_ = false;
  Gate gate_;
};

int run(int argc, const char* const* argv) {
  Options options;
  config::Schema schema = describe(options);
  const auto line = config::read_command_line(schema, argc, argv);
  if (!line.run) return line.exit_code;
  const auto level = log::level_named(options.log_level);
  log::start("sluice-broker", level ? *level : log::Level::info);
  Process process(options);
  if (const auto started = process.start(); !started) {
    log::error("not started reason={}", log::quoted(started.error().context));
    return 1;
  }
  process.run();
  return 0;
}

}  // namespace
}  // namespace sluice::broker

int main(int argc, char** argv) {
  return sluice::broker::run(argc, argv);
}
