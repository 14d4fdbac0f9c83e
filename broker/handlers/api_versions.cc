#include <algorithm>
#include <string_view>

#include "broker/api_table.h"
#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

// KIP-511: letters, digits, '-' and '.', beginning and ending with a letter or digit.
bool legal_software_name(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || !alphanumeric(name.front()) || !alphanumeric(name.back())) return false;
  return std::ranges::all_of(name, [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace

Task<wire::ApiVersionsResponse> handle_api_versions(const RequestContext& context,
                                                    wire::ApiVersionsRequest request) {
  wire::ApiVersionsResponse response;
  if (context.version() >= 3 && (!legal_software_name(request.client_software_name) ||
                                 !legal_software_name(request.client_software_version))) {
    response.error_code = wire::ErrorCode::invalid_request;
    co_return response;
  }
  for (const Api& api : api_table()) {
    auto& range = response.api_keys.emplace_back();
    range.api_key = api.key;
    range.min_version = api.min_version;
    range.max_version = api.max_version;
  }
  co_return response;
}

}  // namespace sluice::broker
