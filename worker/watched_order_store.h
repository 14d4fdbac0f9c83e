#pragma once
// The OrderStore of a daemon: a SociOrderStore on a thread of its own, so that a database which
// stands still is given up on (shared/orders/watched.h). What was given up on may yet be committed;
// the next transaction finds that out by compare-and-set, as after a commit whose answer was lost.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/orders/watched.h"
#include "worker/order_store.h"
#include "worker/order_store_soci.h"

namespace sluice::worker {

// As SociOrderStore, but for stop().
class WatchedOrderStore final : public OrderStore {
 public:
  static Result<std::unique_ptr<WatchedOrderStore>> open(const std::string& database,
                                                         const std::string& topic);

  // As it was given, without a password.
  const std::string& database() const { return shown_; }

  // From any thread: what is asked is answered within WatchedThread::kStopPatience from now on.
  void stop() { store_.stop(); }

  Result<Claim> claim(std::int32_t partition) override;
  Result<std::optional<StoredFold>> fold(std::int32_t partition) override;
  Result<std::vector<OrderRow>> find(std::span<const std::string> ids) override;
  Result<std::vector<Unpaid>> unpaid(std::int32_t partition, std::size_t most) override;
  Result<void> confirm(const std::map<std::int32_t, Claim>& claims) override;
  Result<void> commit(std::span<const PartitionWork> works) override;
  Result<std::vector<OutboxRow>> outbox(std::int32_t partition) override;
  Result<void> forget(std::span<const OutboxKey> sent) override;

 private:
  WatchedOrderStore(const std::string& database, const std::string& topic, std::string shown);

  const std::string shown_;
  orders::Watched<SociOrderStore> store_;
};

}  // namespace sluice::worker
