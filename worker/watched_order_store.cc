#include "worker/watched_order_store.h"

#include <utility>

namespace sluice::worker {

WatchedOrderStore::WatchedOrderStore(const std::string& database, const std::string& topic,
                                     std::string shown)
    : shown_(std::move(shown)),
      store_([database, topic] { return SociOrderStore::open(database, topic); }) {}

Result<std::unique_ptr<WatchedOrderStore>> WatchedOrderStore::open(const std::string& database,
                                                                   const std::string& topic) {
  TRY(parsed, orders::parse_database(database));
  std::unique_ptr<WatchedOrderStore> store(
      new WatchedOrderStore(database, topic, std::move(parsed.shown)));
  TRY_VOID(store->store_.ask([](SociOrderStore&) { return Result<void>(); }));
  return store;
}

Result<Claim> WatchedOrderStore::claim(std::int32_t partition) {
  return store_.ask([partition](SociOrderStore& store) { return store.claim(partition); });
}

Result<std::optional<StoredFold>> WatchedOrderStore::fold(std::int32_t partition) {
  return store_.ask([partition](SociOrderStore& store) { return store.fold(partition); });
}

Result<std::vector<OrderRow>> WatchedOrderStore::find(std::span<const std::string> ids) {
  return store_.ask([all = std::vector(ids.begin(), ids.end())](SociOrderStore& store) {
    return store.find(all);
  });
}

Result<std::vector<Unpaid>> WatchedOrderStore::unpaid(std::int32_t partition, std::size_t most) {
  return store_.ask(
      [partition, most](SociOrderStore& store) { return store.unpaid(partition, most); });
}

Result<void> WatchedOrderStore::confirm(const std::map<std::int32_t, Claim>& claims) {
  return store_.ask([claims](SociOrderStore& store) { return store.confirm(claims); });
}

Result<void> WatchedOrderStore::commit(std::span<const PartitionWork> works) {
  return store_.ask([all = std::vector(works.begin(), works.end())](SociOrderStore& store) {
    return store.commit(all);
  });
}

Result<std::vector<OutboxRow>> WatchedOrderStore::outbox(std::int32_t partition) {
  return store_.ask([partition](SociOrderStore& store) { return store.outbox(partition); });
}

Result<void> WatchedOrderStore::forget(std::span<const OutboxKey> sent) {
  return store_.ask([all = std::vector(sent.begin(), sent.end())](SociOrderStore& store) {
    return store.forget(all);
  });
}

}  // namespace sluice::worker
