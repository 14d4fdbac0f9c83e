#include "worker/order_machine.h"

#include <fmt/format.h>

#include <utility>

#include "shared/ledger/codec.h"
#include "shared/ledger/dead_letter.h"
#include "shared/ledger/topic.h"
#include "worker/webhook_event.h"

namespace sluice::worker {
namespace {

using Kind = ledger::Change::Kind;

constexpr std::int32_t kOutcomePart = 0;
constexpr std::int32_t kDeadLetterPart = 1;
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

// Whether the event changed an order that has its row, and is not merely our own answer coming
// back.
bool changes_row(const ledger::Change& change) {
  switch (change.kind) {
    case Kind::paid:
    case Kind::cancelled:
    case Kind::expired:
    case Kind::refund_due:
      return true;
    case Kind::rejected:
      return change.stock_delta > 0;
    case Kind::replayed:
    case Kind::epoch_accepted:
    case Kind::epoch_refused:
    case Kind::sale_defined:
    case Kind::sale_changed:
    case Kind::sale_repeated:
    case Kind::sale_refused:
    case Kind::reserved:
    case Kind::voided:
    case Kind::repeated:
    case Kind::placed:
    case Kind::ignored:
      return false;
  }
  return false;
}

}  // namespace

OrderMachine::OrderMachine(std::string topic, std::int32_t partition, Webhook webhook,
                           ledger::FoldedLog log)
    : topic_(std::move(topic)), partition_(partition), webhook_(webhook), log_(std::move(log)) {
  fold().for_each_order([this](const ledger::PackedOrderId& id, const ledger::Order& order) {
    if (order.is_unpaid() && order.deadline > 0) deadlines_.add(id, order.deadline);
    if (order.state == ledger::OrderState::reserved) ++unanswered_;
  });
}

void OrderMachine::apply(const LogRecord& record, WallTime now, PartitionWork& work) {
  if (record.offset < next_offset()) return;
  log_.seam = ledger::seam_at(record.offset, record.key, record.value);
  const auto event = record.value ? ledger::decode(*record.value)
                                  : Result<ledger::Event>(fail(Code::corrupt, "there is no value"));
  if (event) {
    apply_event(record, *event, now, work);
  } else {
    log_.fold.skip(record.offset);
    apply_unreadable(record, event.error(), now, work);
  }
  work.next_offset = next_offset();
}

void OrderMachine::apply_event(const LogRecord& record, const ledger::Event& event, WallTime now,
                               PartitionWork& work) {
  const ledger::Change change = log_.fold.apply(record.offset, event);
  if (const auto* reserve = std::get_if<ledger::Reserve>(&event)) {
    apply_reserve(*reserve, change, record.offset, now, work);
    return;
  }
  const bool answers = std::holds_alternative<ledger::Placed>(event) ||
                       std::holds_alternative<ledger::Rejected>(event);
  if (answers && unanswered_ > 0) --unanswered_;
  if (changes_row(change)) apply_change(record, event, change, now, work);
}

void OrderMachine::apply_change(const LogRecord& record, const ledger::Event& event,
                                const ledger::Change& change, WallTime now, PartitionWork& work) {
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
                           .log_offset = record.offset};
    work.deliveries.push_back(delivery_of(ledger::name_of(change.kind), changed, partition_, now,
                                          std::get_if<ledger::Paid>(&event)));
  }
  work.changes.push_back(std::move(row));
}

void OrderMachine::place(OrderRow row, PartitionWork& work) const {
  if (webhook_ == Webhook::on) {
    work.deliveries.push_back(
        delivery_of(ledger::name_of(row.state), row, partition_, {row.placed_at}));
  }
  work.orders.push_back(std::move(row));
}

OrderChange OrderMachine::row_change(const std::string& id) const {
  const ledger::Order& order = *fold().find_order(id);
  // A void order's row is rejected from the start.
  const bool is_void = order.state == ledger::OrderState::voided;
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
  if (id && log_.refused.contains(*id)) return;  // its row and answer are there
  const bool valid = change.kind == Kind::reserved;
  if (valid && reserve.deadline > 0) deadlines_.add(*id, reserve.deadline);
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

void OrderMachine::apply_unreadable(const LogRecord& record, const Error& error, WallTime now,
                                    PartitionWork& work) {
  work.outbox.push_back(dead_letter(record, error));
  const auto to = record.value ? ledger::addressee_of(*record.value) : std::nullopt;
  if (!to || fold().find_order(to->order) != nullptr || !log_.refused.insert(to->id).second) return;
  const std::string why =
      fmt::format("malformed: {}", error.context).substr(0, ledger::kMaxWhyBytes);
  place({.order_id = to->order,
         .sale = to->sale,
         .user_id = to->user,
         .state = ledger::OrderState::rejected,
         .reason = why,
         .placed_at = now.unix_millis,
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

OutboxRow OrderMachine::dead_letter(const LogRecord& record, const Error& error) const {
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
