#pragma once
// SaleAudit: whether the invariants of the ledger hold over the log, the rows of the orders
// database and what a frontend says. Pure: it is told all three and judges.
//
//   I1 available is never below 0    I2 what was promised is on the log
//   I3 a reserve has one row         I4 units come free once, and never of a paid order
//   I5 units of the rows + available = granted, and the frontend says the same
//
// The rows are compared with the log as it was at the database's own position, so that the verdict
// is exact while orders are under way: what is behind that position is in motion, not broken.
//
// In this order: read_to(), record() for each record of a partition, accepted() and row() for each,
// frontend_says(), report(). Records may also follow the rows. One thread. Memory: as ledger::Fold,
// plus 24 bytes a row and what changed behind the database's position.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "broker/ctl/audit_report.h"
#include "shared/base/bytes.h"
#include "shared/ledger/event.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/order_id.h"
#include "shared/orders/order_reader.h"

namespace sluice::ctl {

class SaleAudit {
 public:
  struct Options {
    std::int32_t partitions = 1;      // of the topic
    std::set<std::string> sales;      // those that are looked at; empty: all
    std::size_t shown_offences = 10;  // of each invariant
  };
  explicit SaleAudit(Options options) : options_(std::move(options)) {}

  // The database has read each partition up to there; those that are not named, not at all.
  void read_to(const std::map<std::int32_t, std::int64_t>& positions);

  // In the order of the partition. Those below the end that is known change nothing.
  void record(std::int32_t partition, std::int64_t offset, ByteView value);

  // Somebody was answered 202 for it.
  void accepted(std::string_view order);
  void row(const orders::StoredOrder& stored);
  // Of the outbox.
  void outcomes_waiting(std::int64_t count) { outcomes_waiting_ = count; }

  // What a frontend says of a sale's stock. `still`: the log had nothing new while it was asked, so
  // that it must say what the log says.
  void frontend_says(const std::string& sale, std::int64_t available, bool still);

  // Units free, as the log says; nothing for a sale that is not on it.
  std::optional<std::int64_t> available(const std::string& sale) const;
  // Of the sales that are looked at, those that the log has and the frontend shows.
  std::vector<std::string> sales_shown() const;
  std::int64_t records() const { return records_; }

  // At the end, once.
  AuditReport report();

 private:
  struct Sums {
    std::int64_t granted = 0;
    std::int64_t held = 0;
  };
  struct Partition {
    ledger::Fold fold;
    std::int64_t position = 0;  // of the database; without one, behind all there is
    // As it was at the position, for whoever changed since.
    bool passed = false;
    std::map<std::string, Sums, std::less<>> sums;
    boost::unordered_flat_map<ledger::PackedOrderId, ledger::Order> orders;
    // Unreadable reserves, by order: their offsets.
    std::map<ledger::PackedOrderId, std::int64_t> refused;
  };
  struct Tally {
    std::int64_t rows = 0;
    std::int64_t units_in_rows = 0;
    std::int64_t released = 0;
    std::int64_t refunds = 0;
    std::optional<std::int64_t> frontend;
    bool frontend_still = false;
  };
  struct Found {
    const Partition* partition = nullptr;
    std::int32_t index = 0;
    const ledger::Order* now = nullptr;  // null: an unreadable reserve
  };

  bool looked_at(std::string_view sale) const;
  bool at_home(std::int32_t partition, std::string_view sale) const;
  bool in_scope(std::int32_t partition) const;
  Partition& partition_at(std::int32_t index);
  static void pass_position(Partition& partition);
  void refuse(Partition& partition, std::int64_t offset, ByteView value);
  void judge(std::int32_t partition, std::int64_t offset, const ledger::Event& event,
             const ledger::Order* before, const ledger::Change& change);
  std::optional<Found> find(const ledger::PackedOrderId& id, std::string_view id_text,
                            const orders::StoredOrder& stored) const;
  void compare(const Found& found, const orders::StoredOrder& stored);
  void compare_refused(const Found& found, const orders::StoredOrder& stored);
  void no_record(const orders::StoredOrder& stored);
  const ledger::Order& at_position(const Found& found, const ledger::PackedOrderId& id) const;
  void offend(AuditInvariant& invariant, std::string_view sale, std::string_view order,
              std::string what);
  void check_ends();
  void look_for_missing_rows();
  void compare_sums(AuditReport& report);
  void count_motion(AuditMotion& motion) const;
  AuditSale sale_of(std::int32_t index, const ledger::SaleState& state) const;

  const Options options_;
  bool has_database_ = false;
  std::map<std::int32_t, Partition> partitions_;
  std::map<std::string, Tally, std::less<>> tallies_;
  boost::unordered_flat_set<ledger::PackedOrderId> rows_;
  AuditInvariants found_;  // by record() and row()
  std::int64_t records_ = 0;
  std::int64_t unreadable_ = 0;
  std::int64_t strays_ = 0;
  std::int64_t accepted_ = 0;
  std::int64_t outcomes_waiting_ = 0;
};

}  // namespace sluice::ctl
