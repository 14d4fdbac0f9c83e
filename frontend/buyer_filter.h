#pragma once
// BuyerFilter: a set of hashes that may say yes wrongly and never says no wrongly (a Bloom filter
// of two bits). Reading and adding take no lock. It grows when a sale is granted more units, so
// that it stays as sharp as it was.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::frontend {

class BuyerFilter {
 public:
  // Sharp for `units` buyers.
  explicit BuyerFilter(std::int64_t units);

  // Any thread.
  bool may_contain(std::size_t hash) const;
  // Any thread; whoever adds holds a lock that the one who grows takes, too, for that hash.
  void add(std::size_t hash);

  // Makes room, by one thread at a time: begin_growth() says whether there is need to; then every
  // hash that was added is added again, and end_growth() lets the new table answer.
  bool begin_growth(std::int64_t units);
  void end_growth();

 private:
  using Table = std::vector<std::atomic<std::uint64_t>>;
  // Sixteen bits a unit keep the false positives near 1 in 70 when everything is sold to
  // different users; the cap is 16 MiB.
  static constexpr std::size_t kBitsPerUnit = 16;
  static constexpr std::size_t kBitsMax = std::size_t{1} << 27;

  static std::size_t bits_for(std::int64_t units);
  static void add(Table& table, std::size_t hash);

  std::atomic<Table*> table_;
  std::atomic<Table*> growing_ = nullptr;
  // Those of before are kept, because somebody may be reading them: each is at most half as large.
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace sluice::frontend
