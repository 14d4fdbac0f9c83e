#include "shared/ledger/codec.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "shared/ledger/json_fields.h"
#include "shared/ledger/order_id.h"

namespace sluice::ledger {

namespace {

namespace json = boost::json;

// Takes the fields out of one object. The first error sticks and names its field.
class Reader {
 public:
  explicit Reader(const JsonFields& fields) : fields_(fields) {}

  std::string order() {
    std::string id = text("order", kOrderIdChars);
    if (!error_ && !pack_order_id(id)) refuse("order", "is not 26 base32 characters");
    return id;
  }

  std::string sale() {
    std::string id = text("sale", kMaxSaleIdBytes);
    if (!error_ && !is_sale_id(id)) refuse("sale", "has a character outside of A-Z a-z 0-9 . _ -");
    return id;
  }

  // Not empty, no control characters.
  std::string plain(const char* name, std::size_t max_bytes) {
    std::string value = text(name, max_bytes);
    if (!error_ && !is_plain_text(value, max_bytes)) {
      refuse(name, "is empty or has a control character");
    }
    return value;
  }

  std::string text(const char* name, std::size_t max_bytes) {
    const JsonField* value = find(name);
    if (value == nullptr) {
      refuse(name, "is missing");
      return {};
    }
    return text_of(name, *value, max_bytes);
  }

  std::string text_or(const char* name, std::size_t max_bytes, std::string fallback) {
    const JsonField* value = find(name);
    return value == nullptr ? fallback : text_of(name, *value, max_bytes);
  }

  std::int64_t number(const char* name, std::int64_t min, std::int64_t max) {
    const JsonField* value = find(name);
    if (value == nullptr) {
      refuse(name, "is missing");
      return min;
    }
    return number_of(name, *value, min, max);
  }

  std::int64_t number_or(const char* name, std::int64_t min, std::int64_t max,
                         std::int64_t fallback) {
    const JsonField* value = find(name);
    return value == nullptr ? fallback : number_of(name, *value, min, max);
  }

  std::optional<std::int64_t> maybe_time(const char* name) {
    const JsonField* value = find(name);
    if (value == nullptr) return std::nullopt;
    return number_of(name, *value, 0, kMaxTime);
  }

  bool flag(const char* name) {
    const JsonField* value = find(name);
    if (value == nullptr) return false;
    if (value->kind == JsonField::Kind::boolean) return value->number != 0;
    refuse(name, "is not true or false");
    return false;
  }

  // The event, unless a field was refused.
  Result<Event> finish(Event event) {
    if (error_) return std::unexpected(std::move(*error_));
    return event;
  }

 private:
  // JSON's null reads as absent.
  const JsonField* find(std::string_view name) const {
    const JsonField* value = fields_.find(name);
    return value == nullptr || value->kind == JsonField::Kind::null ? nullptr : value;
  }

  std::string text_of(const char* name, const JsonField& value, std::size_t max_bytes) {
    if (value.kind != JsonField::Kind::text) {
      refuse(name, "is not a string");
      return {};
    }
    if (value.text.size() > max_bytes) {
      refuse(name, fmt::format("is longer than {} bytes", max_bytes));
      return {};
    }
    return std::string(value.text);
  }

  std::int64_t number_of(const char* name, const JsonField& value, std::int64_t min,
                         std::int64_t max) {
    const bool large = value.kind == JsonField::Kind::large_number;
    if (value.kind != JsonField::Kind::number && !large) {
      refuse(name, "is not a whole number");
      return min;
    }
    if (large || value.number < min || value.number > max) {
      refuse(name, fmt::format("is not within {} and {}", min, max));
      return min;
    }
    return value.number;
  }

  void refuse(const char* name, std::string_view what) {
    if (!error_) error_ = Error{Code::invalid, fmt::format("field \"{}\" {}", name, what)};
  }

  const JsonFields& fields_;
  std::optional<Error> error_;
};

Event read_epoch(Reader& in) {
  return Epoch{.epoch = in.number("epoch", 1, std::numeric_limits<std::int64_t>::max()),
               .writer = in.plain("writer", kMaxWriterBytes)};
}

Event read_sale(Reader& in) {
  return Sale{.sale = in.sale(),
              .title = in.text_or("title", kMaxTitleBytes, ""),
              .stock = in.number_or("stock", 0, kMaxUnits, 0),
              .grant_id = in.text_or("grant_id", kMaxGrantIdBytes, "initial"),
              .unit_price = in.number_or("unit_price", 0, kMaxPrice, 0),
              .currency = in.text_or("currency", kMaxCurrencyBytes, ""),
              .per_user_limit = in.number_or("per_user_limit", 1, kMaxUnits, 1),
              .starts_at = in.maybe_time("starts_at"),
              .ends_at = in.maybe_time("ends_at"),
              .payment_window_ms = in.number_or("payment_window_ms", 0, kMaxWindowMs, 0),
              .purchase_token = in.flag("purchase_token"),
              .proof_of_work = in.number_or("proof_of_work", 0, kMaxProofOfWork, 0),
              .waiting_room_rate = in.number_or("waiting_room_rate", 0, kMaxWaitingRoomRate, 0),
              .draft = in.flag("draft"),
              .paused = in.flag("paused"),
              .closed = in.flag("closed"),
              .epoch = in.number_or("epoch", 0, std::numeric_limits<std::int64_t>::max(), 0),
              .change = in.text_or("change", kMaxChangeBytes, ""),
              .request = in.text_or("request", kMaxRequestBytes, "")};
}

Event read_reserve(Reader& in) {
  return Reserve{.order = in.order(),
                 .sale = in.sale(),
                 .user = in.plain("user", kMaxUserBytes),
                 .quantity = in.number("quantity", 1, kMaxUnits),
                 .unit_price = in.number_or("unit_price", 0, kMaxPrice, 0),
                 .currency = in.text_or("currency", kMaxCurrencyBytes, ""),
                 .key = in.text_or("key", kMaxKeyBytes, ""),
                 .reserved_at = in.number("reserved_at", 0, kMaxTime),
                 .deadline = in.number_or("deadline", 0, kMaxTime, 0),
                 .epoch = in.number("epoch", 1, std::numeric_limits<std::int64_t>::max())};
}

template <class Outcome>
Event read_outcome(Reader& in) {
  return Outcome{.order = in.order(), .sale = in.sale()};
}

Result<Event> read_event(std::string_view type, const JsonFields& fields) {
  Reader in(fields);
  if (type == "reserve") return in.finish(read_reserve(in));
  if (type == "placed") return in.finish(read_outcome<Placed>(in));
  if (type == "rejected") {
    return in.finish(
        Rejected{.order = in.order(), .sale = in.sale(), .why = in.text("why", kMaxWhyBytes)});
  }
  if (type == "paid") {
    return in.finish(
        Paid{.order = in.order(),
             .sale = in.sale(),
             .payment = in.text_or("payment", kMaxPaymentBytes, ""),
             .amount = in.number_or("amount", 0, std::numeric_limits<std::int64_t>::max(), 0)});
  }
  if (type == "cancelled") return in.finish(read_outcome<Cancelled>(in));
  if (type == "expired") return in.finish(read_outcome<Expired>(in));
  if (type == "sale") return in.finish(read_sale(in));
  if (type == "epoch") return in.finish(read_epoch(in));
  return fail(Code::unsupported, fmt::format("event type \"{}\" is not known", type.substr(0, 64)));
}

void write(json::object& out, const Epoch& e) {
  out["epoch"] = e.epoch;
  out["writer"] = e.writer;
}

void write(json::object& out, const Sale& e) {
  out["sale"] = e.sale;
  out["title"] = e.title;
  out["stock"] = e.stock;
  out["grant_id"] = e.grant_id;
  out["unit_price"] = e.unit_price;
  out["currency"] = e.currency;
  out["per_user_limit"] = e.per_user_limit;
  if (e.starts_at) out["starts_at"] = *e.starts_at;
  if (e.ends_at) out["ends_at"] = *e.ends_at;
  if (e.payment_window_ms != 0) out["payment_window_ms"] = e.payment_window_ms;
  if (e.purchase_token) out["purchase_token"] = true;
  if (e.proof_of_work != 0) out["proof_of_work"] = e.proof_of_work;
  if (e.waiting_room_rate != 0) out["waiting_room_rate"] = e.waiting_room_rate;
  if (e.draft) out["draft"] = true;
  if (e.paused) out["paused"] = true;
  if (e.closed) out["closed"] = true;
  if (e.epoch != 0) out["epoch"] = e.epoch;
  if (!e.change.empty()) out["change"] = e.change;
  if (!e.request.empty()) out["request"] = e.request;
}

void write(json::object& out, const Reserve& e) {
  out["order"] = e.order;
  out["sale"] = e.sale;
  out["user"] = e.user;
  out["quantity"] = e.quantity;
  out["unit_price"] = e.unit_price;
  out["currency"] = e.currency;
  if (!e.key.empty()) out["key"] = e.key;
  out["reserved_at"] = e.reserved_at;
  if (e.deadline != 0) out["deadline"] = e.deadline;
  out["epoch"] = e.epoch;
}

void write(json::object& out, const Paid& e) {
  out["order"] = e.order;
  out["sale"] = e.sale;
  if (!e.payment.empty()) out["payment"] = e.payment;
  if (e.amount != 0) out["amount"] = e.amount;
}

void write(json::object& out, const Rejected& e) {
  out["order"] = e.order;
  out["sale"] = e.sale;
  out["why"] = e.why;
}

template <class Outcome>
void write(json::object& out, const Outcome& e) {
  out["order"] = e.order;
  out["sale"] = e.sale;
}

std::string text_in(const JsonFields& fields, std::string_view name) {
  const JsonField* value = fields.find(name);
  return value == nullptr ? std::string() : std::string(value->text);
}

}  // namespace

Buffer encode(const Event& event) {
  unsigned char arena[4096];
  json::monotonic_resource memory(arena, sizeof arena);
  json::object out(&memory);
  out.reserve(20);
  out["type"] = type_of(event);
  std::visit([&out](const auto& e) { write(out, e); }, event);
  return json::serialize(out);
}

Result<Event> decode(ByteView text) {
  if (text.size() > kMaxEventBytes) {
    return fail(Code::too_large, fmt::format("an event of {} bytes is above the limit of {}",
                                             text.size(), kMaxEventBytes));
  }
  JsonFields fields;
  TRY_VOID(fields.parse(text));
  const JsonField* type = fields.find("type");
  if (type == nullptr || type->kind != JsonField::Kind::text) {
    return fail(Code::invalid, "field \"type\" is missing or not a string");
  }
  return read_event(type->text, fields);
}

std::optional<Addressee> addressee_of(ByteView text) {
  if (text.size() > kMaxEventBytes) return std::nullopt;
  JsonFields fields;
  if (!fields.parse(text) || text_in(fields, "type") != "reserve") return std::nullopt;
  Addressee to{.id = {},
               .order = text_in(fields, "order"),
               .sale = text_in(fields, "sale"),
               .user = text_in(fields, "user")};
  const auto id = pack_order_id(to.order);
  if (!id || !is_sale_id(to.sale)) return std::nullopt;
  if (!is_plain_text(to.user, kMaxUserBytes)) to.user.clear();
  to.id = *id;
  return to;
}

}  // namespace sluice::ledger
