// sluicectl sale audit: asks the log, the orders database and a frontend, and has SaleAudit judge.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/ctl/admin_client.h"
#include "broker/ctl/admin_json.h"
#include "broker/ctl/audit_print.h"
#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/ledger_scan.h"
#include "broker/ctl/print.h"
#include "broker/ctl/sale_audit.h"
#include "shared/ledger/topic.h"
#include "shared/net/host_port.h"
#include "shared/orders/order_reader.h"

namespace sluice::ctl {

namespace {

struct AuditArguments {
  std::vector<std::string> sales;
  std::string database;
  std::string frontend;
  std::string accepted;
  std::size_t limit = 10;
};

// A frontend reads its own records back within milliseconds and settles what is in doubt as soon as
// the log answers. Who says something else for so long, beside a log that stands still, is wrong.
constexpr Millis kFrontendSettles{5'000};
constexpr Millis kBetweenQuestions{200};

Result<std::int64_t> ask_frontend(Context& context, const std::string& frontend,
                                  const std::string& sale) {
  TRY(reply, ask_admin({.address = frontend,
                        .path = "/v1/sales/" + sale,
                        .connect_timeout = context.timeout(),
                        .answer_timeout = context.timeout()}));
  const auto answer = answer_of(reply);
  if (!answer) {
    return fail(Code::unavailable, fmt::format("the frontend at {} does not show sale {}: {}",
                                               frontend, sale, answer.error().context));
  }
  if (!answer->contains("available")) {
    return fail(Code::invalid, fmt::format("{} is no frontend's address: its answer has no "
                                           "\"available\"",
                                           frontend));
  }
  return number_in(*answer, "available");
}

// What the frontend has free, sale by sale, until it is what the log says, or has had its time.
Result<void> hear_frontend(Context& context, const std::string& frontend, LedgerTopic& log,
                           const LedgerTopic::Take& take, SaleAudit& audit) {
  const SystemClock clock;
  const Instant until = clock.now() + kFrontendSettles;
  bool still = true;
  while (true) {
    std::vector<std::pair<std::string, std::int64_t>> said;
    for (const std::string& sale : audit.sales_shown()) {
      TRY(available, ask_frontend(context, frontend, sale));
      said.emplace_back(sale, available);
    }
    bool same = true;
    for (const auto& [sale, available] : said) same = same && audit.available(sale) == available;
    const bool over = same || clock.now() >= until;
    for (const auto& [sale, available] : said) {
      if (over) audit.frontend_says(sale, available, still);
    }
    if (over) return {};
    TRY(records, log.read(take, kBetweenQuestions));
    still = still && records == 0;
  }
}

Result<void> hear_accepted(const std::string& path, SaleAudit& audit) {
  std::ifstream file(path);
  std::string order;
  while (std::getline(file, order)) {
    if (!order.empty()) audit.accepted(order);
  }
  if (file.eof()) return {};
  return fail(Code::invalid, fmt::format("{} cannot be read", path));
}

Result<void> hear_database(orders::OrderReader& database, SaleAudit& audit) {
  TRY_VOID(database.each([&](const orders::StoredOrder& stored) { audit.row(stored); }));
  TRY(waiting, database.outbox_count());
  audit.outcomes_waiting(waiting);
  return {};
}

Result<AuditReport> examine(Context& context, const AuditArguments& arguments) {
  const std::set<std::string> sales(arguments.sales.begin(), arguments.sales.end());
  // First: whatever the database has read then is on the log that is read after.
  std::unique_ptr<orders::OrderReader> database;
  std::map<std::int32_t, std::int64_t> positions;
  if (!arguments.database.empty()) {
    TRY(opened, orders::OrderReader::open(arguments.database));
    TRY(read_to, opened->positions(std::string(ledger::kOrdersTopic)));
    database = std::move(opened);
    positions = std::move(read_to);
  }
  TRY(log, LedgerTopic::open(context, sales));
  if (!log.whole()) {
    return fail(Code::out_of_range, "without its beginning the log says nothing about stock");
  }
  SaleAudit audit(
      {.partitions = log.partition_count(), .sales = sales, .shown_offences = arguments.limit});
  if (database) audit.read_to(positions);
  const auto take = [&audit](const client::Record& record) {
    audit.record(record.partition, record.offset, record.value.value_or(""));
  };
  TRY(records, log.read(take));
  static_cast<void>(records);
  for (const std::string& sale : sales) {
    if (audit.available(sale)) continue;
    return fail(Code::not_found, fmt::format("there is no sale {}", printable(sale)));
  }
  if (!arguments.accepted.empty()) TRY_VOID(hear_accepted(arguments.accepted, audit));
  if (database) TRY_VOID(hear_database(*database, audit));
  if (!arguments.frontend.empty()) {
    TRY_VOID(hear_frontend(context, arguments.frontend, log, take, audit));
  }
  return audit.report();
}

Result<void> audit(Context& context, const AuditArguments& arguments) {
  context.status_of_error = kExitUsage;  // 1 says what was found
  TRY(report, examine(context, arguments));
  if (context.json()) {
    print_audit_json(context.terminal.out, report);
  } else {
    print_audit(context.terminal.out, report);
  }
  if (!report.broken()) return {};
  context.status_of_error = kExitError;
  return fail(Code::corrupt, "not everything holds that must");
}

}  // namespace

void add_sale_audit(CLI::App& sale, Context& context) {
  const auto arguments = std::make_shared<AuditArguments>();
  CLI::App* command = sale.add_subcommand(
      "audit", "Check that log, orders database and frontend say the same of a sale");
  command->footer(
      "Reads the log, the rows of --database as of one moment, and what --frontend has free, and\n"
      "says of each invariant whether it holds (docs/operations.md has what to do when one does\n"
      "not). Rows are compared with the log as far as the database has read it, so orders may be\n"
      "under way: those are counted as in motion. Changes nothing.\n"
      "\n"
      "Exit codes: 0 nothing is broken, 1 something is, 2 it could not be checked.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale audit --database sqlite:data/orders.db --frontend 127.0.0.1:8080\n"
      "  sluicectl sale audit phone --json | jq '.invariants[] | {id, verdict}'");
  command->add_option("sales", arguments->sales, "Which; without: all")->type_name("SALE");
  command
      ->add_option("--database", arguments->database,
                   "The worker's database, as its option has it: sqlite:PATH, postgresql://..., "
                   "mysql://...")
      ->envname("SLUICE_DATABASE")
      ->type_name("URL");
  command
      ->add_option_function<std::string>(
          "--frontend", [arguments](const std::string& text) { arguments->frontend = text; },
          "The frontend's listen, as host:port")
      ->check(CLI::Validator(
          [](std::string& text) -> std::string {
            const auto at = net::parse_host_port(text);
            return at ? "" : at.error().context;
          },
          ""))
      ->envname("SLUICE_FRONTEND")
      ->type_name("HOST:PORT");
  command
      ->add_option("--accepted", arguments->accepted,
                   "Orders that were answered 202 queued, one id a line: each must be on the log")
      ->type_name("FILE");
  command->add_option("--limit", arguments->limit, "The most that are named of each invariant")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_flag_callback(
      "--json", [&context] { context.format = Format::json; }, "The same as -o json");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return audit(context, *arguments); };
  });
}

}  // namespace sluice::ctl
