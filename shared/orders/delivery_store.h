#pragma once
// DeliveryStore: the deliveries of an orders database, apart from their making, which is the
// worker's (worker/order_store.h). What was delivered is removed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/orders/database.h"
#include "shared/orders/delivery.h"
#include "shared/orders/watched.h"

namespace soci {
class session;
}  // namespace soci

namespace sluice::orders {

// Which deliveries a person looks at, the oldest first.
struct DeliveryFilter {
  std::optional<bool> parked;  // nothing: all
  std::string order_id;        // empty: of all orders
  std::size_t limit = 100;
};

// Owns its connection; one thread at a time. After an error the connection is opened anew by the
// next call. Code::unavailable: a later attempt may go well; also of a database that gives no
// answer (watched.h).
class DeliveryStore {
 public:
  // `database` is as parse_database() takes it. Errors: invalid (no such kind of database),
  // not_found (no tables with deliveries there, or no file), unsupported (made by a newer version),
  // unavailable.
  static Result<std::unique_ptr<DeliveryStore>> open(const std::string& database);
  ~DeliveryStore();

  // From any thread: what is asked is answered within WatchedThread::kStopPatience from now on.
  void stop();

  // What may be sent now of these partitions, the longest due first, without what waits behind an
  // earlier delivery of its order, be it parked.
  Result<std::vector<Delivery>> due(const std::string& topic,
                                    std::span<const std::int32_t> partitions, WallTime now,
                                    std::size_t most);

  // All of them in one durable transaction, or none.
  Result<void> record(std::span<const DeliveryOutcome> outcomes);

  Result<DeliveryCounts> counts(const std::string& topic, std::span<const std::int32_t> partitions);

  Result<std::vector<Delivery>> list(const DeliveryFilter& filter);
  Result<std::optional<Delivery>> find(const std::string& id);

  // Parked deliveries are pending again, as if they were new, and due now. How many there were.
  Result<std::int64_t> send_back(const std::string& id, WallTime now);
  Result<std::int64_t> send_back_all(WallTime now);

 private:
  struct Connection;

  explicit DeliveryStore(Database database);

  // Runs `work`, which owns what it uses, on an open session and turns SOCI's exceptions into
  // errors.
  template <class Work>
  auto connected(Work work) -> decltype(work(std::declval<soci::session&>()));

  const Database database_;
  Watched<Connection> connection_;
};

}  // namespace sluice::orders
