#include "shared/ledger/fold_snapshot.h"

#include <fmt/format.h>

#include <limits>
#include <unordered_map>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "shared/ledger/codec.h"

namespace sluice::ledger {
namespace {

using wire::Form;
using wire::Reader;
using wire::Writer;

constexpr ByteView kMagic = "SLUICEFS";
// One more with each change of the format, and of what the fold makes of a record: a snapshot of
// before says what an older program understood.
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kDigestBytes = sizeof(std::uint64_t);
constexpr std::size_t kOrderBytes = 80;  // a guess for the buffer's size

void write_text(Writer& out, std::string_view text) {
  out.string(text, Form::compact);
}

std::string read_text(Reader& in) {
  return std::string(in.nullable_string(Form::compact).value_or(ByteView()));
}

std::size_t read_count(Reader& in) {
  return in.nullable_count(Form::compact).value_or(0);
}

void write_id(Writer& out, const PackedOrderId& id) {
  out.raw({reinterpret_cast<const char*>(id.data()), id.size()});
}

PackedOrderId read_id(Reader& in) {
  PackedOrderId id{};
  const ByteView bytes = in.take(id.size());
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

void write_texts(Writer& out, const std::map<PackedOrderId, std::string>& texts) {
  out.length(texts.size(), Form::compact);
  for (const auto& [id, text] : texts) {
    write_id(out, id);
    write_text(out, text);
  }
}

std::map<PackedOrderId, std::string> read_texts(Reader& in) {
  std::map<PackedOrderId, std::string> texts;
  for (std::size_t left = read_count(in); left > 0 && in.ok(); --left) {
    const PackedOrderId id = read_id(in);
    texts.emplace_hint(texts.end(), id, read_text(in));
  }
  return texts;
}

// Its held, orders and waiting follow from the orders.
void write_sale(Writer& out, const SaleState& sale) {
  write_text(out, encode(Event(sale.definition)));
  out.varint(sale.granted);
  out.varint(sale.revision);
  out.varint(sale.defined_at_offset);
  out.length(sale.grants.size(), Form::compact);
  for (const auto& id : sale.grants) write_text(out, id);
  out.length(sale.changes.size(), Form::compact);
  for (const auto& [id, request] : sale.changes) {
    write_text(out, id);
    write_text(out, request);
  }
}

void write_order(Writer& out, const PackedOrderId& id, const Order& order, std::uint64_t sale) {
  write_id(out, id);
  out.unsigned_varint(sale);
  write_text(out, order.user);
  out.varint(order.unit_price);
  out.varint(order.reserved_at);
  out.varint(order.deadline);
  out.varint(order.offset);
  out.varint(order.changed);
  out.varint(order.quantity);
  out.integer(static_cast<std::uint8_t>(order.state));
  out.integer(static_cast<std::uint8_t>(order.void_reason));
  out.boolean(order.refund_due);
}

template <class Enum>
Enum read_enum(Reader& in, Enum last) {
  const auto value = in.integer<std::uint8_t>();
  if (value > static_cast<std::uint8_t>(last)) in.fail("a state is not known");
  return static_cast<Enum>(value);
}

// An order that counts has a sale, and one that is void holds nothing.
bool is_sound(const Order& order) {
  if (order.void_reason == VoidReason::none) {
    return order.sale != nullptr && order.state != OrderState::voided && order.quantity > 0;
  }
  return order.state == OrderState::voided || order.state == OrderState::rejected;
}

std::uint64_t digest_of(ByteView bytes, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace

Seam seam_at(std::int64_t offset, std::optional<ByteView> key, std::optional<ByteView> value) {
  return {.offset = offset,
          .digest = digest_of(value.value_or(ByteView()), digest_of(key.value_or(ByteView())))};
}

void Fold::write(Writer& out) const {
  out.varint(next_offset_);
  out.varint(epoch_.epoch);
  write_text(out, epoch_.writer);
  out.varint(oversold_);
  std::unordered_map<const SaleState*, std::uint64_t> numbers{{nullptr, 0}};
  out.length(sales_.size(), Form::compact);
  for (const SaleState& sale : sales_) {
    write_sale(out, sale);
    numbers.emplace(&sale, numbers.size());
  }
  out.length(orders_.size(), Form::compact);
  for (const auto& [id, order] : orders_) write_order(out, id, order, numbers.at(order.sale));
  write_texts(out, why_rejected_);
  write_texts(out, payments_);
}

Fold Fold::read(Reader& in) {
  Fold fold;
  fold.next_offset_ = in.varlong();
  fold.epoch_.epoch = in.varlong();
  fold.epoch_.writer = read_text(in);
  fold.oversold_ = in.varlong();
  for (std::size_t left = read_count(in); left > 0 && in.ok(); --left) fold.read_sale(in);
  const std::size_t orders = read_count(in);
  fold.orders_.reserve(orders);
  for (std::size_t left = orders; left > 0 && in.ok(); --left) fold.read_order(in);
  fold.why_rejected_ = read_texts(in);
  fold.payments_ = read_texts(in);
  return fold;
}

void Fold::read_sale(Reader& in) {
  auto event = decode(read_text(in));
  auto* definition = event ? std::get_if<Sale>(&*event) : nullptr;
  if (definition == nullptr) return in.fail("a sale cannot be read");
  SaleState& sale = add_sale(definition->sale);
  sale.definition = std::move(*definition);
  sale.granted = in.varlong();
  sale.revision = in.varlong();
  sale.defined_at_offset = in.varlong();
  for (std::size_t left = read_count(in); left > 0 && in.ok(); --left) {
    sale.grants.insert(read_text(in));
  }
  for (std::size_t left = read_count(in); left > 0 && in.ok(); --left) {
    std::string id = read_text(in);
    sale.changes.emplace(std::move(id), read_text(in));
  }
}

void Fold::read_order(Reader& in) {
  Order& order = orders_[read_id(in)];
  const std::uint32_t number = in.unsigned_varint();
  if (number > sales_.size()) return in.fail("an order is of no sale");
  SaleState* sale = number == 0 ? nullptr : &sales_[number - 1];
  order.sale = sale;
  order.user = read_text(in);
  order.unit_price = in.varlong();
  order.reserved_at = in.varlong();
  order.deadline = in.varlong();
  order.offset = in.varlong();
  order.changed = in.varlong();
  order.quantity = in.varint();
  order.state = read_enum(in, OrderState::voided);
  order.void_reason = read_enum(in, VoidReason::malformed);
  order.refund_due = in.boolean();
  if (!in.ok()) return;
  if (!is_sound(order)) return in.fail("an order contradicts itself");
  if (order.void_reason == VoidReason::none) count(order, *sale);
}

Buffer encode_snapshot(const FoldedLog& log) {
  Buffer bytes;
  bytes.reserve(kOrderBytes * log.fold.order_count());
  Writer out{wire::BufferSink(bytes)};
  out.raw(kMagic);
  out.integer(kVersion);
  out.varint(log.seam.offset);
  out.integer(log.seam.digest);
  out.length(log.sales_elsewhere.size(), Form::compact);
  for (const auto& sale : log.sales_elsewhere) write_text(out, sale);
  log.fold.write(out);
  out.integer(digest_of(bytes));
  return bytes;
}

Result<FoldedLog> decode_snapshot(ByteView bytes) {
  if (!bytes.starts_with(kMagic) ||
      bytes.size() < kMagic.size() + sizeof(kVersion) + kDigestBytes) {
    return fail(Code::corrupt, "it is no snapshot, or was cut short");
  }
  const ByteView content = bytes.substr(0, bytes.size() - kDigestBytes);
  Reader in(content.substr(kMagic.size()));
  if (const auto version = in.integer<std::uint32_t>(); version != kVersion) {
    return fail(Code::corrupt, fmt::format("it has version {}, not {}", version, kVersion));
  }
  if (load_be<std::uint64_t>(bytes.data() + content.size()) != digest_of(content)) {
    return fail(Code::corrupt, "its checksum is wrong");
  }
  FoldedLog log;
  log.seam.offset = in.varlong();
  log.seam.digest = in.integer<std::uint64_t>();
  for (std::size_t left = read_count(in); left > 0 && in.ok(); --left) {
    log.sales_elsewhere.insert(read_text(in));
  }
  log.fold = Fold::read(in);
  if (!in.ok()) return fail(Code::corrupt, std::string(in.reason()));
  if (!in.finished()) return fail(Code::corrupt, "bytes are left over");
  if (log.fold.next_offset() != log.seam.offset + 1) {
    return fail(Code::corrupt, "it does not say which record it ends with");
  }
  log.at_seam = log.seam.offset >= 0;
  return log;
}

}  // namespace sluice::ledger
