#pragma once
// What the events of one partition mean: the stock of its sales and the state of its orders.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"
#include "shared/ledger/event.h"
#include "shared/ledger/order.h"
#include "shared/ledger/order_id.h"
#include "shared/ledger/sale_state.h"
#include "shared/wire/io.h"

namespace sluice::ledger {

// What one event did. The views are into the event that was applied.
struct Change {
  enum class Kind : std::uint8_t {
    replayed,        // an offset below next_offset(): nothing
    epoch_accepted,  // this writer owns the partition
    epoch_refused,   // not larger than the current one: its writer must not reserve
    sale_defined,    // a new sale; stock_delta is its grant
    sale_changed,    // definition replaced; stock_delta is the grant, 0 for a repeated grant_id
    sale_repeated,   // a change that has counted: nothing
    sale_refused,    // nothing, see refusal
    reserved,        // units taken
    voided,          // the reserve does not count and holds nothing; answer it with `rejected`
    repeated,        // a further reserve of a known order: takes nothing, needs no answer
    placed,
    paid,
    rejected,  // stock_delta is what was released: 0 when the order was void
    cancelled,
    expired,
    refund_due,  // paid too late: the units are gone, the money goes back
    ignored,     // an outcome of no order, of another sale, or one that changes nothing any more
  };

  Kind kind = Kind::ignored;
  std::string_view sale;
  std::string_view order;
  std::int64_t quantity = 0;     // of the order
  std::int64_t stock_delta = 0;  // change of available(sale)
  VoidReason void_reason = VoidReason::none;
  SaleRefusal refusal = SaleRefusal::none;
};

std::string_view name_of(Change::Kind kind);

// The fold of ONE partition. Pure: no clock, no I/O; the same events give the same state, and an
// event whose offset was seen changes nothing. Owned and used by one thread.
// Memory: an order takes 104 bytes in the map (16 of them its id), 120 to 240 with the map's
// slack, plus users of more than 15 bytes, the reasons of rejected orders and ids of payments. The
// partition's log bounds the number of orders and sales; nothing is forgotten but by
// forget_orders().
class Fold {
 public:
  Fold() = default;
  // Goes on from the sums alone, of a fold whose orders are kept elsewhere: see recall().
  Fold(std::int64_t next_offset, Epoch epoch, std::vector<SaleState> sales);
  Fold(Fold&&) = default;
  Fold& operator=(Fold&&) = default;

  Change apply(std::int64_t offset, const Event& event);

  // Steps over a record that is no event (unknown type, unreadable), so that next_offset() moves.
  void skip(std::int64_t offset);

  // For a reader that keeps the orders in a database. An order is recalled before an event that
  // names it is applied; one that is known already stays as it is. `order.sale` is set here, by
  // the sale's id. Error: corrupt (it holds units of a sale that is not known).
  Result<void> recall(const PackedOrderId& id, Order order, std::string_view sale,
                      std::string_view why_rejected);
  // Their rows are written: no order is known any more, and a reserved one counts as placed. What
  // the sales' sums say of them stays.
  void forget_orders();

  // The offset to read next.
  std::int64_t next_offset() const { return next_offset_; }

  // The owner of the partition: epoch 0 and no writer before the first record.
  const Epoch& epoch() const { return epoch_; }

  const std::map<std::string, SaleState*, std::less<>>& sales() const { return sales_by_id_; }
  const SaleState* find_sale(std::string_view sale) const;

  // Units free now; 0 for a sale that is not known.
  std::int64_t available(std::string_view sale) const;

  // Until the next apply(). Null when the order is not known.
  const Order* find_order(std::string_view id) const;

  // The text of its `rejected` record, or empty.
  std::string_view why_rejected(std::string_view id) const;

  // The provider's id of the payment that counted, or was the first to come too late; or empty.
  std::string_view payment_of(std::string_view id) const;

  std::size_t order_count() const { return orders_.size(); }

  // Calls visit(const PackedOrderId&, const Order&) for each order, in no order.
  template <class Visit>
  void for_each_order(Visit visit) const {
    for (const auto& [id, order] : orders_) visit(id, order);
  }

  // Recounts everything from the orders: I1 (available ≥ 0, and no reserve ever asked for more
  // than there was), I4 (released orders hold nothing, paid ones do) and the sums. The error says
  // what does not hold. Cost: one pass over all orders.
  Result<void> verify() const;

  // All of it as bytes, and back (fold_snapshot.cc). What read() returns counts when `in.ok()`.
  void write(wire::Writer& out) const;
  static Fold read(wire::Reader& in);

 private:
  struct IdHash {
    std::size_t operator()(const PackedOrderId& id) const noexcept;
  };

  Change apply_event(const Epoch& event);
  Change apply_event(const Sale& event);
  Change apply_event(const Reserve& event);
  Change apply_event(const Placed& event);
  Change apply_event(const Rejected& event);
  Change apply_event(const Paid& event);
  Change apply_event(const Cancelled& event);
  Change apply_event(const Expired& event);

  SaleRefusal judge(const Sale& event, const SaleState* before) const;
  Order* order_of(std::string_view id, std::string_view sale);
  void move(Order& order, OrderState to);
  Change release(std::string_view id, std::string_view sale, OrderState to, Change::Kind kind);
  VoidReason judge(const Reserve& event, const SaleState* sale) const;
  SaleState& add_sale(const std::string& id);
  static void count(const Order& order, SaleState& sale);
  void read_sale(wire::Reader& in);
  void read_order(wire::Reader& in);

  Epoch epoch_;
  std::int64_t next_offset_ = 0;
  std::int64_t offset_ = 0;      // of the event being applied
  std::int64_t oversold_ = 0;    // reserves voided for no_stock
  std::deque<SaleState> sales_;  // addresses are stable: orders point into it
  std::map<std::string, SaleState*, std::less<>> sales_by_id_;
  boost::unordered_flat_map<PackedOrderId, Order, IdHash> orders_;
  std::map<PackedOrderId, std::string> why_rejected_;
  std::map<PackedOrderId, std::string> payments_;
};

}  // namespace sluice::ledger
