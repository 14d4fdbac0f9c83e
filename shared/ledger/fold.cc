#include "shared/ledger/fold.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <unordered_map>

namespace sluice::ledger {

namespace {

// Whether the sale took orders when this one was reserved, by its writer's clock.
VoidReason judge_stage(const Sale& definition, std::int64_t reserved_at) {
  if (definition.epoch == 0) return VoidReason::none;
  switch (stage_of(definition, reserved_at)) {
    case SaleStage::draft:
    case SaleStage::scheduled:
      return VoidReason::not_started;
    case SaleStage::paused:
      return VoidReason::paused;
    case SaleStage::closed:
    case SaleStage::settled:
      return VoidReason::ended;
    case SaleStage::open:
    case SaleStage::sold_out:
      break;
  }
  return VoidReason::none;
}

}  // namespace

std::string_view name_of(Change::Kind kind) {
  using Kind = Change::Kind;
  switch (kind) {
    case Kind::replayed:
      return "replayed";
    case Kind::epoch_accepted:
      return "epoch_accepted";
    case Kind::epoch_refused:
      return "epoch_refused";
    case Kind::sale_defined:
      return "sale_defined";
    case Kind::sale_changed:
      return "sale_changed";
    case Kind::sale_repeated:
      return "sale_repeated";
    case Kind::sale_refused:
      return "sale_refused";
    case Kind::reserved:
      return "reserved";
    case Kind::voided:
      return "voided";
    case Kind::repeated:
      return "repeated";
    case Kind::placed:
      return "placed";
    case Kind::paid:
      return "paid";
    case Kind::rejected:
      return "rejected";
    case Kind::cancelled:
      return "cancelled";
    case Kind::expired:
      return "expired";
    case Kind::refund_due:
      return "refund_due";
    case Kind::ignored:
      return "ignored";
  }
  return "unknown";
}

std::size_t Fold::IdHash::operator()(const PackedOrderId& id) const noexcept {
  std::size_t hash;  // the id is a hash itself
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

Change Fold::apply(std::int64_t offset, const Event& event) {
  if (offset < next_offset_) return {.kind = Change::Kind::replayed, .sale = sale_of(event)};
  offset_ = offset;
  next_offset_ = offset + 1;
  return std::visit([this](const auto& e) { return apply_event(e); }, event);
}

Fold::Fold(std::int64_t next_offset, Epoch epoch, std::vector<SaleState> sales)
    : epoch_(std::move(epoch)), next_offset_(next_offset) {
  for (SaleState& sale : sales) {
    const std::string id = sale.definition.sale;
    add_sale(id) = std::move(sale);
  }
}

Result<void> Fold::recall(const PackedOrderId& id, Order order, std::string_view sale,
                          std::string_view why_rejected) {
  order.sale = find_sale(sale);
  if (order.sale == nullptr && order.holds_units()) {
    return fail(Code::corrupt, fmt::format("order {} holds units of sale {}, which is not known",
                                           order_id_text(id), sale));
  }
  const bool rejected = order.state == OrderState::rejected;
  const bool first = orders_.try_emplace(id, std::move(order)).second;
  if (first && rejected) why_rejected_.emplace(id, why_rejected);
  return {};
}

void Fold::forget_orders() {
  for (auto& [id, order] : orders_) {
    if (order.state == OrderState::reserved) move(order, OrderState::placed);
  }
  orders_ = {};  // and its memory
  why_rejected_.clear();
  payments_.clear();
}

void Fold::skip(std::int64_t offset) {
  if (offset >= next_offset_) next_offset_ = offset + 1;
}

Change Fold::apply_event(const Epoch& event) {
  if (event.epoch <= epoch_.epoch) return {.kind = Change::Kind::epoch_refused};
  epoch_ = event;
  return {.kind = Change::Kind::epoch_accepted};
}

SaleRefusal Fold::judge(const Sale& event, const SaleState* before) const {
  if (event.epoch == 0) {
    const bool final = before != nullptr && is_final(before->definition);
    return final ? SaleRefusal::closed : SaleRefusal::none;
  }
  if (event.epoch != epoch_.epoch) return SaleRefusal::stale_epoch;
  return judge_change(before, event);
}

Change Fold::apply_event(const Sale& event) {
  Change change{.kind = Change::Kind::sale_changed, .sale = event.sale};
  auto found = sales_by_id_.find(event.sale);
  const SaleState* before = found == sales_by_id_.end() ? nullptr : found->second;
  if (before != nullptr && before->changes.contains(event.change)) {
    change.kind = Change::Kind::sale_repeated;
    return change;
  }
  change.refusal = judge(event, before);
  if (change.refusal != SaleRefusal::none) {
    change.kind = Change::Kind::sale_refused;
    return change;
  }
  if (before == nullptr) {
    change.kind = Change::Kind::sale_defined;
    add_sale(event.sale).defined_at_offset = offset_;
    found = sales_by_id_.find(event.sale);
  }
  SaleState& state = *found->second;
  state.definition = event;
  ++state.revision;
  if (!event.change.empty()) state.changes.emplace(event.change, event.request);
  if (event.stock > 0 && event.stock <= kMaxUnits && state.grants.insert(event.grant_id).second) {
    change.stock_delta = event.stock;
  }
  state.granted += change.stock_delta;
  return change;
}

SaleState& Fold::add_sale(const std::string& id) {
  SaleState& sale = sales_.emplace_back();
  sales_by_id_.emplace(id, &sale);
  return sale;
}

VoidReason Fold::judge(const Reserve& event, const SaleState* sale) const {
  if (event.quantity < 1 || event.quantity > kMaxUnits) return VoidReason::malformed;
  if (event.epoch != epoch_.epoch || epoch_.epoch == 0) return VoidReason::stale_epoch;
  if (sale == nullptr) return VoidReason::unknown_sale;
  const VoidReason stage = judge_stage(sale->definition, event.reserved_at);
  if (stage != VoidReason::none) return stage;
  if (event.quantity > sale->available()) return VoidReason::no_stock;
  return VoidReason::none;
}

Change Fold::apply_event(const Reserve& event) {
  Change change{.kind = Change::Kind::voided,
                .sale = event.sale,
                .order = event.order,
                .quantity = event.quantity};
  const auto id = pack_order_id(event.order);
  if (!id) {
    change.void_reason = VoidReason::malformed;
    return change;
  }
  const auto [place, first] = orders_.try_emplace(*id);
  if (!first) {
    change.kind = Change::Kind::repeated;
    change.quantity = place->second.quantity;
    return change;
  }
  const auto found = sales_by_id_.find(event.sale);
  SaleState* sale = found == sales_by_id_.end() ? nullptr : found->second;
  change.void_reason = judge(event, sale);
  const bool valid = change.void_reason == VoidReason::none;

  Order& order = place->second;
  order.sale = sale;
  order.user = event.user;
  order.unit_price = event.unit_price;
  order.reserved_at = event.reserved_at;
  order.deadline = event.deadline;
  order.offset = offset_;
  order.changed = offset_;
  order.quantity =
      change.void_reason == VoidReason::malformed ? 0 : static_cast<std::int32_t>(event.quantity);
  order.state = valid ? OrderState::reserved : OrderState::voided;
  order.void_reason = change.void_reason;
  if (change.void_reason == VoidReason::no_stock) ++oversold_;
  if (!valid) return change;

  count(order, *sale);
  change.kind = Change::Kind::reserved;
  change.stock_delta = -event.quantity;
  return change;
}

// Adds an order that counts to its sale's sums.
void Fold::count(const Order& order, SaleState& sale) {
  ++sale.orders;
  if (order.holds_units()) sale.held += order.quantity;
  if (order.is_waiting()) ++sale.waiting;
}

Order* Fold::order_of(std::string_view id, std::string_view sale) {
  const auto packed = pack_order_id(id);
  if (!packed) return nullptr;
  const auto found = orders_.find(*packed);
  if (found == orders_.end()) return nullptr;
  Order& order = found->second;
  if (order.sale != nullptr && order.sale->definition.sale != sale) return nullptr;
  return &order;
}

// Of an order that counted: keeps its sale's sums in step.
void Fold::move(Order& order, OrderState to) {
  SaleState& sale = *sales_by_id_.find(order.sale->definition.sale)->second;
  const bool held = order.holds_units();
  const bool waiting = order.is_waiting();
  order.state = to;
  order.changed = offset_;
  if (held && !order.holds_units()) sale.held -= order.quantity;
  if (waiting && !order.is_waiting()) --sale.waiting;
}

Change Fold::apply_event(const Placed& event) {
  Change change{.sale = event.sale, .order = event.order};
  Order* order = order_of(event.order, event.sale);
  if (order == nullptr) return change;
  change.quantity = order->quantity;
  if (order->state != OrderState::reserved) return change;
  move(*order, OrderState::placed);
  change.kind = Change::Kind::placed;
  return change;
}

Change Fold::apply_event(const Paid& event) {
  Change change{.sale = event.sale, .order = event.order};
  Order* order = order_of(event.order, event.sale);
  if (order == nullptr) return change;
  change.quantity = order->quantity;
  if (order->state == OrderState::paid || order->refund_due) return change;
  if (order->holds_units()) {
    move(*order, OrderState::paid);
    change.kind = Change::Kind::paid;
  } else {
    order->refund_due = true;
    order->changed = offset_;
    change.kind = Change::Kind::refund_due;
  }
  if (!event.payment.empty()) payments_.emplace(*pack_order_id(event.order), event.payment);
  return change;
}

Change Fold::apply_event(const Rejected& event) {
  const Change change =
      release(event.order, event.sale, OrderState::rejected, Change::Kind::rejected);
  if (change.kind == Change::Kind::rejected) {
    why_rejected_.emplace(*pack_order_id(event.order), event.why);
  }
  return change;
}

Change Fold::apply_event(const Cancelled& event) {
  return release(event.order, event.sale, OrderState::cancelled, Change::Kind::cancelled);
}

Change Fold::apply_event(const Expired& event) {
  return release(event.order, event.sale, OrderState::expired, Change::Kind::expired);
}

// The one place that frees units: only of an order that holds some and is not paid, so once.
Change Fold::release(std::string_view id, std::string_view sale, OrderState to, Change::Kind kind) {
  Change change{.sale = sale, .order = id};
  Order* order = order_of(id, sale);
  if (order == nullptr) return change;
  change.quantity = order->quantity;
  const bool answers_void = order->state == OrderState::voided && to == OrderState::rejected;
  const bool unpaid = order->is_unpaid();
  if (!answers_void && !unpaid) return change;
  change.kind = kind;
  if (unpaid) {
    move(*order, to);
    change.stock_delta = order->quantity;
  } else {
    order->state = to;
    order->changed = offset_;
  }
  return change;
}

const SaleState* Fold::find_sale(std::string_view sale) const {
  const auto found = sales_by_id_.find(sale);
  return found == sales_by_id_.end() ? nullptr : found->second;
}

std::int64_t Fold::available(std::string_view sale) const {
  const SaleState* state = find_sale(sale);
  return state == nullptr ? 0 : state->available();
}

const Order* Fold::find_order(std::string_view id) const {
  const auto packed = pack_order_id(id);
  if (!packed) return nullptr;
  const auto found = orders_.find(*packed);
  return found == orders_.end() ? nullptr : &found->second;
}

namespace {

std::string_view text_of(const std::map<PackedOrderId, std::string>& texts, std::string_view id) {
  const auto packed = pack_order_id(id);
  if (!packed) return {};
  const auto found = texts.find(*packed);
  return found == texts.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

std::string_view Fold::why_rejected(std::string_view id) const {
  return text_of(why_rejected_, id);
}

std::string_view Fold::payment_of(std::string_view id) const {
  return text_of(payments_, id);
}

Result<void> Fold::verify() const {
  struct Sum {
    std::int64_t held = 0;
    std::int64_t orders = 0;
    std::int64_t waiting = 0;
  };
  std::unordered_map<const SaleState*, Sum> sums;
  for (const auto& [id, order] : orders_) {
    if (order.void_reason != VoidReason::none) {
      if (!order.holds_units()) continue;
      return fail(Code::corrupt, fmt::format("order {} is void and yet {}", order_id_text(id),
                                             name_of(order.state)));
    }
    if (order.refund_due && order.holds_units()) {
      return fail(Code::corrupt, fmt::format("I4: order {} was released and is {}",
                                             order_id_text(id), name_of(order.state)));
    }
    Sum& sum = sums[order.sale];
    ++sum.orders;
    if (order.holds_units()) sum.held += order.quantity;
    if (order.is_waiting()) ++sum.waiting;
  }
  for (const auto& [id, sale] : sales_by_id_) {
    const Sum& sum = sums[sale];
    if (sum.held != sale->held || sum.orders != sale->orders || sum.waiting != sale->waiting) {
      return fail(
          Code::corrupt,
          fmt::format("sale {}: {} units in {} orders, {} waiting, are counted, {} in {}, {} "
                      "waiting, are there",
                      id, sale->held, sale->orders, sale->waiting, sum.held, sum.orders,
                      sum.waiting));
    }
    if (sale->available() < 0) {
      return fail(Code::corrupt,
                  fmt::format("I1: sale {} has {} units available", id, sale->available()));
    }
  }
  if (oversold_ > 0) {
    return fail(Code::corrupt,
                fmt::format("I1: {} reserves asked for more than was available", oversold_));
  }
  return {};
}

}  // namespace sluice::ledger
