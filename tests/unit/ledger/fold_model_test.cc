// The fold against a naive model, over random histories: sets of ids and the formula
// available = Σ grants − Σ reserves + Σ releases, counted anew after each event.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/random.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/fold_snapshot.h"

namespace sluice::ledger {

namespace {

// Most histories are short, so that there are many; some are long.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kHistories = 20'000;
#else
constexpr int kHistories = 200'000;
#endif
constexpr int kLongEvery = 50;
constexpr std::uint64_t kShort = 10;
constexpr std::uint64_t kLong = 60;
constexpr int kOrders = 4;
const std::string kSales[] = {"a", "b", "c"};

std::string sale_name(std::uint64_t order) {
  return kSales[order % 2];
}  // nobody orders from c

const std::string& id_of(std::uint64_t order) {
  static const std::vector<std::string> ids = [] {
    std::vector<std::string> made;
    for (int i = 0; i < kOrders; ++i) made.push_back(order_id("s", std::to_string(i), "k"));
    return made;
  }();
  return ids[order];
}

struct Model {
  std::int64_t epoch = 0;
  std::set<std::string> known;
  std::map<std::pair<std::string, std::string>, std::int64_t> grants;
  std::map<std::string, Reserve> reserved;  // valid ones
  std::set<std::string> voided, placed, paid, released, refunds, answered;
  bool oversold = false;
  // Of the newest record of a sale that counted; none: judged by nobody.
  std::map<std::string, Sale> definitions;
  std::set<std::pair<std::string, std::string>> changes;

  std::int64_t available(const std::string& sale) const {
    std::int64_t sum = 0;
    for (const auto& [grant, units] : grants) sum += grant.first == sale ? units : 0;
    for (const auto& [id, reserve] : reserved) {
      if (reserve.sale == sale && !released.contains(id)) sum -= reserve.quantity;
    }
    return sum;
  }

  void add(const Event& event) {
    if (const auto* e = std::get_if<Epoch>(&event)) {
      epoch = std::max(epoch, e->epoch);
    } else if (const auto* s = std::get_if<Sale>(&event)) {
      sale(*s);
    } else if (const auto* r = std::get_if<Reserve>(&event)) {
      reserve(*r);
    } else if (const auto* p = std::get_if<Placed>(&event)) {
      const bool open =
          reserved.contains(p->order) && !paid.contains(p->order) && !released.contains(p->order);
      if (open) placed.insert(p->order);
    } else if (const auto* m = std::get_if<Paid>(&event)) {
      if (voided.contains(m->order) || released.contains(m->order)) {
        refunds.insert(m->order);
      } else if (reserved.contains(m->order)) {
        paid.insert(m->order);
      }
    } else {
      const std::string id = key_of(event);
      if (reserved.contains(id) && !paid.contains(id)) released.insert(id);
      if (voided.contains(id) && type_of(event) == "rejected") answered.insert(id);
    }
  }

  void sale(const Sale& s) {
    const auto before = definitions.find(s.sale);
    const bool closed = before != definitions.end() && before->second.closed;
    const bool final = closed && (s.epoch > 0 || before->second.epoch > 0);
    if (final || changes.contains({s.sale, s.change})) return;
    if (s.epoch > 0) {
      if (s.epoch != epoch) return;
      if (s.draft && before != definitions.end() && !before->second.draft) return;
    }
    if (!s.change.empty()) changes.insert({s.sale, s.change});
    known.insert(s.sale);
    definitions[s.sale] = s;
    if (s.stock > 0) grants.emplace(std::pair(s.sale, s.grant_id), s.stock);
  }

  // Times 10 to 20 are the sale's, when it has any.
  bool takes_orders(const std::string& sale, std::int64_t at) const {
    const auto found = definitions.find(sale);
    if (found == definitions.end() || found->second.epoch == 0) return true;
    const Sale& s = found->second;
    return !s.draft && !s.paused && !s.closed && (!s.starts_at || (at >= 10 && at < 20));
  }

  std::int64_t waiting(const std::string& sale) const {
    std::int64_t sum = 0;
    for (const auto& [id, reserve] : reserved) {
      const bool over = paid.contains(id) || released.contains(id) ||
                        (placed.contains(id) && reserve.deadline == 0);
      sum += reserve.sale == sale && !over ? 1 : 0;
    }
    return sum;
  }

  void reserve(const Reserve& r) {
    if (reserved.contains(r.order) || voided.contains(r.order)) return;
    const bool enough = r.quantity <= available(r.sale);
    const bool good = epoch > 0 && r.epoch == epoch && known.contains(r.sale) &&
                      takes_orders(r.sale, r.reserved_at);
    if (good && !enough) oversold = true;
    if (good && enough) {
      reserved.emplace(r.order, r);
    } else {
      voided.insert(r.order);
    }
  }
};

Sale random_sale(Random& random, std::int64_t epoch) {
  Sale sale{.sale = kSales[random.below(3)],
            .stock = static_cast<std::int64_t>(random.below(5)),
            .grant_id = std::to_string(random.below(3))};
  if (random.below(2) == 0) return sale;
  if (random.below(4) == 0) {
    sale.starts_at = 10;
    sale.ends_at = 20;
  }
  sale.draft = random.below(8) == 0;
  sale.paused = random.below(4) == 0;
  sale.closed = random.below(8) == 0;
  sale.epoch = epoch - (random.below(8) == 0 ? 1 : 0);
  sale.change = std::to_string(random.below(6));
  return sale;
}

Event random_event(Random& random, std::int64_t epoch) {
  const std::uint64_t order = random.below(kOrders);
  const std::string& id = id_of(order);
  const std::string sale = sale_name(order);
  switch (random.below(12)) {
    case 0:
      return Epoch{.epoch = epoch + static_cast<std::int64_t>(random.below(3)), .writer = "w"};
    case 1:
    case 2:
      return random_sale(random, epoch);
    case 3:
    case 4:
    case 5:
    case 6:
      return Reserve{.order = id,
                     .sale = sale,
                     .user = "u",
                     .quantity = static_cast<std::int64_t>(1 + random.below(2)),
                     .reserved_at = static_cast<std::int64_t>(8 + random.below(14)),
                     .deadline = random.below(2) == 0 ? 0 : 1'000,
                     .epoch = epoch - (random.below(8) == 0 ? 1 : 0)};
    case 7:
      return Placed{.order = id, .sale = sale};
    case 8:
      return Rejected{.order = id, .sale = sale, .why = "w"};
    case 9:
      return Paid{.order = id, .sale = sale};
    case 10:
      return Cancelled{.order = id, .sale = sale};
    default:
      return Expired{.order = id, .sale = sale};
  }
}

std::vector<Event> random_history(Random& random, std::uint64_t length) {
  std::vector<Event> history;
  if (random.below(4) != 0) {
    history.push_back(Epoch{.epoch = 1, .writer = "w"});
    history.push_back(Sale{.sale = "a", .stock = 3, .grant_id = "0"});
    history.push_back(Sale{.sale = "b", .stock = 2, .grant_id = "0"});
  }
  std::int64_t epoch = 1;
  for (std::uint64_t n = random.below(length); n-- > 0;) {
    history.push_back(random_event(random, epoch));
    if (const auto* e = std::get_if<Epoch>(&history.back())) epoch = std::max(epoch, e->epoch);
  }
  return history;
}

std::string describe(const Fold& fold) {
  std::string text = std::to_string(fold.epoch().epoch);
  for (const auto& [id, sale] : fold.sales())
    text += " " + id + "=" + std::to_string(sale->available());
  for (int i = 0; i < kOrders; ++i) {
    const Order* order = fold.find_order(id_of(static_cast<std::uint64_t>(i)));
    text += order == nullptr ? " -" : " " + std::string(name_of(order->state));
    if (order != nullptr && order->refund_due) text += "!";
  }
  return text;
}

std::string describe(const Model& model) {
  std::string text = std::to_string(model.epoch);
  for (const auto& sale : model.known)
    text += " " + sale + "=" + std::to_string(model.available(sale));
  for (int i = 0; i < kOrders; ++i) {
    const std::string& id = id_of(static_cast<std::uint64_t>(i));
    std::string state = "-";
    if (model.reserved.contains(id)) state = model.placed.contains(id) ? "placed" : "reserved";
    if (model.voided.contains(id)) state = model.answered.contains(id) ? "rejected" : "voided";
    if (model.paid.contains(id)) state = "paid";
    if (model.released.contains(id)) state = "released";
    text += " " + state;
    if (model.refunds.contains(id)) text += "!";
  }
  return text;
}

// The model does not tell which release came first; the table tests do.
std::string without_release_kinds(std::string text, const Model& model) {
  std::string result;
  std::size_t at = 0;
  int field = -1 - static_cast<int>(model.known.size());
  while (at <= text.size()) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    std::string word = text.substr(at, space - at);
    if (field >= 0 && model.released.contains(id_of(static_cast<std::uint64_t>(field)))) {
      const bool refund = word.ends_with('!');
      if (word.starts_with("rejected") || word.starts_with("cancelled") ||
          word.starts_with("expired")) {
        word = refund ? "released!" : "released";
      }
    }
    result += (result.empty() ? "" : " ") + word;
    at = space + 1;
    ++field;
  }
  return result;
}

// As after a restart.
Fold through_snapshot(Fold fold) {
  FoldedLog log{.fold = std::move(fold)};
  log.seam.offset = log.fold.next_offset() - 1;
  auto decoded = decode_snapshot(encode_snapshot(log));
  if (!decoded) FAIL(decoded.error().context);
  return std::move(decoded->fold);
}

// One history: against the model at each prefix, then replayed, doubled and continued from a
// snapshot.
void check_history(const std::vector<Event>& history, Random& random) {
  Fold fold;
  Fold replayed;
  Fold doubled;
  Fold continued;
  Model model;
  std::map<std::string, std::int64_t> stock;
  const std::size_t again_at = random.below(history.size() + 1);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < history.size(); ++i, ++offset) {
    const Change change = fold.apply(offset, history[i]);
    model.add(history[i]);
    stock[std::string(change.sale)] += change.stock_delta;
    const std::string sale(change.sale);
    if (fold.available(sale) < 0) FAIL("I1 is broken");
    if (fold.available(sale) != stock[sale]) FAIL("stock_delta does not add up");
    if (fold.available(sale) != model.available(sale)) FAIL("the model has other stock");
    const SaleState* state = fold.find_sale(sale);
    if (state != nullptr && state->waiting != model.waiting(sale)) FAIL("other orders wait");
    static_cast<void>(replayed.apply(offset, history[i]));
    const Change same = continued.apply(offset, history[i]);
    if (same.kind != change.kind || same.stock_delta != change.stock_delta) FAIL("not continued");
    if (i == again_at) {
      continued = through_snapshot(std::move(continued));
      for (std::size_t k = 0; k <= i; ++k) {
        const auto repeat = replayed.apply(static_cast<std::int64_t>(k), history[k]);
        if (repeat.kind != Change::Kind::replayed) FAIL("a seen offset was applied");
      }
    }
    static_cast<void>(doubled.apply(2 * offset, history[i]));
    if (doubled.apply(2 * offset + 1, history[i]).stock_delta != 0) FAIL("a duplicate counted");
  }
  const std::string state = describe(fold);
  REQUIRE(without_release_kinds(state, model) == describe(model));
  REQUIRE(describe(replayed) == state);
  REQUIRE(describe(doubled) == state);
  REQUIRE(describe(continued) == state);
  REQUIRE(fold.verify().has_value() == !model.oversold);
  REQUIRE(continued.verify().has_value() == !model.oversold);
}

}  // namespace

TEST_CASE("random histories agree with the naive model") {
  for (int seed = 0; seed < kHistories; ++seed) {
    SeededRandom random(static_cast<std::uint64_t>(seed));
    CAPTURE(seed);
    const std::vector<Event> history =
        random_history(random, seed % kLongEvery == 0 ? kLong : kShort);
    if (!history.empty()) check_history(history, random);
  }
}

}  // namespace sluice::ledger
