#include "frontend/order_log.h"

#include <mutex>
#include <utility>

#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"

namespace sluice::frontend {
namespace {

// It was just answered on another connection.
constexpr Millis kLookUpTimeout{2'000};

}  // namespace

void OrderLog::set_partition_count(std::int32_t count) {
  for (std::int32_t i = 0; i < count; ++i) epochs_.push_back(std::make_unique<PartitionEpoch>());
}

void OrderLog::look_up_topic() {
  producer_->look_up(std::string(ledger::kOrdersTopic), kLookUpTimeout);
}

client::ProduceRecord OrderLog::record(const ledger::Event& event, std::int32_t partition) const {
  client::ProduceRecord record;
  record.topic = std::string(ledger::kOrdersTopic);
  record.partition = partition;
  record.key = ledger::key_of(event);
  record.value = ledger::encode(event);
  return record;
}

// REQUIRES: the owner's lock. Reports come in the order of the sends, so that of the epoch is there
// already.
OrderLog::Done OrderLog::judged(PartitionEpoch& owner, Done done) {
  return [&owner, epoch = owner.epoch, done = std::move(done)](client::Delivery delivery) mutable {
    if (delivery.outcome == client::Outcome::persisted && owner.durable.load() < epoch) {
      delivery.outcome = client::Outcome::possibly_persisted;
    }
    done(std::move(delivery));
  };
}

Result<void> OrderLog::append(ledger::Reserve reserve, std::int32_t partition,
                              const PrepareReserve& prepare, Done done) {
  PartitionEpoch& owner = *epochs_[static_cast<std::size_t>(partition)];
  const std::shared_lock lock(owner.mutex);
  reserve.epoch = owner.epoch;
  if (!prepare(reserve)) return fail(Code::closed, "the reserve was withdrawn");
  return producer_->send(record(std::move(reserve), partition), judged(owner, std::move(done)));
}

Result<void> OrderLog::append(ledger::Sale sale, std::int32_t partition, const PrepareSale& prepare,
                              Done done) {
  PartitionEpoch& owner = *epochs_[static_cast<std::size_t>(partition)];
  const std::unique_lock lock(owner.mutex);
  sale.epoch = owner.epoch;
  prepare(sale);
  return producer_->send(record(std::move(sale), partition), judged(owner, std::move(done)));
}

Result<void> OrderLog::append(const ledger::Event& outcome, std::int32_t partition, Done done) {
  return producer_->send(record(outcome, partition), std::move(done));
}

Result<void> OrderLog::begin_epoch(std::int32_t partition, std::int64_t epoch, Done done) {
  PartitionEpoch& owner = *epochs_[static_cast<std::size_t>(partition)];
  const std::unique_lock lock(owner.mutex);
  auto noted = [&owner, epoch, done = std::move(done)](client::Delivery delivery) mutable {
    if (delivery.outcome == client::Outcome::persisted) owner.raise(epoch);
    done(std::move(delivery));
  };
  TRY_VOID(producer_->send(record(ledger::Epoch{epoch, writer_}, partition), std::move(noted)));
  owner.epoch = epoch;
  return {};
}

void OrderLog::confirm_epoch(std::int32_t partition, std::int64_t epoch) {
  epochs_[static_cast<std::size_t>(partition)]->raise(epoch);
}

void OrderLog::PartitionEpoch::raise(std::int64_t to) {
  std::int64_t now = durable.load();
  while (now < to && !durable.compare_exchange_weak(now, to)) {
  }
}

}  // namespace sluice::frontend
