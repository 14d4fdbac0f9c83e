// Decodes any bytes as a request frame behind its size prefix, as the broker does, and as every
// message directly. What decodes must encode, and decode again to the same.

#include <cstdint>

#include "shared/base/check.h"
#include "shared/wire/codec.h"
#include "shared/wire/frame.h"
#include "shared/wire/messages/all.h"

namespace {

using namespace sluice;
using namespace sluice::wire;

template <class M>
void decode_twice(ByteView body, std::int16_t version) {
  const Result<M> message = decode<M>(body, version);
  if (!message) {
    CHECK(!message.error().context.empty());
    return;
  }
  const Buffer again = encode(*message, version);
  CHECK(again.size() == encoded_size(*message, version));
  const Result<M> twice = decode<M>(again, version);
  CHECK(twice.has_value());
  CHECK(print(*message, version) == print(*twice, version));
  CHECK(encode(*twice, version) == again);
}

// The request of the API that a frame names.
struct Dispatch {
  const RequestFrame& frame;

  template <class M>
  void operator()() const {
    const auto [key, version] = std::pair(frame.header.api_key, frame.header.api_version);
    if (M::key == key && M::name.ends_with("Request")) decode_twice<M>(frame.body, version);
  }
};

// The message that a number stands for.
struct Pick {
  std::size_t wanted;
  std::int16_t version;
  ByteView body;
  mutable std::size_t at = 0;

  template <class M>
  void operator()() const {
    if (at++ == wanted) decode_twice<M>(body, version);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.size() < kSizePrefixBytes) return 0;
  if (const auto frame = decode_request_frame(bytes.substr(kSizePrefixBytes))) {
    AllMessages::for_each(Dispatch{*frame});
  }
  const std::size_t message = data[0] % AllMessages::size;
  AllMessages::for_each(Pick{message, static_cast<std::int16_t>(data[1] % 16), bytes.substr(2)});
  return 0;
}
