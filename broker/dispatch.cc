#include "broker/dispatch.h"

#include <utility>

#include <fmt/format.h>

#include "broker/api_table.h"
#include "shared/wire/frame.h"
#include "shared/wire/messages/api_versions.h"

namespace sluice::broker {
namespace {

Task<Reply> closing(std::string reason) {
  co_return Reply{{}, std::move(reason)};
}

// A client newer than this broker asks in a version whose body we cannot read; the answer is in
// version 0 and names the range, so that it can ask again (KIP-511).
Task<Reply> unsupported_api_versions(const wire::RequestHeader& header) {
  wire::ApiVersionsResponse response;
  response.error_code = wire::ErrorCode::unsupported_version;
  const Api* api = find_api(wire::ApiKey::api_versions);
  auto& range = response.api_keys.emplace_back();
  range.api_key = api->key;
  range.min_version = api->min_version;
  range.max_version = api->max_version;
  co_return Reply{wire::GatheredFrame(wire::encode_response(0, header.correlation_id, response)),
                  {}};
}

}  // namespace

Task<Reply> dispatch(Broker& broker, std::string client_host, Buffer frame) {
  auto parsed = wire::decode_request_frame(frame);
  if (!parsed) return closing(std::move(parsed.error().context));
  const wire::RequestHeader& header = parsed->header;
  const Api* api = find_api(header.api_key);
  if (api == nullptr) {
    return closing(fmt::format("unknown API key {}", std::to_underlying(header.api_key)));
  }
  if (header.api_version < api->min_accepted || header.api_version > api->max_version) {
    if (header.api_key == wire::ApiKey::api_versions) return unsupported_api_versions(header);
    return closing(fmt::format("{} version {} is not supported, only {} to {}",
                               wire::name_of(header.api_key), header.api_version, api->min_accepted,
                               api->max_version));
  }
  // An offset, not a view: a short frame moves its bytes with it.
  const auto body_at = static_cast<std::size_t>(parsed->body.data() - frame.data());
  return api->serve(RequestContext{broker, std::move(parsed->header), std::move(client_host)},
                    std::move(frame), body_at);
}

}  // namespace sluice::broker
