#pragma once
// MemoryOrderStore: the worker's OrderStore in memory, with the same rules as the database: rows by
// primary key, the position by compare-and-set, all of a commit or nothing. It outlives the worker
// processes. It can be away, and it can lose the answer to a commit that happened.

#include <map>
#include <string>
#include <vector>

#include "shared/base/random.h"
#include "worker/order_store.h"

namespace sluice::sim {

class MemoryOrderStore final : public worker::OrderStore {
 public:
  explicit MemoryOrderStore(Random& random) : random_(random) {}

  // One call in `of` fails from now on; 0: none.
  void fail_one_in(std::uint64_t of) { fail_one_in_ = of; }

  Result<worker::Claim> claim(std::int32_t partition) override;
  Result<std::optional<worker::StoredFold>> fold(std::int32_t partition) override;
  Result<std::vector<worker::OrderRow>> find(std::span<const std::string> ids) override;
  Result<std::vector<worker::Unpaid>> unpaid(std::int32_t partition, std::size_t most) override;
  Result<void> confirm(const std::map<std::int32_t, worker::Claim>& claims) override;
  Result<void> commit(std::span<const worker::PartitionWork> works) override;
  Result<std::vector<worker::OutboxRow>> outbox(std::int32_t partition) override;
  Result<void> forget(std::span<const worker::OutboxKey> sent) override;

  // What people see.
  const std::map<std::string, worker::OrderRow>& rows() const { return rows_; }
  std::int64_t next_offset(std::int32_t partition) const;
  bool outbox_empty() const { return outbox_.empty(); }
  // Orders that were to be inserted although they had a row: harmless, but told.
  std::size_t repeated_rows() const { return repeated_rows_; }

 private:
  bool fails() { return fail_one_in_ != 0 && random_.below(fail_one_in_) == 0; }
  void apply(const worker::PartitionWork& work);
  void keep_fold(const worker::PartitionWork& work);

  Random& random_;
  std::uint64_t fail_one_in_ = 0;
  std::map<std::int32_t, worker::Claim> positions_;
  std::map<std::int32_t, worker::StoredFold> folds_;
  std::map<std::string, worker::OrderRow> rows_;
  std::map<worker::OutboxKey, worker::OutboxRow> outbox_;
  std::size_t repeated_rows_ = 0;
};

}  // namespace sluice::sim
