#include "tests/sim/shop.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"

namespace sluice::sim {
namespace {

using client::Outcome;
using frontend::Placement;
using frontend::SaleStock;
using Kind = ledger::Change::Kind;

constexpr Millis kAnswerWithin{500};
constexpr Millis kTick{50};

ledger::PackedOrderId packed(std::string_view id) {
  const auto bytes = ledger::pack_order_id(id);
  CHECK(bytes);
  return *bytes;
}

std::string snapshot_name(std::int32_t partition) {
  return "shop-" + std::to_string(partition);
}

}  // namespace

Shop::Shop(SimLoop& loop, BrokerHost& host, History& history, SnapshotShelf& shelf, Options options)
    : loop_(loop), shelf_(shelf), options_(std::move(options)), in_flight_(kAnswerWithin) {
  for (std::int32_t i = 0; i < options_.partitions; ++i) {
    const Place place{std::string(ledger::kOrdersTopic), i};
    partitions_.push_back(std::make_unique<Partition>());
    Partition& partition = *partitions_.back();
    partition.log = shelf_.load(snapshot_name(i));
    partition.producer = std::make_unique<SimProducer>(
        loop, host, history,
        SimProducer::Options{.name = options_.name + "-" + std::to_string(i),
                             .place = place,
                             .delivery_timeout = options_.delivery_timeout});
    partition.consumer = std::make_unique<SimConsumer>(
        loop, host, history, place, partition.log.start(),
        SimConsumer::Handler{.record = [this, i](const auto& record) { apply(i, record); },
                             .end = [this, i] { at_end(i); }});
  }
  tick();
}

void Shop::apply(std::int32_t index, const wire::Record& record) {
  ledger::FoldedLog& log = partitions_[static_cast<std::size_t>(index)]->log;
  const auto seam = ledger::seam_at(record.offset, record.key, record.value);
  CHECK(log.goes_on(seam));  // nothing that was read is ever another record
  log.seam = seam;
  const auto event = ledger::decode(record.value.value_or(ByteView()));
  if (event) {
    react(index, *event, log.fold.apply(record.offset, *event));
  } else {
    log.fold.skip(record.offset);
  }
  shelf_.keep(snapshot_name(index), log);
}

void Shop::react(std::int32_t index, const ledger::Event& event, const ledger::Change& change) {
  switch (change.kind) {
    case Kind::epoch_accepted:
    case Kind::epoch_refused:
      return epoch_changed(index, std::get<ledger::Epoch>(event),
                           change.kind == Kind::epoch_accepted);
    case Kind::reserved:
    case Kind::repeated:
    case Kind::voided:
      if (ready_) reserve_read(index, change.order);
      return;
    case Kind::rejected:
    case Kind::cancelled:
    case Kind::expired:
      if (ready_) follow_order(index, change.order);
      return;
    case Kind::sale_defined:
    case Kind::sale_changed: {
      if (!ready_) return;
      SaleStock& stock = *stock_.at(std::string(change.sale));
      stock.redefine(std::get<ledger::Sale>(event));
      return stock.grant(change.stock_delta);
    }
    case Kind::sale_repeated:
    case Kind::sale_refused:
    case Kind::placed:
    case Kind::paid:
    case Kind::refund_due:
    case Kind::replayed:
    case Kind::ignored:
      return;
  }
}

void Shop::reserve_read(std::int32_t index, std::string_view id) {
  const auto bytes = ledger::pack_order_id(id);
  if (!bytes) return;
  follow_order(index, id);
  const auto& order = *partitions_[static_cast<std::size_t>(index)]->log.fold.find_order(id);
  in_flight_.seen(*bytes, index, [&](const ledger::Reserve& sent) {
    const bool same_order = order.sale != nullptr && order.sale->definition.sale == sent.sale &&
                            order.user == sent.user;
    if (!same_order) stock_.at(sent.sale)->undo(sent.user, *bytes);
    const bool counts = same_order && order.quantity == sent.quantity &&
                        order.void_reason == ledger::VoidReason::none;
    return counts ? Placement::queued : Placement::not_reserved;
  });
}

void Shop::follow_order(std::int32_t index, std::string_view id) {
  const ledger::Order* order =
      partitions_[static_cast<std::size_t>(index)]->log.fold.find_order(id);
  if (order == nullptr || order->sale == nullptr) return;
  stock_.at(order->sale->definition.sale)
      ->follow(order->user, packed(id), order->quantity, order->holds_units());
}

void Shop::epoch_changed(std::int32_t index, const ledger::Epoch& epoch, bool accepted) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  if (epoch.writer != options_.name || epoch.epoch > partition.asked_epoch) {
    if (!accepted || !partition.owned) return;
    fenced_ = true;
    kill();
    return;
  }
  if (epoch.epoch == partition.asked_epoch) partition.waiting_for_epoch = false;
  if (!accepted) return;
  partition.owned = true;
  partition.durable_epoch = std::max(partition.durable_epoch, epoch.epoch);
  for (const auto& reserve : in_flight_.settle(index, epoch.epoch)) {
    stock_.at(reserve.sale)->undo(reserve.user, packed(reserve.order));
  }
}

void Shop::at_end(std::int32_t index) {
  at_end_.insert(index);
  if (!ready_) advance_start();
}

void Shop::advance_start() {
  bool complete = true;
  for (std::int32_t i = 0; i < options_.partitions; ++i) {
    Partition& partition = *partitions_[static_cast<std::size_t>(i)];
    if (std::exchange(partition.send_failed, false)) {
      partition.waiting_for_epoch = false;
      partition.sales_sent.clear();
    }
    if (!at_end_.contains(i)) {
      complete = false;
    } else if (!partition.owned) {
      complete = false;
      take_over(i);
    } else {
      write_sales(i);
    }
  }
  for (const auto& sale : options_.sales) {
    const auto index = ledger::partition_of(sale.sale, options_.partitions);
    const auto& fold = partitions_[static_cast<std::size_t>(index)]->log.fold;
    complete = complete && fold.find_sale(sale.sale) != nullptr;
  }
  if (!complete) return;
  build_stock();
  ready_ = true;
}

void Shop::take_over(std::int32_t index) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  if (partition.waiting_for_epoch) return;
  const std::int64_t epoch = std::max(partition.log.fold.epoch().epoch, partition.asked_epoch) + 1;
  send(index, ledger::Epoch{.epoch = epoch, .writer = options_.name});
  partition.epoch = epoch;
  partition.asked_epoch = epoch;
  partition.waiting_for_epoch = true;
}

void Shop::write_sales(std::int32_t index) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  for (const auto& sale : options_.sales) {
    if (ledger::partition_of(sale.sale, options_.partitions) != index) continue;
    if (partition.log.fold.find_sale(sale.sale) != nullptr) continue;
    ledger::Sale record = sale;
    record.epoch = partition.epoch;
    if (partition.sales_sent.insert(sale.sale).second) send(index, ledger::Event(record));
  }
}

void Shop::send(std::int32_t index, const ledger::Event& event) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  partition.producer->send(
      ledger::key_of(event), ledger::encode(event),
      [&partition, event](const client::Delivery& delivery) {
        const bool good = delivery.outcome == Outcome::persisted;
        if (!good) partition.send_failed = true;
        if (const auto* sent = std::get_if<ledger::Epoch>(&event); good && sent) {
          partition.durable_epoch = std::max(partition.durable_epoch, sent->epoch);
        }
      });
}

void Shop::build_stock() {
  for (const auto& partition : partitions_) {
    for (const auto& [id, state] : partition->log.fold.sales()) {
      stock_[id] = std::make_unique<SaleStock>(state->definition, state->granted);
    }
    partition->log.fold.for_each_order([&](const auto& id, const ledger::Order& order) {
      if (order.sale == nullptr) return;
      stock_.at(order.sale->definition.sale)
          ->follow(order.user, id, order.quantity, order.holds_units());
    });
  }
}

void Shop::settle_doubts() {
  for (const std::int32_t index : in_flight_.doubtful_partitions()) {
    Partition& partition = *partitions_[static_cast<std::size_t>(index)];
    if (std::exchange(partition.send_failed, false)) partition.waiting_for_epoch = false;
    take_over(index);
  }
}

void Shop::tick() {
  if (dead_) {
    ticking_ = false;
    return;
  }
  in_flight_.expire(loop_.clock().now());
  if (ready_) settle_doubts();
  if (!ready_ && at_end_.size() == partitions_.size()) advance_start();
  loop_.after(kTick, [this] { tick(); });
}

void Shop::place(const Order& order, Told told) {
  const std::string id = ledger::order_id(order.sale, order.user, order.key);
  if (!ready_ || dead_) return told(Answer::refused, id);
  SaleStock& stock = *stock_.at(order.sale);
  const auto packed_id = packed(id);
  switch (stock.reserve(order.user, packed_id, order.quantity)) {
    case SaleStock::Result::reserved:
      return reserve(stock, order, std::move(told));
    case SaleStock::Result::repeated:
      break;
    case SaleStock::Result::different:
    case SaleStock::Result::limit_reached:
    case SaleStock::Result::sold_out:
      return told(Answer::refused, id);
  }
  frontend::InFlight::Waiter waiter = [told, id](Placement placement) {
    told(placement == Placement::queued    ? Answer::queued
         : placement == Placement::pending ? Answer::pending
                                           : Answer::not_reserved,
         id);
  };
  if (in_flight_.join(packed_id, loop_.clock().now(), waiter)) return;
  const auto index = ledger::partition_of(order.sale, options_.partitions);
  const auto& fold = partitions_[static_cast<std::size_t>(index)]->log.fold;
  told(fold.find_order(id) ? Answer::queued : Answer::pending, id);
}

void Shop::reserve(SaleStock& stock, const Order& order, Told told) {
  const auto index = ledger::partition_of(order.sale, options_.partitions);
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  const std::int64_t now = loop_.clock().wall().unix_millis;
  const std::int64_t window = stock.definition().payment_window_ms;
  ledger::Reserve reserve{.order = ledger::order_id(order.sale, order.user, order.key),
                          .sale = order.sale,
                          .user = order.user,
                          .quantity = order.quantity,
                          .unit_price = stock.definition().unit_price,
                          .currency = stock.definition().currency,
                          .key = order.key,
                          .reserved_at = now,
                          .deadline = window > 0 ? now + window : 0,
                          .epoch = partition.epoch};
  const auto id = packed(reserve.order);
  in_flight_.add(id, reserve, index, loop_.clock().now(),
                 [told = std::move(told), order_id = reserve.order](Placement placement) {
                   told(placement == Placement::queued    ? Answer::queued
                        : placement == Placement::pending ? Answer::pending
                                                          : Answer::not_reserved,
                        order_id);
                 });
  const ledger::Event event(reserve);
  partition.producer->send(
      ledger::key_of(event), ledger::encode(event),
      [this, id, &partition, epoch = partition.epoch](const client::Delivery& delivery) {
        // On the log, and perhaps void: its epoch may not be there.
        const bool doubtful =
            delivery.outcome == Outcome::persisted && partition.durable_epoch < epoch;
        delivered(id, doubtful ? Outcome::possibly_persisted : delivery.outcome);
      });
}

void Shop::delivered(const ledger::PackedOrderId& id, Outcome outcome) {
  if (options_.plant == Plant::release_unknown && outcome == Outcome::possibly_persisted) {
    outcome = Outcome::not_persisted;
  }
  in_flight_.delivered(id, outcome, [this, id](const ledger::Reserve& reserve) {
    stock_.at(reserve.sale)->undo(reserve.user, id);
  });
}

// An epoch that could not be sent is asked for again when there is a doubt to settle.
bool Shop::idle(const Partition& partition) const {
  const bool asking = partition.waiting_for_epoch && !partition.send_failed;
  return partition.producer->idle() && !asking &&
         partition.consumer->next_offset() >= partition.consumer->high_watermark();
}

bool Shop::idle() const {
  return in_flight_.size() == 0 &&
         std::ranges::all_of(partitions_, [this](const auto& p) { return idle(*p); });
}

std::int64_t Shop::available(const std::string& sale) const {
  const auto found = stock_.find(sale);
  return found == stock_.end() ? -1 : found->second->available();
}

void Shop::kill() {
  dead_ = true;
  ready_ = false;
  for (const auto& partition : partitions_) {
    partition->producer->kill();
    partition->consumer->kill();
  }
}

bool Shop::ended() const {
  return dead_ && !ticking_ && std::ranges::all_of(partitions_, [](const auto& p) {
           return p->producer->ended() && p->consumer->ended();
         });
}

}  // namespace sluice::sim
