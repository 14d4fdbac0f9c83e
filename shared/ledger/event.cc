#include "shared/ledger/event.h"

#include <algorithm>
#include <type_traits>

namespace sluice::ledger {

namespace {

template <class T>
constexpr std::string_view kTypeName = "";
template <>
constexpr std::string_view kTypeName<Epoch> = "epoch";
template <>
constexpr std::string_view kTypeName<Sale> = "sale";
template <>
constexpr std::string_view kTypeName<Reserve> = "reserve";
template <>
constexpr std::string_view kTypeName<Placed> = "placed";
template <>
constexpr std::string_view kTypeName<Rejected> = "rejected";
template <>
constexpr std::string_view kTypeName<Paid> = "paid";
template <>
constexpr std::string_view kTypeName<Cancelled> = "cancelled";
template <>
constexpr std::string_view kTypeName<Expired> = "expired";

}  // namespace

std::string_view type_of(const Event& event) {
  return std::visit([](const auto& e) { return kTypeName<std::decay_t<decltype(e)>>; }, event);
}

std::string key_of(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, Epoch>) {
          return "epoch";
        } else if constexpr (std::is_same_v<T, Sale>) {
          return "sale:" + e.sale;
        } else {
          return e.order;
        }
      },
      event);
}

std::string_view sale_of(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string_view {
        if constexpr (std::is_same_v<std::decay_t<decltype(e)>, Epoch>) {
          return {};
        } else {
          return e.sale;
        }
      },
      event);
}

bool needs_purchase_token(const Sale& sale) {
  return sale.purchase_token || sale.proof_of_work > 0;
}

bool is_sale_id(std::string_view text) {
  if (text.empty() || text.size() > kMaxSaleIdBytes) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

bool is_plain_text(std::string_view text, std::size_t max_bytes) {
  if (text.empty() || text.size() > max_bytes) return false;
  return std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

}  // namespace sluice::ledger
