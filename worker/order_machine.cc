#include "worker/order_machine.h"

#include <fmt/format.h>

#include <utility>

#include "shared/ledger/codec.h"
#include "shared/ledger/dead_letter.h"
#include "shared/ledger/sale_state_json.h"
#include "shared/ledger/topic.h"
#include "worker/webhook_event.h"

namespace sluice::worker {
namespace {

using Kind = ledger::Change::Kind;

constexpr std::int32_t kOutcomePart = 0;
constexpr std::int32_t kDeadLetterPart = 1;
using orders::kMalformed;
using orders::kRefundDue;

std::optional<Buffer> owned(const std::optional<ByteView>& bytes) {
  return bytes ? std::optional<Buffer>(*bytes) : std::nullopt;
}

client::Header header(std::string_view name, std::string value) {
  return {std::string(name), std::move(value)};
}

std::size_t size_of(const LogRecord& record) {
  std::size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
  for (const client::HeaderView& header : record.headers) {
    bytes += header.name.size() + header.value.value_or("").size();
  }
  return bytes;
}

// How many times the record was sent back: a letter says it with a copy or without.
bool is_count(const client::HeaderView& header) {
  constexpr std::size_t kMaxDigits = 19;
  return header.name == ledger::kDlqRedriveAttempts &&
         header.value.value_or("").size() <= kMaxDigits;
}

// What an event changed: an order that has its row, and not merely by our own answer that came
// back; and what its sale's state says.
struct Effect {
  bool row = false;
  bool sale = false;
};

Effect effect_of(const ledger::Change& change) {
  switch (change.kind) {
    case Kind::paid:
    case Kind::cancelled:
    case Kind::expired:
      return {.row = true, .sale = true};
    case Kind::rejected: {
      const bool counted = change.stock_delta > 0;  // else its order is void
      return {.row = counted, .sale = counted};
    }
    case Kind::refund_due:
      return {.row = true};
    case Kind::sale_defined:
    case Kind::sale_changed:
    case Kind::reserved:
    case Kind::placed:
      return {.sale = true};
    case Kind::replayed:
    case Kind::epoch_accepted:
    case Kind::epoch_refused:
    case Kind::sale_repeated:
    case Kind::sale_refused:
    case Kind::voided:
    case Kind::repeated:
    case Kind::ignored:
      return {};
  }
  return {};
}

bool is_answer(const ledger::Event& event) {
  return std::holds_alternative<ledger::Placed>(event) ||
         std::holds_alternative<ledger::Rejected>(event);
}

// The order that an event may change; nothing for `placed`, which says what the table knows.
const std::string* order_in(const ledger::Event& event) {
  return std::visit(
      [](const auto& e) -> const std::string* {
        using E = std::decay_t<decltype(e)>;
        constexpr bool none = std::is_same_v<E, ledger::Epoch> || std::is_same_v<E, ledger::Sale> ||
                              std::is_same_v<E, ledger::Placed>;
        if constexpr (none) {
          return nullptr;
        } else {
          return &e.order;
        }
      },
      event);
}

Result<ledger::Epoch> epoch_of(const std::string& json) {
  if (json.empty()) return ledger::Epoch{};
  TRY(event, ledger::decode(json));
  const auto* epoch = std::get_if<ledger::Epoch>(&event);
  if (epoch == nullptr) return fail(Code::corrupt, "the epoch of a partition cannot be read");
  return *epoch;
}

}  // namespace

LogRecord::LogRecord(std::int64_t offset, std::optional<ByteView> key,
                     std::optional<ByteView> value, std::span<const client::HeaderView> headers)
    : offset(offset),
      key(key),
      value(value),
      headers(headers),
      event(value ? ledger::decode(*value) : fail(Code::corrupt, "there is no value")) {}

OrderMachine::OrderMachine(std::string topic, std::int32_t partition, Webhook webhook)
    : topic_(std::move(topic)), partition_(partition), webhook_(webhook) {}

Result<OrderMachine> OrderMachine::resume(std::string topic, std::int32_t partition,
                                          Webhook webhook, const StoredFold& stored) {
  TRY(epoch, epoch_of(stored.fold.epoch));
  std::vector<ledger::SaleState> sales;
  for (const SaleRow& row : stored.sales) {
    TRY(sale, ledger::decode_sale_state(row.state));
    sales.push_back(std::move(sale));
  }
  OrderMachine machine(std::move(topic), partition, webhook);
  machine.log_ = {.fold = ledger::Fold(stored.next_offset, std::move(epoch), std::move(sales)),
                  .seam = {.offset = stored.next_offset - 1, .digest = stored.fold.last_record},
                  .at_seam = stored.next_offset > 0};
  machine.unanswered_ = stored.fold.unanswered;
  machine.sales_stored_ = true;
  return machine;
}

bool OrderMachine::goes_on(const LogRecord& record) {
  return !log_.at_seam || log_.goes_on(ledger::seam_at(record.offset, record.key, record.value));
}

std::optional<std::string> OrderMachine::order_to_recall(const LogRecord& record) const {
  if (record.offset < next_offset()) return std::nullopt;
  if (record.event) {
    const std::string* id = order_in(*record.event);
    return id == nullptr ? std::nullopt : std::optional(*id);
  }
  const auto to = record.value ? ledger::addressee_of(*record.value) : std::nullopt;
  return to ? std::optional(to->order) : std::nullopt;
}

Result<void> OrderMachine::recall(const OrderRow& row) {
  const auto id = ledger::pack_order_id(row.order_id);
  if (!id || row.log_partition != partition_) return {};
  if (row.quantity == 0) {  // see orders::kMalformed
    malformed_.insert(*id);
    return {};
  }
  if (row.state == ledger::OrderState::reserved) {  // see orders::state_named()
    return fail(Code::corrupt,
                fmt::format("the row of order {} has a state that is not known", row.order_id));
  }
  return log_.fold.recall(*id,
                          {.user = row.user_id,
                           .unit_price = row.unit_price,
                           .reserved_at = row.reserved_at,
                           .deadline = row.deadline,
                           .quantity = static_cast<std::int32_t>(row.quantity),
                           .state = row.state,
                           .refund_due = row.reason.starts_with(kRefundDue)},
                          row.sale, row.reason);
}

void OrderMachine::apply(const LogRecord& record, WallTime now, PartitionWork& work) {
  if (record.offset < next_offset()) return;
  log_.seam = ledger::seam_at(record.offset, record.key, record.value);
  if (record.event) {
    apply_event(record, now, work);
  } else {
    log_.fold.skip(record.offset);
    apply_unreadable(record, now, work);
  }
  work.next_offset = next_offset();
}

void OrderMachine::finish(PartitionWork& work) {
  log_.fold.forget_orders();
  malformed_.clear();
  const ledger::Epoch& epoch = fold().epoch();
  work.fold = {.epoch = epoch.epoch == 0 ? "" : ledger::encode(ledger::Event(epoch)),
               .last_record = log_.seam.digest,
               .unanswered = unanswered_};
  work.all_sales = !std::exchange(sales_stored_, true);
  for (const std::string& sale : std::exchange(changed_sales_, {})) {
    work.sales.push_back({sale, ledger::encode_sale_state(*fold().find_sale(sale))});
  }
}

std::int64_t OrderMachine::unpaid() const {
  std::int64_t count = 0;
  for (const auto& [id, sale] : fold().sales()) count += sale->waiting;
  return count;
}

void OrderMachine::apply_event(const LogRecord& record, WallTime now, PartitionWork& work) {
  const ledger::Event& event = *record.event;
  const ledger::Change change = log_.fold.apply(record.offset, event);
  const Effect effect = effect_of(change);
  if (effect.sale) changed_sales_.emplace(change.sale);
  if (const auto* reserve = std::get_if<ledger::Reserve>(&event)) {
    apply_reserve(*reserve, change, record.offset, now, work);
    return;
  }
  if (is_answer(event) && unanswered_ > 0) --unanswered_;
  if (effect.row) apply_change(record, change, now, work);
}

void OrderMachine::apply_change(const LogRecord& record, const ledger::Change& change, WallTime now,
                                PartitionWork& work) {
  OrderChange row = row_change(std::string(change.order));
  if (webhook_ == Webhook::on) {
    const ledger::Order& order = *fold().find_order(change.order);
    const OrderRow changed{.order_id = row.order_id,
                           .sale = std::string(change.sale),
                           .user_id = order.user,
                           .quantity = order.quantity,
                           .unit_price = order.unit_price,
                           .currency = order.sale ? order.sale->definition.currency : "",
                           .state = row.state,
                           .reason = row.reason,
                           .reserved_at = order.reserved_at,
                           .deadline = order.deadline,
                           .log_partition = partition_,
                           .log_offset = record.offset};
    work.deliveries.push_back(delivery_of(ledger::name_of(change.kind), changed, now,
                                          std::get_if<ledger::Paid>(&*record.event)));
  }
  work.changes.push_back(std::move(row));
}

void OrderMachine::place(OrderRow row, PartitionWork& work) const {
  if (webhook_ == Webhook::on) {
    work.deliveries.push_back(delivery_of(ledger::name_of(row.state), row, {row.placed_at}));
  }
  work.orders.push_back(std::move(row));
}

OrderChange OrderMachine::row_change(const std::string& id) const {
  const ledger::Order& order = *fold().find_order(id);
  // A void order's row is rejected from the start, whatever its answer says.
  const bool is_void = order.void_reason != ledger::VoidReason::none;
  std::string reason(is_void ? name_of(order.void_reason) : fold().why_rejected(id));
  if (order.refund_due)
    reason = reason.empty() ? kRefundDue : fmt::format("{}: {}", kRefundDue, reason);
  return {.order_id = id,
          .state = is_void ? ledger::OrderState::rejected : order.state,
          .reason = reason.substr(0, ledger::kMaxWhyBytes)};
}

void OrderMachine::apply_reserve(const ledger::Reserve& reserve, const ledger::Change& change,
                                 std::int64_t offset, WallTime now, PartitionWork& work) {
  if (change.kind != Kind::reserved && change.kind != Kind::voided) return;
  const auto id = ledger::pack_order_id(reserve.order);
  if (id && malformed_.erase(*id) > 0) {
    std::erase_if(work.orders, [&](const OrderRow& row) { return row.order_id == reserve.order; });
    work.replaced.push_back(reserve.order);
  }
  const bool valid = change.kind == Kind::reserved;
  OrderRow row{.order_id = reserve.order,
               .sale = reserve.sale,
               .user_id = reserve.user,
               .quantity = reserve.quantity,
               .unit_price = reserve.unit_price,
               .currency = reserve.currency,
               .state = valid ? ledger::OrderState::placed : ledger::OrderState::rejected,
               .reason = valid ? "" : std::string(ledger::name_of(change.void_reason)),
               .reserved_at = reserve.reserved_at,
               .deadline = reserve.deadline,
               .placed_at = now.unix_millis,
               .log_partition = partition_,
               .log_offset = offset};
  if (valid) {
    work.outbox.push_back(
        answer(offset, ledger::Placed{.order = reserve.order, .sale = reserve.sale}));
  } else {
    work.outbox.push_back(answer(
        offset, ledger::Rejected{.order = reserve.order, .sale = reserve.sale, .why = row.reason}));
  }
  place(std::move(row), work);
}

void OrderMachine::apply_unreadable(const LogRecord& record, WallTime now, PartitionWork& work) {
  work.outbox.push_back(dead_letter(record));
  const auto to = record.value ? ledger::addressee_of(*record.value) : std::nullopt;
  if (!to || fold().find_order(to->order) != nullptr || !malformed_.insert(to->id).second) return;
  const std::string why =
      fmt::format("{}{}", kMalformed, record.event.error().context).substr(0, ledger::kMaxWhyBytes);
  place({.order_id = to->order,
         .sale = to->sale,
         .user_id = to->user,
         .state = ledger::OrderState::rejected,
         .reason = why,
         .placed_at = now.unix_millis,
         .log_partition = partition_,
         .log_offset = record.offset},
        work);
  work.outbox.push_back(
      answer(record.offset, ledger::Rejected{.order = to->order, .sale = to->sale, .why = why}));
}

OutboxRow OrderMachine::answer(std::int64_t offset, const ledger::Event& event) {
  ++unanswered_;
  return {.id = {partition_, offset, kOutcomePart},
          .topic = topic_,
          .partition = partition_,
          .key = ledger::key_of(event),
          .value = ledger::encode(event)};
}

OutboxRow OrderMachine::dead_letter(const LogRecord& record) const {
  const Error& error = record.event.error();
  const std::size_t bytes = size_of(record);
  const bool copied = bytes <= kMaxLetterCopyBytes;
  std::string message = error.context;
  if (!copied) message += fmt::format("; {} bytes are too large for a copy", bytes);
  OutboxRow letter{.id = {partition_, record.offset, kDeadLetterPart},
                   .topic = ledger::dead_letter_topic(topic_),
                   .headers = {header(ledger::kDlqErrorsTopic, topic_),
                               header(ledger::kDlqErrorsPartition, fmt::to_string(partition_)),
                               header(ledger::kDlqErrorsOffset, fmt::to_string(record.offset)),
                               header(ledger::kDlqErrorsCode, std::string(name_of(error.code))),
                               header(ledger::kDlqErrorsMessage, std::move(message))}};
  if (copied) {
    letter.key = owned(record.key);
    letter.value = owned(record.value);
  }
  for (const client::HeaderView& own : record.headers) {
    // Those of an earlier letter of the same record say nothing about this one.
    if (own.name.starts_with(ledger::kDlqErrors)) continue;
    if (!copied && !is_count(own)) continue;
    letter.headers.push_back({std::string(own.name), owned(own.value)});
  }
  return letter;
}

}  // namespace sluice::worker
