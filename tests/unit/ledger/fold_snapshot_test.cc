#include "shared/ledger/fold_snapshot.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "shared/ledger/codec.h"

namespace sluice::ledger {

namespace {

const std::string kPaid = order_id("phone", "ann", "a");
const std::string kVoid = order_id("phone", "bob", "b");
const std::string kRejected = order_id("phone", "cid", "c");
const std::string kLate = order_id("phone", "dan", "d");
const std::string kStray = order_id("none", "eve", "e");

Reserve reserve(const std::string& order, std::string user, std::int64_t quantity = 1) {
  return {.order = order,
          .sale = "phone",
          .user = std::move(user),
          .quantity = quantity,
          .unit_price = 599'900,
          .currency = "CNY",
          .key = "k",
          .reserved_at = 1'700'000'000'123,
          .deadline = 1'700'000'900'123,
          .epoch = 7};
}

// Every field of the format holds something.
FoldedLog full_log() {
  FoldedLog log;
  std::int64_t offset = 40;
  const auto add = [&](const Event& event) {
    static_cast<void>(log.fold.apply(offset, event));
    log.seam = seam_at(offset++, key_of(event), encode(event));
  };
  add(Epoch{.epoch = 7, .writer = "writer"});
  add(Sale{.sale = "phone",
           .title = "手机",
           .stock = 5,
           .grant_id = "g1",
           .unit_price = 599'900,
           .currency = "CNY",
           .starts_at = 1'600'000'000'000,
           .payment_window_ms = 900'000,
           .epoch = 7,
           .change = "c1",
           .request = "digest"});
  add(reserve(kPaid, "ann", 2));
  add(Placed{.order = kPaid, .sale = "phone"});
  add(Paid{.order = kPaid, .sale = "phone", .payment = "p-1", .amount = 1'199'800});
  add(reserve(kVoid, "bob", 4));
  add(reserve(kRejected, "cid"));
  add(Rejected{.order = kRejected, .sale = "phone", .why = "no such street"});
  add(reserve(kLate, "a user whose name takes more than fifteen bytes"));
  add(Expired{.order = kLate, .sale = "phone"});
  add(Paid{.order = kLate, .sale = "phone", .payment = "p-2"});
  Reserve stray = reserve(kStray, "eve");
  stray.sale = "none";
  add(stray);
  log.sales_elsewhere = {"books", "shoes"};
  return log;
}

void check_same(const Order& a, const Order& b) {
  CHECK(a.user == b.user);
  CHECK(a.unit_price == b.unit_price);
  CHECK(a.reserved_at == b.reserved_at);
  CHECK(a.deadline == b.deadline);
  CHECK(a.offset == b.offset);
  CHECK(a.changed == b.changed);
  CHECK(a.quantity == b.quantity);
  CHECK(a.state == b.state);
  CHECK(a.void_reason == b.void_reason);
  CHECK(a.refund_due == b.refund_due);
  CHECK((a.sale == nullptr) == (b.sale == nullptr));
}

}  // namespace

TEST_CASE("a snapshot brings everything back") {
  const FoldedLog log = full_log();
  auto decoded = decode_snapshot(encode_snapshot(log));
  REQUIRE(decoded);
  const Fold& fold = decoded->fold;
  CHECK(decoded->seam == log.seam);
  CHECK(decoded->sales_elsewhere == log.sales_elsewhere);
  CHECK(fold.next_offset() == log.fold.next_offset());
  CHECK(fold.epoch() == log.fold.epoch());
  REQUIRE(fold.order_count() == 5);
  for (const auto& id : {kPaid, kVoid, kRejected, kLate, kStray}) {
    CAPTURE(id);
    check_same(*fold.find_order(id), *log.fold.find_order(id));
    CHECK(fold.why_rejected(id) == log.fold.why_rejected(id));
    CHECK(fold.payment_of(id) == log.fold.payment_of(id));
  }
  const SaleState& sale = *fold.find_sale("phone");
  const SaleState& before = *log.fold.find_sale("phone");
  CHECK(sale.definition == before.definition);
  CHECK(sale.granted == before.granted);
  CHECK(sale.held == before.held);
  CHECK(sale.orders == before.orders);
  CHECK(sale.waiting == before.waiting);
  CHECK(sale.revision == before.revision);
  CHECK(sale.defined_at_offset == before.defined_at_offset);
  CHECK(sale.grants == before.grants);
  CHECK(sale.changes == before.changes);
  // The void order asked for more than there was, which is still known.
  CHECK_FALSE(fold.verify());
  CHECK_FALSE(log.fold.verify());
}

TEST_CASE("nothing read is a snapshot as well") {
  const auto decoded = decode_snapshot(encode_snapshot(FoldedLog()));
  REQUIRE(decoded);
  CHECK(decoded->fold.next_offset() == 0);
  CHECK(decoded->seam == Seam());
}

TEST_CASE("a damaged snapshot is refused, wherever it is damaged or cut") {
  const Buffer good = encode_snapshot(full_log());
  for (std::size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    Buffer bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    CHECK_FALSE(decode_snapshot(bad));
    CHECK_FALSE(decode_snapshot(ByteView(good).substr(0, at)));
  }
  CHECK_FALSE(decode_snapshot(good + '\0'));
}

TEST_CASE("a snapshot of another version says so") {
  Buffer other = encode_snapshot(FoldedLog());
  other[11] = 9;
  const auto decoded = decode_snapshot(other);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().context == "it has version 9, not 2");
}

TEST_CASE("a snapshot that does not end where its fold does is refused") {
  FoldedLog log = full_log();
  --log.seam.offset;
  CHECK_FALSE(decode_snapshot(encode_snapshot(log)));
}

TEST_CASE("a seam tells records apart by place, key and value") {
  const Seam seam = seam_at(5, "key", "value");
  CHECK(seam == seam_at(5, "key", "value"));
  CHECK_FALSE(seam == seam_at(6, "key", "value"));
  CHECK_FALSE(seam == seam_at(5, "kez", "value"));
  CHECK_FALSE(seam == seam_at(5, "key", "valuf"));
  CHECK_FALSE(seam == seam_at(5, "keyv", "alue"));
}

}  // namespace sluice::ledger
