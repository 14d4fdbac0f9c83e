#include "tests/sim/memory_order_store.h"

#include <algorithm>

namespace sluice::sim {

using worker::Claim;
using worker::PartitionWork;

Result<Claim> MemoryOrderStore::claim(std::int32_t partition) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  Claim& position = positions_[partition];
  ++position.fence;
  return position;
}

Result<void> MemoryOrderStore::confirm(const std::map<std::int32_t, Claim>& claims) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  for (const auto& [partition, claim] : claims) {
    if (positions_[partition] != claim) return fail(Code::fenced, "another worker has it");
  }
  return {};
}

Result<void> MemoryOrderStore::commit(std::span<const PartitionWork> works) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  for (const auto& work : works) {
    const Claim& position = positions_[work.partition];
    const bool owner =
        position.fence == work.claim.fence && position.next_offset == work.claim.next_offset;
    if (!owner) return fail(Code::fenced, "another worker has the partition");
  }
  for (const auto& work : works) apply(work);
  if (fails()) return fail(Code::unavailable, "the answer was lost");
  return {};
}

void MemoryOrderStore::apply(const PartitionWork& work) {
  positions_[work.partition].next_offset = work.next_offset;
  keep_fold(work);
  for (const auto& id : work.replaced) rows_.erase(id);
  for (const auto& row : work.orders) {
    if (!rows_.emplace(row.order_id, row).second) ++repeated_rows_;
  }
  for (const auto& change : work.changes) {
    const auto row = rows_.find(change.order_id);
    if (row == rows_.end()) continue;
    row->second.state = change.state;
    row->second.reason = change.reason;
  }
  for (const auto& row : work.outbox) outbox_.emplace(row.id, row);
  for (const auto& key : work.sent) outbox_.erase(key);
}

void MemoryOrderStore::keep_fold(const PartitionWork& work) {
  worker::StoredFold& stored = folds_[work.partition];
  stored.next_offset = work.next_offset;
  stored.fold = work.fold;
  if (work.all_sales) stored.sales.clear();
  for (const auto& row : work.sales) {
    const auto same = std::ranges::find(stored.sales, row.sale, &worker::SaleRow::sale);
    (same == stored.sales.end() ? stored.sales.emplace_back() : *same) = row;
  }
}

Result<std::optional<worker::StoredFold>> MemoryOrderStore::fold(std::int32_t partition) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  const auto found = folds_.find(partition);
  if (found == folds_.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<worker::OrderRow>> MemoryOrderStore::find(std::span<const std::string> ids) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  std::vector<worker::OrderRow> rows;
  for (const auto& id : ids) {
    if (const auto row = rows_.find(id); row != rows_.end()) rows.push_back(row->second);
  }
  return rows;
}

Result<std::vector<worker::Unpaid>> MemoryOrderStore::unpaid(std::int32_t partition,
                                                             std::size_t most) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  std::vector<worker::Unpaid> list;
  for (const auto& [id, row] : rows_) {
    const bool waits = row.state == ledger::OrderState::placed && row.deadline > 0;
    if (row.log_partition == partition && waits) list.push_back({id, row.sale, row.deadline});
  }
  std::ranges::sort(list, {}, &worker::Unpaid::deadline);
  list.resize(std::min(list.size(), most));
  return list;
}

Result<std::vector<worker::OutboxRow>> MemoryOrderStore::outbox(std::int32_t partition) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  std::vector<worker::OutboxRow> rows;
  for (const auto& [key, row] : outbox_) {
    if (key.partition == partition) rows.push_back(row);
  }
  return rows;
}

Result<void> MemoryOrderStore::forget(std::span<const worker::OutboxKey> sent) {
  if (fails()) return fail(Code::unavailable, "the database is away");
  for (const auto& key : sent) outbox_.erase(key);
  return {};
}

std::int64_t MemoryOrderStore::next_offset(std::int32_t partition) const {
  const auto found = positions_.find(partition);
  return found == positions_.end() ? 0 : found->second.next_offset;
}

}  // namespace sluice::sim
