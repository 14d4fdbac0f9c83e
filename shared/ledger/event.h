#pragma once
// The facts of a sale and of an order, as plain values. What they mean together is in fold.h, how
// they look on the log in codec.h.
//
// Money is an integer of the currency's minor unit; times are Unix milliseconds; an order id is 26
// lower-case base32 characters (order_id.h). The limits below hold for every decoded event.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::ledger {

// Limits on what a record may carry: a fold keeps ids and users in memory for every order.
inline constexpr std::size_t kMaxSaleIdBytes = 64;
inline constexpr std::size_t kMaxUserBytes = 128;
inline constexpr std::size_t kMaxKeyBytes = 255;
inline constexpr std::size_t kMaxTitleBytes = 256;
inline constexpr std::size_t kMaxCurrencyBytes = 8;
inline constexpr std::size_t kMaxWriterBytes = 64;
inline constexpr std::size_t kMaxGrantIdBytes = 64;
inline constexpr std::size_t kMaxChangeBytes = 64;
inline constexpr std::size_t kMaxRequestBytes = 64;
inline constexpr std::size_t kMaxPaymentBytes = 128;
inline constexpr std::size_t kMaxWhyBytes = 512;
inline constexpr std::int64_t kMaxUnits = 1'000'000'000;          // of one grant or one reserve
inline constexpr std::int64_t kMaxPrice = 1'000'000'000'000'000;  // minor units
inline constexpr std::int64_t kMaxTime = 253'402'300'799'999;     // the end of the year 9999
inline constexpr std::int64_t kMaxWindowMs = 366LL * 86'400'000;  // a payment window of a year
inline constexpr std::int64_t kMaxProofOfWork = 28;  // bits; a computer works some minutes on it
inline constexpr std::int64_t kMaxWaitingRoomRate = 100'000;  // buyers a second

// A frontend took over the partition: reserves of smaller epochs that follow are void.
struct Epoch {
  std::int64_t epoch = 0;  // > 0; the largest so far owns the partition
  std::string writer;      // random id of the process, so that an equal number is noticed

  friend bool operator==(const Epoch&, const Epoch&) = default;
};

// Defines a sale, or replaces its definition, and grants units to it.
struct Sale {
  std::string sale;
  std::string title;
  std::int64_t stock = 0;            // units that this record adds
  std::string grant_id = "initial";  // a grant counts once per id, so that a repeated record adds 0
  std::int64_t unit_price = 0;
  std::string currency;
  std::int64_t per_user_limit = 1;
  std::optional<std::int64_t> starts_at;
  std::optional<std::int64_t> ends_at;
  std::int64_t payment_window_ms = 0;  // 0: no deadline
  bool purchase_token = false;         // an order needs one, see needs_purchase_token
  std::int64_t proof_of_work = 0;      // bits of work for a purchase token; 0: none
  std::int64_t waiting_room_rate = 0;  // buyers let in a second; 0: there is no waiting room
  bool draft = false;
  bool paused = false;
  bool closed = false;
  std::int64_t epoch = 0;  // of the frontend that wrote it; 0: of before these were judged
  std::string change;      // a change counts once per id, so that it can be asked for again
  std::string request;     // digest of what was asked for under that id

  friend bool operator==(const Sale&, const Sale&) = default;
};

// Units are taken for an order.
struct Reserve {
  std::string order;
  std::string sale;
  std::string user;
  std::int64_t quantity = 1;
  std::int64_t unit_price = 0;
  std::string currency;
  std::string key;  // the Idempotency-Key, or the slot, that the order id was made from
  std::int64_t reserved_at = 0;
  std::int64_t deadline = 0;  // payment is due; 0: never
  std::int64_t epoch = 0;     // of the frontend that took the units

  friend bool operator==(const Reserve&, const Reserve&) = default;
};

// The order's row exists.
struct Placed {
  std::string order;
  std::string sale;

  friend bool operator==(const Placed&, const Placed&) = default;
};

// The order can't be carried out; its units are free again.
struct Rejected {
  std::string order;
  std::string sale;
  std::string why;

  friend bool operator==(const Rejected&, const Rejected&) = default;
};

struct Paid {
  std::string order;
  std::string sale;
  std::string payment;  // the provider's id of it; may be empty
  std::int64_t amount = 0;

  friend bool operator==(const Paid&, const Paid&) = default;
};

// Called off before it was paid; its units are free again.
struct Cancelled {
  std::string order;
  std::string sale;

  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};

// Not paid in time; its units are free again.
struct Expired {
  std::string order;
  std::string sale;

  friend bool operator==(const Expired&, const Expired&) = default;
};

using Event = std::variant<Epoch, Sale, Reserve, Placed, Rejected, Paid, Cancelled, Expired>;

// "epoch", "sale", "reserve", …: the event's `type` on the log.
std::string_view type_of(const Event& event);

// Whether an order of the sale needs a purchase token, which says that its user came after the
// start and did the work that is asked for.
bool needs_purchase_token(const Sale& sale);

// The record key: the order's id, `sale:<id>` or `epoch`.
std::string key_of(const Event& event);

// The sale that the event is about; empty for an epoch.
std::string_view sale_of(const Event& event);

// A sale's id is 1 to kMaxSaleIdBytes of A-Z a-z 0-9 . _ - : it stands in URLs and record keys.
bool is_sale_id(std::string_view text);

// A user or key is 1 to `max_bytes` of UTF-8 without control characters (the UTF-8 is checked by
// whoever parses it).
bool is_plain_text(std::string_view text, std::size_t max_bytes);

}  // namespace sluice::ledger
