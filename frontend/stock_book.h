#pragma once
// StockBook: all sales by id. Any thread may look up; one thread (the ledger reader) adds. A lookup
// takes no lock: the map is replaced as a whole, and the old ones are kept, because sales are few
// and are added seldom.

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "frontend/sale_stock.h"

namespace sluice::frontend {

class StockBook {
 public:
  StockBook();

  // Null when there is no such sale. The pointer stays valid.
  SaleStock* find(std::string_view sale) const;
  // In the order in which they were added.
  std::vector<SaleStock*> all() const;

  // REQUIRES: called by one thread only; the id is new.
  SaleStock& add(const ledger::Sale& definition, std::int64_t granted);

 private:
  struct Index {
    boost::unordered_flat_map<std::string_view, SaleStock*> by_id;  // keys live in the sales
    std::vector<SaleStock*> in_order;
  };

  std::vector<std::unique_ptr<SaleStock>> sales_;
  std::vector<std::unique_ptr<const Index>> indexes_;
  std::atomic<const Index*> index_;
};

}  // namespace sluice::frontend
