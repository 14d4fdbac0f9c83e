#pragma once
// OrderReader: looks at an orders database as it is at one moment, and changes nothing in it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "shared/base/result.h"
#include "shared/orders/database.h"
#include "shared/orders/order_row.h"
#include "shared/orders/watched.h"

namespace sluice::orders {

// A row with what is in its columns, whatever that means.
struct StoredOrder {
  OrderRow row;
  std::string state;  // as the column says it
};

// One read transaction for its whole life: positions and rows belong together, whatever a worker
// commits meanwhile. One thread. After an error it is of no use any more; a database that gives no
// answer is one (watched.h).
class OrderReader {
 public:
  // `database` is as parse_database() takes it. Errors: invalid (no such kind of database),
  // not_found (no tables there, or no file), unsupported (made by a newer version), unavailable.
  static Result<std::unique_ptr<OrderReader>> open(const std::string& database);
  ~OrderReader();

  // As it was given, without a password.
  const std::string& database() const { return database_.shown; }

  // By partition of the topic: everything on the log before that offset is in the tables.
  Result<std::map<std::int32_t, std::int64_t>> positions(const std::string& topic);

  // Outcomes that wait to be sent to the log.
  Result<std::int64_t> outbox_count();

  // Every order, in no order. Of servers the client library holds the whole answer meanwhile, some
  // 300 bytes an order.
  Result<void> each(const std::function<void(const StoredOrder& order)>& visit);

 private:
  struct Connection;

  explicit OrderReader(Database database);

  // Runs `work`, which owns what it uses, and turns SOCI's exceptions into errors.
  template <class Work>
  auto reading(Work work) -> decltype(work(std::declval<Connection&>()));

  const Database database_;
  Watched<Connection> connection_;
};

}  // namespace sluice::orders
