#include "shared/wire/frame.h"

#include "shared/wire/io.h"

namespace sluice::wire {

namespace {

bool flexible_request(ApiKey key, std::int16_t version) {
  return version >= flexible_from(key);
}

// KIP-511: a client must be able to read the reply to an ApiVersions version that the broker lacks.
bool flexible_response(ApiKey key, std::int16_t version) {
  return key != ApiKey::api_versions && flexible_request(key, version);
}

// No header has a tagged field that we use.
void skip_tags(Reader& from) {
  const std::uint32_t count = from.unsigned_varint();
  for (std::uint32_t i = 0; i < count && from.ok(); ++i) {
    from.unsigned_varint();
    from.take(from.unsigned_varint());
  }
}

Error bad_header(std::string_view which, const Reader& from) {
  return {Code::corrupt, std::string(which) + " header: " + std::string(from.reason())};
}

// The size prefix counts what comes after it, which is known only with the header.
void set_size_prefix(Buffer& frame, std::size_t body_size) {
  store_be(frame.data(), static_cast<std::int32_t>(frame.size() - kSizePrefixBytes + body_size));
  frame.reserve(frame.size() + body_size);
}

}  // namespace

Result<RequestFrame> decode_request_frame(ByteView frame) {
  Reader from(frame);
  RequestFrame request;
  RequestHeader& header = request.header;
  header.api_key = static_cast<ApiKey>(from.integer<std::int16_t>());
  header.api_version = from.integer<std::int16_t>();
  header.correlation_id = from.integer<std::int32_t>();
  // Classic even in header v2, so that a broker can read it before it knows the version.
  if (const auto id = from.nullable_string(Form::classic)) header.client_id.emplace(*id);
  if (flexible_request(header.api_key, header.api_version)) skip_tags(from);
  if (!from.ok()) return std::unexpected(bad_header("request", from));
  request.body = from.take(from.remaining());
  return request;
}

Result<ResponseFrame> decode_response_frame(ByteView frame, ApiKey key, std::int16_t version) {
  Reader from(frame);
  ResponseFrame response;
  response.correlation_id = from.integer<std::int32_t>();
  if (flexible_response(key, version)) skip_tags(from);
  if (!from.ok()) return std::unexpected(bad_header("response", from));
  response.body = from.take(from.remaining());
  return response;
}

Buffer begin_response(ApiKey key, std::int16_t version, std::int32_t correlation_id,
                      std::size_t body_size) {
  Buffer frame(kSizePrefixBytes, '\0');
  Writer to{BufferSink(frame)};
  to.integer(correlation_id);
  if (flexible_response(key, version)) to.unsigned_varint(0);
  set_size_prefix(frame, body_size);
  return frame;
}

std::vector<ByteView> GatheredFrame::parts() const {
  std::vector<ByteView> parts;
  std::size_t from = 0;
  for (const auto& splice : splices) {
    if (splice.at > from) parts.push_back(ByteView(bytes).substr(from, splice.at - from));
    parts.push_back(splice.slice.bytes);
    from = splice.at;
  }
  if (from < bytes.size()) parts.push_back(ByteView(bytes).substr(from));
  return parts;
}

Buffer begin_request(const RequestHeader& header, std::size_t body_size) {
  Buffer frame(kSizePrefixBytes, '\0');
  Writer to{BufferSink(frame)};
  to.integer(static_cast<std::int16_t>(header.api_key));
  to.integer(header.api_version);
  to.integer(header.correlation_id);
  if (header.client_id) {
    to.string(*header.client_id, Form::classic);
  } else {
    to.null_string(Form::classic);
  }
  if (flexible_request(header.api_key, header.api_version)) to.unsigned_varint(0);
  set_size_prefix(frame, body_size);
  return frame;
}

}  // namespace sluice::wire
