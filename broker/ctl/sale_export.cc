#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/ledger_scan.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

struct ExportArguments {
  std::string sale;
  std::string format = "ndjson";
};

// One event of a sale and what it did to the stock.
struct Row {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::string_view type;
  std::string_view effect;
  std::string_view order;
  std::string user;  // of the order
  std::int64_t quantity = 0;
  std::int64_t stock_delta = 0;
  std::int64_t available = 0;  // behind the event
  std::string why;
};

std::string why_of(const ledger::Event& event, const ledger::Change& change) {
  if (change.void_reason != ledger::VoidReason::none) {
    return std::string(ledger::name_of(change.void_reason));
  }
  if (change.refusal != ledger::SaleRefusal::none) {
    return std::string(ledger::name_of(change.refusal));
  }
  const auto* rejected = std::get_if<ledger::Rejected>(&event);
  return rejected == nullptr ? "" : rejected->why;
}

void print_ndjson(std::ostream& out, const Row& row) {
  json::object object{{"partition", row.partition}, {"offset", row.offset}};
  put_time(object, "timestamp", row.timestamp_ms);
  object["type"] = row.type;
  object["effect"] = row.effect;
  object["order"] = row.order;
  object["user"] = row.user;
  object["quantity"] = row.quantity;
  object["stock_delta"] = row.stock_delta;
  object["available"] = row.available;
  object["why"] = row.why;
  print_json(out, object);
}

// RFC 4180: a cell with a comma, a quote or a line end stands in quotes.
std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

void print_csv(std::ostream& out, const Row& row) {
  out << fmt::format("{},{},{},{},{},{},{},{},{},{},{}\r\n", row.partition, row.offset,
                     time_text(row.timestamp_ms), row.type, row.effect, row.order, cell(row.user),
                     row.quantity, row.stock_delta, row.available, cell(row.why));
}

class Export {
 public:
  Export(Context& context, const ExportArguments& arguments)
      : out_(context.terminal.out), arguments_(arguments), csv_(arguments.format == "csv") {
    if (csv_) {
      out_ << "partition,offset,timestamp,type,effect,order,user,quantity,stock_delta,available,"
              "why\r\n";
    }
  }

  void add(const client::Record& record, const ledger::Event& event, const ledger::Change& change) {
    if (ledger::sale_of(event) != arguments_.sale) return;
    if (const auto* reserve = std::get_if<ledger::Reserve>(&event)) {
      users_.try_emplace(reserve->order, reserve->user);
    }
    available_ += change.stock_delta;
    const auto user = users_.find(change.order);
    const Row row{.partition = record.partition,
                  .offset = record.offset,
                  .timestamp_ms = record.timestamp_ms,
                  .type = ledger::type_of(event),
                  .effect = ledger::name_of(change.kind),
                  .order = change.order,
                  .user = user == users_.end() ? "" : user->second,
                  .quantity = change.quantity,
                  .stock_delta = change.stock_delta,
                  .available = available_,
                  .why = why_of(event, change)};
    ++rows_;
    if (csv_) {
      print_csv(out_, row);
    } else {
      print_ndjson(out_, row);
    }
  }

  std::int64_t rows() const { return rows_; }

 private:
  std::ostream& out_;
  const ExportArguments& arguments_;
  const bool csv_;
  std::int64_t available_ = 0;
  std::int64_t rows_ = 0;
  std::map<std::string, std::string, std::less<>> users_;  // by order
};

Result<void> export_sale(Context& context, const ExportArguments& arguments) {
  Export to(context, arguments);
  TRY(scan, scan_ledger(context, arguments.sale,
                        [&to](const client::Record& record, const ledger::Event& event,
                              const ledger::Change& change) { to.add(record, event, change); }));
  if (to.rows() == 0) {
    return fail(Code::not_found, fmt::format("there is no sale {}", printable(arguments.sale)));
  }
  for (const auto& [partition, fold] : scan.folds) TRY_VOID(fold.verify());
  return {};
}

}  // namespace

void add_sale_export(CLI::App& sale, Context& context) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command =
      sale.add_subcommand("export", "Write every event of a sale and what it did to the stock");
  command->footer(
      "In the order of the log, as newline-delimited JSON or CSV (RFC 4180): the event, its "
      "effect\n"
      "by the ledger's rules, the change of the stock and what was available behind it. Fails "
      "when\n"
      "the ledger breaks its own rules.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale export phone > phone.ndjson\n"
      "  sluicectl sale export phone | jq -s 'map(.stock_delta) | add'\n"
      "  sluicectl sale export phone --format csv > phone.csv");
  command->add_option("sale", arguments->sale, "Which")->required()->type_name("SALE");
  command->add_option("--format", arguments->format, "How")
      ->check(CLI::IsMember({"ndjson", "csv"}))
      ->type_name("ndjson|csv")
      ->capture_default_str();
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return export_sale(context, *arguments); };
  });
}

}  // namespace sluice::ctl
