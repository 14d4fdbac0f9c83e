#pragma once
// What stands around a message: the int32 size, then the request or response header.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/wire/api_key.h"
#include "shared/wire/codec.h"
#include "shared/wire/io.h"

namespace sluice::wire {

inline constexpr std::size_t kSizePrefixBytes = 4;

struct RequestHeader {
  ApiKey api_key = ApiKey::produce;
  std::int16_t api_version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};

struct RequestFrame {
  RequestHeader header;
  ByteView body;  // inside the frame that was decoded
};

struct ResponseFrame {
  std::int32_t correlation_id = 0;
  ByteView body;  // inside the frame that was decoded
};

// `frame` is what follows the size prefix. Error: Code::corrupt. The header's form follows from the
// API: v2 (with tags) where the request is flexible, else v1. A key that we do not know is read as
// v1, so that the caller can name it before it closes the connection.
Result<RequestFrame> decode_request_frame(ByteView frame);

// The client's side.
Result<ResponseFrame> decode_response_frame(ByteView frame, ApiKey key, std::int16_t version);

// The size prefix and header for a body of `body_size` bytes; room for the body is reserved.
Buffer begin_response(ApiKey key, std::int16_t version, std::int32_t correlation_id,
                      std::size_t body_size);
Buffer begin_request(const RequestHeader& header, std::size_t body_size);

// A whole frame in one buffer, the body written once. REQUIRES: M has the version.
template <class M>
Buffer encode_response(std::int16_t version, std::int32_t correlation_id, const M& body) {
  Buffer frame = begin_response(M::key, version, correlation_id, encoded_size(body, version));
  append_encoded(frame, body, version);
  return frame;
}

// A frame whose large record bytes stay where they are.
struct GatheredFrame {
  Buffer bytes;                 // all but the splices
  std::vector<Splice> splices;  // in the order of their places

  GatheredFrame() = default;
  explicit GatheredFrame(Buffer whole) : bytes(std::move(whole)) {}

  bool empty() const { return bytes.empty(); }
  // The whole frame as views into this object, for one gathered write.
  std::vector<ByteView> parts() const;
};

// As encode_response, without copying the records. Only where the codec defines append_gathered.
template <class M>
GatheredFrame gather_response(std::int16_t version, std::int32_t correlation_id, const M& body) {
  GatheredFrame frame(begin_response(M::key, version, correlation_id, encoded_size(body, version)));
  append_gathered(frame.bytes, frame.splices, body, version);
  return frame;
}

// The header's api_key is taken from M. REQUIRES: M has header.api_version.
template <class M>
Buffer encode_request(RequestHeader header, const M& body) {
  header.api_key = M::key;
  Buffer frame = begin_request(header, encoded_size(body, header.api_version));
  append_encoded(frame, body, header.api_version);
  return frame;
}

}  // namespace sluice::wire
