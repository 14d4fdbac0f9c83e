#include "worker/order_store_columns.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "shared/base/hex.h"

namespace sluice::worker {
namespace {

constexpr std::string_view kHex = "hex:";
constexpr std::string_view kDigits = "0123456789abcdef";

std::string hex_text(ByteView bytes) {
  return std::string(kHex) + hex(bytes);
}

// Headers as lines "name=value"; a line's parts are column_text, so neither breaks the lines.
std::string headers_text(const std::vector<client::Header>& headers) {
  std::string text;
  for (const client::Header& header : headers) {
    const bool breaks = header.name.find('=') != std::string::npos;
    text += breaks ? hex_text(header.name) : column_text(header.name);
    if (header.value) text += '=' + column_text(*header.value);
    text += '\n';
  }
  return text;
}

std::vector<client::Header> headers_of(std::string_view text) {
  std::vector<client::Header> headers;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto equals = line.find('=');
    client::Header header{.name = column_bytes(std::string(line.substr(0, equals)))};
    if (equals != std::string_view::npos) {
      header.value = column_bytes(std::string(line.substr(equals + 1)));
    }
    headers.push_back(std::move(header));
  }
  return headers;
}

std::optional<Buffer> maybe_bytes(const soci::row& row, std::size_t column) {
  if (row.get_indicator(column) == soci::i_null) return std::nullopt;
  return column_bytes(row.get<std::string>(column));
}

// Numbers come as the column's declared type: BIGINT as long long, INTEGER as int.
std::int64_t number(const soci::row& row, std::size_t column) {
  if (row.get_properties(column).get_data_type() == soci::dt_integer) return row.get<int>(column);
  return row.get<long long>(column);
}

}  // namespace

std::string column_text(ByteView bytes) {
  const bool printable =
      std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (printable && !bytes.starts_with(kHex)) return std::string(bytes);
  return hex_text(bytes);
}

Buffer column_bytes(const std::string& text) {
  if (!text.starts_with(kHex) || text.size() % 2 != 0) return text;
  Buffer bytes;
  for (std::size_t i = kHex.size(); i < text.size(); i += 2) {
    const auto high = kDigits.find(text[i]);
    const auto low = kDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return text;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

OrderColumns::OrderColumns(const std::vector<OrderRow>& rows) {
  for (const OrderRow& row : rows) {
    order_id.push_back(row.order_id);
    sale.push_back(row.sale);
    user_id.push_back(row.user_id);
    quantity.push_back(row.quantity);
    unit_price.push_back(row.unit_price);
    currency.push_back(row.currency);
    state.emplace_back(ledger::name_of(row.state));
    reason.push_back(row.reason);
    reserved_at.push_back(row.reserved_at);
    deadline.push_back(row.deadline);
    placed_at.push_back(row.placed_at);
    log_partition.push_back(row.log_partition);
    log_offset.push_back(row.log_offset);
  }
}

OutboxColumns::OutboxColumns(const std::vector<OutboxRow>& rows, const std::string& source)
    : source_topic(rows.size(), source) {
  for (const OutboxRow& row : rows) {
    source_partition.push_back(row.id.partition);
    source_offset.push_back(row.id.offset);
    part.push_back(row.id.part);
    to_topic.push_back(row.topic);
    to_partition.push_back(row.partition);
    key.push_back(column_text(row.key.value_or("")));
    key_null.push_back(row.key ? soci::i_ok : soci::i_null);
    value.push_back(column_text(row.value.value_or("")));
    value_null.push_back(row.value ? soci::i_ok : soci::i_null);
    headers.push_back(headers_text(row.headers));
  }
}

DeliveryColumns::DeliveryColumns(const std::vector<orders::Delivery>& rows,
                                 const std::string& source)
    : topic(rows.size(), source) {
  for (const orders::Delivery& row : rows) {
    id.push_back(row.id);
    order_id.push_back(row.order_id);
    type.push_back(row.type);
    body.push_back(row.body);
    log_partition.push_back(row.log_partition);
    log_offset.push_back(row.log_offset);
    created_at.push_back(row.created_at);
  }
}

OrderRow order_row(const soci::row& row) {
  return {.order_id = row.get<std::string>(0),
          .sale = row.get<std::string>(1),
          .user_id = row.get<std::string>(2),
          .quantity = number(row, 3),
          .unit_price = number(row, 4),
          .currency = row.get<std::string>(5),
          .state = orders::state_named(row.get<std::string>(6)),
          .reason = row.get<std::string>(7),
          .reserved_at = number(row, 8),
          .deadline = number(row, 9),
          .placed_at = number(row, 10),
          .log_partition = static_cast<std::int32_t>(number(row, 11)),
          .log_offset = number(row, 12)};
}

Unpaid unpaid_row(const soci::row& row) {
  return {.order_id = row.get<std::string>(0),
          .sale = row.get<std::string>(1),
          .deadline = number(row, 2)};
}

OutboxRow outbox_row(const soci::row& row, std::int32_t partition) {
  return {.id = {partition, number(row, 0), static_cast<std::int32_t>(number(row, 1))},
          .topic = row.get<std::string>(2),
          .partition = static_cast<std::int32_t>(number(row, 3)),
          .key = maybe_bytes(row, 4),
          .value = maybe_bytes(row, 5),
          .headers = headers_of(row.get<std::string>(6))};
}

}  // namespace sluice::worker
