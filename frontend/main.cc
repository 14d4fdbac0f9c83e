// sluice-frontend: takes orders over HTTP, reserves stock, sends each order to the log.

#include <memory>
#include <string>

#include "frontend/admin_token.h"
#include "frontend/handlers/listeners.h"
#include "frontend/key_files.h"
#include "frontend/options.h"
#include "frontend/sale_changes.h"
#include "frontend/server.h"
#include "shared/async/gate.h"
#include "shared/base/clock.h"
#include "shared/base/random.h"
#include "shared/config/command_line.h"
#include "shared/http/server.h"
#include "shared/log/log.h"
#include "shared/net/loop.h"
#include "shared/net/open_files.h"
#include "shared/net/signals.h"

namespace sluice::frontend {
namespace {

// Together within the 5 s in which a stop has to be over.
constexpr Millis kHttpGrace{2'500};
constexpr Millis kFlushGrace{1'000};

// One frontend process. The main loop has signals and the admin HTTP; orders are on the server's.
class Process {
 public:
  Process(const Options& options, std::vector<ledger::Sale> sales)
      : options_(options),
        signals_(loop_,
                 [this](int number) {
                   log::info("stopping signal={}", number);
                   begin_stop();
                 }),
        in_flight_(options.answer_within),
        changes_(options.answer_within, stock_),
        admin_token_(options.admin_token),
        payments_(options.payment_secret),
        lists_(options.user_lists),
        admission_(rates(options), SystemRandom().next()),
        addresses_(client_addresses(options)),
        metrics_api_(metrics_),
        admin_(loop_, clock_, {},
               [this](http::Request& request) { return router_.route(request); }),
        sales_(std::move(sales)) {}

  Result<void> start() {
    TRY(listen, net::parse_host_port(options_.listen));
    TRY(admin_listen, net::parse_host_port(options_.admin_listen));
    TRY(producer, client::Producer::open(client_settings(options_), producer_options(options_)));
    TRY_VOID(learn_identity());
    TRY_VOID(lists_.reload());
    TRY(snapshots, snapshots::FoldSnapshots::open(options_.snapshots));
    snapshots_ = std::move(snapshots);
    SystemRandom random;
    TRY(secret, purchase_secret(options_, random));
    tokens_ = std::make_unique<PurchaseTokens>(std::move(secret), options_.purchase_token_life);
    log_ = std::make_unique<OrderLog>(std::move(producer), uuid_text(random_uuid(random)));
    reader_ = std::make_unique<LedgerReader>(
        LedgerReader::Options{client_settings(options_), std::move(sales_), options_.partitions},
        clock_, *log_, stock_, in_flight_, changes_, board_, *snapshots_,
        [this](Error error) { loop_.post([this, error] { ended(error); }); });
    rooms_ = std::make_unique<WaitingRooms>(
        client_settings(options_), clock_, stock_,
        [this](std::string_view sale) { return reader_->find_sale(sale); });
    server_ = std::make_unique<Server>(
        Shared{clock_, stock_, in_flight_, *log_, *reader_, board_, *identity_, *tokens_, lists_,
               payments_, options_.payment_url, options_.login_url, admission_, addresses_, *rooms_,
               metrics_api_},
        http_limits(options_), options_.loops);
    declare_admin();
    TRY_VOID(admin_.listen(admin_listen));
    TRY(bound, server_->listen(listen));
    serving_ = true;
    reader_->start();
    rooms_->start();
    log::info("ready listen={} admin_listen={}", bound.text(), admin_.bound().text());
    return {};
  }

  int run() {
    loop_.run();
    return exit_code_;
  }

  ~Process() {
    if (serving_) server_->stop(Millis(0));
  }

 private:
  Result<void> learn_identity() {
    if (options_.auth == "none") {
      log::warning(
          "auth is none: users are whom the header X-User-Id names, which anybody can set");
      identity_ = std::make_unique<UserIdentity>();
      return {};
    }
    TRY(rules, jwt_rules(options_));
    identity_ = std::make_unique<UserIdentity>(std::move(rules), options_.jwt_cookie);
    return {};
  }

  // The reader ended by itself: nothing can be sold any more, so a supervisor must know.
  void ended(const Error& error) {
    log::error("ended code={} reason={}", name_of(error.code), log::quoted(error.context));
    exit_code_ = 1;
    begin_stop();
  }

  void begin_stop() {
    if (stopping_) return;
    stopping_ = true;
    gate_.spawn(stop());
  }

  Task<void> stop() {
    if (serving_) server_->stop(kHttpGrace);
    serving_ = false;
    changes_.stop_waiting();
    // What was answered "pending" gets its chance to arrive.
    if (const auto flushed = log_->flush(kFlushGrace); !flushed) {
      log::warning("orders in flight at the stop count={}", log_->outstanding());
    }
    co_await admin_.stop(clock_.now() + kFlushGrace);
    log::info("stopped");
    loop_.stop();
  }

  void declare_admin() {
    add_administration(router_,
                       {.healthy = []() -> Result<void> { return {}; },
                        .ready = [this] { return ready(); },
                        .metrics = [this] { return metrics_.prometheus(); }},
                       {loop_, clock_, *log_, *reader_, changes_, admin_token_, lists_});
    metrics_.gauge("sluice_frontend_orders_in_flight", "Orders sent and not read back from the log",
                   [this] { return static_cast<double>(in_flight_.size()); });
    metrics_.gauge("sluice_frontend_orders_in_doubt",
                   "Orders whose send may or may not have arrived; held until the log settles them",
                   [this] { return static_cast<double>(in_flight_.doubtful()); });
    metrics_.counter("sluice_frontend_ledger_records_total", "Records read from the order log",
                     [this] { return static_cast<double>(reader_->records()); });
    metrics_.counter("sluice_frontend_snapshots_total", "Snapshots of the ledger that were kept",
                     [this] { return static_cast<double>(snapshots_->written()); });
    metrics_.counter("sluice_frontend_snapshot_failures_total", "Snapshots that were not kept",
                     [this] { return static_cast<double>(snapshots_->failed()); });
    metrics_.gauge("sluice_frontend_log_reachable", "1 while a broker answers",
                   [this] { return log_->reachable() ? 1.0 : 0.0; });
  }

  Result<void> ready() const {
    if (!reader_->ready()) return fail(Code::unavailable, reader_->progress());
    if (!log_->reachable()) return fail(Code::unavailable, "no broker can be reached");
    return {};
  }

  const Options& options_;
  SystemClock clock_;
  net::Loop loop_;
  net::Signals signals_;  // until the very end: a second signal must not kill what is stopping
  StockBook stock_;
  InFlight in_flight_;
  SaleChanges changes_;
  OrderBoard board_;
  const AdminToken admin_token_;
  const PaymentSignature payments_;
  std::unique_ptr<const UserIdentity> identity_;
  std::unique_ptr<const PurchaseTokens> tokens_;
  CurrentUserLists lists_;
  Admission admission_;
  const ClientAddress addresses_;
  metrics::Registry metrics_;
  ApiMetrics metrics_api_;
  http::Router router_;
  http::Server admin_;
  std::vector<ledger::Sale> sales_;
  std::unique_ptr<OrderLog> log_;
  std::unique_ptr<WaitingRooms> rooms_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<snapshots::FoldSnapshots> snapshots_;
  std::unique_ptr<LedgerReader> reader_;
  bool serving_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
  Gate gate_;
};

int run(int argc, const char* const* argv) {
  Options options;
  config::Schema schema = describe(options);
  const auto line = config::read_command_line(schema, argc, argv);
  if (!line.run) return line.exit_code;
  const auto level = log::level_named(options.log_level);
  log::start("sluice-frontend", level ? *level : log::Level::info);
  // Beside its connections a process has some descriptors for its brokers, loops and files.
  constexpr std::uint64_t kOwnFiles = 128;
  const std::uint64_t files = net::raise_open_files_limit();
  if (files < options.max_connections + kOwnFiles) {
    log::warning("open files are fewer than max_connections wants limit={} max_connections={}",
                 files, options.max_connections);
  }
  auto sales = configured_sales(options);
  Process process(options, sales ? std::move(*sales) : std::vector<ledger::Sale>());
  if (const auto started = process.start(); !started) {
    log::error("not started reason={}", log::quoted(started.error().context));
    return 1;
  }
  return process.run();
}

}  // namespace
}  // namespace sluice::frontend

int main(int argc, char** argv) {
  return sluice::frontend::run(argc, argv);
}
