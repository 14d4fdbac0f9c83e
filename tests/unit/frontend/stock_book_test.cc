#include "frontend/stock_book.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include <fmt/format.h>

namespace sluice::frontend {

namespace {

ledger::Sale named(int n) {
  return {.sale = fmt::format("sale-{}", n), .stock = n};
}

}  // namespace

TEST_CASE("sales are found by id and listed as they came") {
  StockBook book;
  CHECK(book.find("sale-0") == nullptr);
  CHECK(book.find("") == nullptr);
  CHECK(book.all().empty());
  SaleStock& first = book.add(named(1), 1);
  SaleStock& second = book.add(named(0), 5);
  CHECK(book.find("sale-1") == &first);
  CHECK(book.find("sale-0") == &second);
  CHECK(book.find("sale-2") == nullptr);
  CHECK(book.all() == std::vector<SaleStock*>{&first, &second});
  CHECK(second.available() == 5);
}

TEST_CASE("look-ups go on while sales are added") {
  constexpr int kSales = 300;
  StockBook book;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> readers;
    for (int t = 0; t < 4; ++t) {
      readers.emplace_back([&] {
        std::size_t seen = 0;
        while (!done) {
          const auto all = book.all();
          if (all.size() < seen) ++wrong;  // a sale never goes away
          seen = all.size();
          for (std::size_t i = 0; i < seen; ++i) {
            const auto* sale = book.find(fmt::format("sale-{}", i));
            if (sale != all[i] || sale->available() != static_cast<std::int64_t>(i)) ++wrong;
          }
        }
      });
    }
    for (int i = 0; i < kSales; ++i) book.add(named(i), i);
    done = true;
  }
  CHECK(wrong == 0);
  CHECK(book.all().size() == kSales);
}

}  // namespace sluice::frontend
