#include "frontend/stock_book.h"

#include <utility>

#include "shared/base/check.h"

namespace sluice::frontend {

StockBook::StockBook() {
  indexes_.push_back(std::make_unique<const Index>());
  index_ = indexes_.back().get();
}

SaleStock* StockBook::find(std::string_view sale) const {
  const Index* index = index_.load(std::memory_order_acquire);
  const auto found = index->by_id.find(sale);
  return found == index->by_id.end() ? nullptr : found->second;
}

std::vector<SaleStock*> StockBook::all() const {
  return index_.load(std::memory_order_acquire)->in_order;
}

SaleStock& StockBook::add(const ledger::Sale& definition, std::int64_t granted) {
  CHECK(find(definition.sale) == nullptr);
  sales_.push_back(std::make_unique<SaleStock>(definition, granted));
  SaleStock* sale = sales_.back().get();
  auto index = std::make_unique<Index>(*indexes_.back());
  index->by_id.emplace(sale->id(), sale);
  index->in_order.push_back(sale);
  indexes_.push_back(std::move(index));
  index_.store(indexes_.back().get(), std::memory_order_release);
  return *sale;
}

}  // namespace sluice::frontend
