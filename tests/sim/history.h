#pragma once
// History: what the world outside was told, and what must hold of it. It sees replies, records read
// and rows of the orders table, nothing of anybody's inside. The first contradiction is kept.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/wire/record.h"

namespace sluice::sim {

using Place = std::pair<std::string, std::int32_t>;  // topic, partition

class History {
 public:
  // A Produce reply: the record stands at this offset, whatever happens.
  void acknowledged(const Place& place, std::int64_t offset, const std::string& record_id);
  // A Fetch reply, in the order of one reader. Each reader of one offset must see the same record.
  void read(const Place& place, const wire::Record& record);
  // Marks producers (the part of record ids before ':') whose records must keep their order.
  void expect_order(const std::string& producer) { ordered_.insert(producer); }

  // What a shopper was told of an order.
  void queued(const std::string& order) { orders_[order].queued = true; }
  void pending(const std::string& order) { orders_[order].pending = true; }
  void not_reserved(const std::string& order) { orders_[order].refused = true; }

  struct Told {
    bool queued = false;
    bool pending = false;
    bool refused = false;
  };
  const std::map<std::string, Told>& orders() const { return orders_; }

  // After everything was read to its end: acknowledged records are there.
  void check_acknowledged();
  std::int64_t records(const Place& place) const;

  void fail(std::string what);
  const std::optional<std::string>& failure() const { return failure_; }

 private:
  struct Seen {
    std::string id;
    std::string value;
  };

  void check_unique(const Place& place, std::int64_t offset, const std::string& id);

  std::map<Place, std::map<std::int64_t, Seen>> seen_;
  std::map<Place, std::map<std::int64_t, std::string>> acknowledged_;
  std::map<std::string, std::pair<Place, std::int64_t>> by_id_;
  std::map<std::pair<Place, std::string>, std::map<std::int64_t, std::int64_t>> order_;
  std::set<std::string> ordered_;
  std::map<std::string, Told> orders_;
  std::optional<std::string> failure_;
};

// The id that every producer of the simulation puts into the header "id", or nothing.
std::string record_id(const wire::Record& record);

}  // namespace sluice::sim
