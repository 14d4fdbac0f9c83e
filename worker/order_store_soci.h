#pragma once
// The OrderStore in an SQL database through SOCI: SQLite (WAL, every commit fsynced), PostgreSQL,
// or MySQL and MariaDB.
//
// Tables: orders, log_positions (next offset and fence of each partition), ledger_folds and
// ledger_sales (what each partition's records have come to), outbox, webhook_deliveries, and
// sluice_schema with the version of them all.

#include <memory>
#include <string>

#include "shared/orders/database.h"
#include "worker/order_store.h"

namespace sluice::worker {

// Owns its connection, opened by the constructor's caller; one thread at a time. After an error the
// connection is opened anew by the next call.
class SociOrderStore final : public OrderStore {
 public:
  // `database` is as orders::parse_database() takes it. SQLite's file and its folder are made if
  // they are not there, and so are the tables. `topic` is the one whose partitions are claimed and
  // committed. Errors: invalid (no such kind of database, or it has the orders of another topic),
  // unsupported (made by a newer version), unavailable.
  static Result<std::unique_ptr<SociOrderStore>> open(const std::string& database,
                                                      const std::string& topic);
  ~SociOrderStore() override;

  // As it was given, without a password.
  const std::string& database() const { return database_.shown; }

  Result<Claim> claim(std::int32_t partition) override;
  Result<std::optional<StoredFold>> fold(std::int32_t partition) override;
  Result<std::vector<OrderRow>> find(std::span<const std::string> ids) override;
  Result<std::vector<Unpaid>> unpaid(std::int32_t partition, std::size_t most) override;
  Result<void> confirm(const std::map<std::int32_t, Claim>& claims) override;
  Result<void> commit(std::span<const PartitionWork> works) override;
  Result<std::vector<OutboxRow>> outbox(std::int32_t partition) override;
  Result<void> forget(std::span<const OutboxKey> sent) override;

  // For tests: nothing when there is no such row.
  Result<std::optional<OrderRow>> find_order(const std::string& order_id);
  Result<std::int64_t> order_count();

 private:
  struct Connection;

  SociOrderStore(orders::Database database, std::string topic);

  // Runs `work` on an open connection and turns SOCI's exceptions into errors.
  template <class Work>
  auto connected(Work work) -> decltype(work(std::declval<Connection&>()));
  // In a transaction, rolled back unless `work` succeeds.
  template <class Work>
  auto in_transaction(Work work) -> decltype(work(std::declval<Connection&>()));

  Result<void> connect();

  const orders::Database database_;
  std::string topic_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace sluice::worker
