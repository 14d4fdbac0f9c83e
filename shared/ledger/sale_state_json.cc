#include "shared/ledger/sale_state_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <stdexcept>
#include <utility>

#include "shared/ledger/codec.h"

namespace sluice::ledger {
namespace {

namespace json = boost::json;

Sale definition_of(const json::value& value) {
  auto event = decode(json::serialize(value));
  auto* sale = event ? std::get_if<Sale>(&*event) : nullptr;
  if (sale == nullptr) throw std::invalid_argument("its definition is no sale");
  return std::move(*sale);
}

}  // namespace

Buffer encode_sale_state(const SaleState& sale) {
  json::array grants(sale.grants.begin(), sale.grants.end());
  json::object changes;
  for (const auto& [id, request] : sale.changes) changes[id] = request;
  return json::serialize(json::object{{"definition", json::parse(encode(Event(sale.definition)))},
                                      {"granted", sale.granted},
                                      {"held", sale.held},
                                      {"orders", sale.orders},
                                      {"waiting", sale.waiting},
                                      {"revision", sale.revision},
                                      {"defined_at_offset", sale.defined_at_offset},
                                      {"grants", std::move(grants)},
                                      {"changes", std::move(changes)}});
}

Result<SaleState> decode_sale_state(ByteView text) {
  try {
    const json::value value = json::parse(json::string_view(text.data(), text.size()));
    const json::object& in = value.as_object();
    SaleState sale{.definition = definition_of(in.at("definition")),
                   .granted = in.at("granted").as_int64(),
                   .held = in.at("held").as_int64(),
                   .orders = in.at("orders").as_int64(),
                   .waiting = in.at("waiting").as_int64(),
                   .revision = in.at("revision").as_int64(),
                   .defined_at_offset = in.at("defined_at_offset").as_int64()};
    for (const json::value& grant : in.at("grants").as_array()) {
      sale.grants.emplace(grant.as_string());
    }
    for (const auto& [id, request] : in.at("changes").as_object()) {
      sale.changes.emplace(std::string(id), std::string(request.as_string()));
    }
    return sale;
  } catch (const std::exception& e) {  // of Boost.JSON, which checks each kind and name
    return fail(Code::corrupt, fmt::format("a sale's state cannot be read: {}", e.what()));
  }
}

}  // namespace sluice::ledger
