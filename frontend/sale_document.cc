#include "frontend/sale_document.h"

#include <boost/json.hpp>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "frontend/request_fields.h"
#include "frontend/time_text.h"
#include "frontend/whole_number.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

using Done = std::expected<void, FieldError>;

// A name that nobody knows may be long.
constexpr std::size_t kFieldNameShown = 64;

std::unexpected<FieldError> wrong(std::string_view field, std::string what) {
  return std::unexpected(
      FieldError{std::string(field.substr(0, kFieldNameShown)), std::move(what)});
}

std::expected<json::object, FieldError> parse(ByteView body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  if (error) return wrong("body", "is not valid JSON: " + error.message());
  if (!value.is_object()) return wrong("body", "must be a JSON object");
  return std::move(value.as_object());
}

Done take_number(std::string_view field, const json::value& value, std::int64_t min,
                 std::int64_t max, std::int64_t& to) {
  const auto number = whole_number(value);
  if (!number || *number < min || *number > max) {
    return wrong(field, fmt::format("must be an integer from {} to {}", min, max));
  }
  to = *number;
  return {};
}

Done take_text(std::string_view field, const json::value& value, std::size_t max_bytes,
               std::string& to) {
  const json::string* text = value.if_string();
  if (text == nullptr || !is_text(*text, max_bytes)) {
    return wrong(field, fmt::format("must be a string of 1 to {} bytes of text", max_bytes));
  }
  to = std::string(*text);
  return {};
}

Done take_flag(std::string_view field, const json::value& value, bool& to) {
  if (!value.is_bool()) return wrong(field, "must be true or false");
  to = value.get_bool();
  return {};
}

Done take_token_rule(std::string_view field, const json::value& value, bool& to) {
  const json::string* text = value.if_string();
  if (text == nullptr || (*text != "required" && *text != "none")) {
    return wrong(field, R"(must be "required" or "none")");
  }
  to = *text == "required";
  return {};
}

// JSON's null takes it away.
Done take_time(std::string_view field, const json::value& value, std::optional<std::int64_t>& to) {
  to.reset();
  if (value.is_null()) return {};
  const json::string* text = value.if_string();
  if (text == nullptr) return wrong(field, "must be a time like 2026-11-11T00:00:00Z, or null");
  const auto time = parse_rfc3339(*text);
  if (!time) return wrong(field, time.error().context);
  if (time->unix_millis < 0 || time->unix_millis > ledger::kMaxTime) {
    return wrong(field, "must be within 1970 and 9999");
  }
  to = time->unix_millis;
  return {};
}

// Nothing: it is no field that can be changed.
std::optional<Done> take_field(std::string_view field, const json::value& value,
                               ledger::Sale& sale) {
  if (field == "title") return take_text(field, value, ledger::kMaxTitleBytes, sale.title);
  if (field == "currency") return take_text(field, value, ledger::kMaxCurrencyBytes, sale.currency);
  if (field == "unit_price") {
    return take_number(field, value, 0, ledger::kMaxPrice, sale.unit_price);
  }
  if (field == "per_user_limit") {
    return take_number(field, value, 1, ledger::kMaxUnits, sale.per_user_limit);
  }
  if (field == "starts_at") return take_time(field, value, sale.starts_at);
  if (field == "ends_at") return take_time(field, value, sale.ends_at);
  if (field == "payment_window_ms") {
    return take_number(field, value, 0, ledger::kMaxWindowMs, sale.payment_window_ms);
  }
  if (field == "purchase_token") return take_token_rule(field, value, sale.purchase_token);
  if (field == "proof_of_work") {
    return take_number(field, value, 0, ledger::kMaxProofOfWork, sale.proof_of_work);
  }
  if (field == "waiting_room_rate") {
    return take_number(field, value, 0, ledger::kMaxWaitingRoomRate, sale.waiting_room_rate);
  }
  return std::nullopt;
}

Done take_new_field(std::string_view field, const json::value& value, ledger::Sale& sale) {
  if (field == "id") {
    const json::string* id = value.if_string();
    if (id == nullptr || !ledger::is_sale_id(*id)) {
      return wrong(field,
                   fmt::format("must be 1 to {} of A-Z a-z 0-9 . _ -", ledger::kMaxSaleIdBytes));
    }
    sale.sale = std::string(*id);
    return {};
  }
  if (field == "stock") return take_number(field, value, 0, ledger::kMaxUnits, sale.stock);
  if (field == "draft") return take_flag(field, value, sale.draft);
  return take_field(field, value, sale)
      .value_or(wrong(field,
                      "is not known; known: id, stock, draft, title, unit_price, currency, "
                      "per_user_limit, starts_at, ends_at, payment_window_ms, purchase_token, "
                      "proof_of_work, waiting_room_rate"));
}

std::string_view status_of(const ledger::Sale& definition) {
  if (definition.closed) return "closed";
  if (definition.draft) return "draft";
  return definition.paused ? "paused" : "published";
}

void append_time(Buffer& json, std::string_view name, std::optional<std::int64_t> time) {
  if (time) json += fmt::format(R"(,"{}":"{}")", name, rfc3339({*time}));
}

}  // namespace

std::expected<ledger::Sale, FieldError> read_new_sale(ByteView body) {
  const auto object = parse(body);
  if (!object) return std::unexpected(object.error());
  ledger::Sale sale{.currency = "CNY"};
  for (const char* field : {"id", "stock"}) {
    if (!object->contains(field)) return wrong(field, "is missing");
  }
  for (const auto& [field, value] : *object) {
    if (const Done taken = take_new_field(field, value, sale); !taken) {
      return std::unexpected(taken.error());
    }
  }
  if (sale.title.empty()) sale.title = sale.sale;
  return sale;
}

std::expected<void, FieldError> patch_sale(ByteView body, ledger::Sale& sale) {
  const auto object = parse(body);
  if (!object) return std::unexpected(object.error());
  for (const auto& [field, value] : *object) {
    const auto taken = take_field(field, value, sale);
    if (!taken) {
      return wrong(field,
                   "cannot be patched; what can: title, unit_price, currency, per_user_limit, "
                   "starts_at, ends_at, payment_window_ms, purchase_token, proof_of_work, "
                   "waiting_room_rate");
    }
    if (!*taken) return *taken;
  }
  return {};
}

std::expected<std::int64_t, FieldError> read_units(ByteView body) {
  const auto object = parse(body);
  if (!object) return std::unexpected(object.error());
  const json::value* units = object->if_contains("units");
  if (units == nullptr) return wrong("units", "is missing");
  for (const auto& [field, value] : *object) {
    if (field != "units") return wrong(field, "is not known; known: units");
  }
  std::int64_t number = 0;
  if (const Done taken = take_number("units", *units, 1, ledger::kMaxUnits, number); !taken) {
    return std::unexpected(taken.error());
  }
  return number;
}

Buffer definition_json(const ledger::SaleState& sale) {
  const ledger::Sale& definition = sale.definition;
  Buffer json = fmt::format(R"({{"id":"{}","title":)", definition.sale);
  http::append_json_string(json, definition.title);
  json +=
      fmt::format(R"(,"status":"{}","revision":{},"granted":{},"per_user_limit":{},"unit_price":{})"
                  R"(,"currency":)",
                  status_of(definition), sale.revision, sale.granted, definition.per_user_limit,
                  definition.unit_price);
  http::append_json_string(json, definition.currency);
  append_time(json, "starts_at", definition.starts_at);
  append_time(json, "ends_at", definition.ends_at);
  json += fmt::format(R"(,"payment_window_ms":{},"purchase_token":"{}","proof_of_work":{},)"
                      R"("waiting_room_rate":{}}})",
                      definition.payment_window_ms, definition.purchase_token ? "required" : "none",
                      definition.proof_of_work, definition.waiting_room_rate);
  return json;
}

std::string definition_tag(const ledger::SaleState& sale) {
  return fmt::format("\"{}\"", sale.revision);
}

Buffer stock_json(const ledger::SaleState& sale, WallTime now) {
  return fmt::format(
      R"({{"id":"{}","state":"{}","granted":{},"available":{},"held":{},"orders":{},"waiting":{},)"
      R"("server_time":"{}"}})",
      sale.definition.sale, name_of(stage_of(sale, now.unix_millis)), sale.granted,
      sale.available(), sale.held, sale.orders, sale.waiting, rfc3339(now));
}

}  // namespace sluice::frontend
