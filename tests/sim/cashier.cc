#include "tests/sim/cashier.h"

#include <algorithm>
#include <variant>

#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"

namespace sluice::sim {

Cashier::Cashier(SimLoop& loop, BrokerHost& host, History& history, std::int32_t partitions) {
  for (std::int32_t i = 0; i < partitions; ++i) {
    const Place place{std::string(ledger::kOrdersTopic), i};
    const std::string name = "cashier-" + std::to_string(i);
    history.expect_order(name);
    producers_.push_back(std::make_unique<SimProducer>(
        loop, host, history, SimProducer::Options{.name = name, .place = place, .in_flight = 5}));
    consumers_.push_back(std::make_unique<SimConsumer>(
        loop, host, history, place, 0,
        SimConsumer::Handler{.record = [this, i](const auto& record) { read(i, record); }}));
  }
}

void Cashier::read(std::int32_t partition, const wire::Record& record) {
  const auto event = ledger::decode(record.value.value_or(ByteView()));
  if (!event) return;
  const auto* placed = std::get_if<ledger::Placed>(&*event);
  if (placed == nullptr) return;
  const ledger::Paid paid{.order = placed->order, .sale = placed->sale};
  const ledger::Cancelled cancelled{.order = placed->order, .sale = placed->sale};
  switch (placed->order.front() % 8) {  // the last character has few values
    case 0:
    case 1:
      return send(partition, paid);
    case 2:
      return send(partition, cancelled);
    case 3:
      send(partition, cancelled);
      return send(partition, paid);
    case 4:
      send(partition, paid);
      send(partition, cancelled);
      return send(partition, paid);
    default:
      return;
  }
}

void Cashier::send(std::int32_t partition, const ledger::Event& event) {
  append(partition, ledger::key_of(event), ledger::encode(event));
}

void Cashier::append(std::int32_t partition, std::optional<Buffer> key, Buffer value) {
  producers_[static_cast<std::size_t>(partition)]->send(std::move(key), std::move(value), {});
}

bool Cashier::idle() const {
  return std::ranges::all_of(producers_, [](const auto& p) { return p->idle(); }) &&
         std::ranges::all_of(consumers_,
                             [](const auto& c) { return c->next_offset() >= c->high_watermark(); });
}

void Cashier::kill() {
  for (const auto& producer : producers_) producer->kill();
  for (const auto& consumer : consumers_) consumer->kill();
}

bool Cashier::ended() const {
  return std::ranges::all_of(producers_, [](const auto& p) { return p->ended(); }) &&
         std::ranges::all_of(consumers_, [](const auto& c) { return c->ended(); });
}

}  // namespace sluice::sim
