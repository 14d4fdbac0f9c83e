#pragma once
// The definitions behind codec.h. Only for the files that instantiate them.

#include "shared/base/check.h"
#include "shared/wire/codec.h"
#include "shared/wire/decode.h"
#include "shared/wire/encode.h"
#include "shared/wire/print.h"

namespace sluice::wire {

template <class M>
constexpr bool has_version(std::int16_t version) {
  return version >= M::min_version && version <= M::max_version;
}

template <class M>
std::size_t encoded_size(const M& message, std::int16_t version) {
  Encode counting(CountingSink(), version, M::flexible_from);
  counting.structure(message);
  return counting.sink().size();
}

template <class M>
void append_encoded(Buffer& to, const M& message, std::int16_t version) {
  static_assert(M::flexible_from == flexible_from(M::key));
  CHECK(has_version<M>(version));
  Encode(BufferSink(to), version, M::flexible_from).structure(message);
}

template <class M>
void append_gathered(Buffer& to, std::vector<Splice>& splices, const M& message,
                     std::int16_t version) {
  CHECK(has_version<M>(version));
  Encode(GatherSink(to, splices), version, M::flexible_from).structure(message);
}

template <class M>
Buffer encode(const M& message, std::int16_t version) {
  Buffer body;
  body.reserve(encoded_size(message, version));
  append_encoded(body, message, version);
  return body;
}

template <class M>
Result<M> decode(ByteView body, std::int16_t version) {
  if (!has_version<M>(version)) {
    return fail(Code::unsupported,
                std::string(M::name) + " has no version " + std::to_string(version));
  }
  M message;
  Decode decoding(body, version, M::flexible_from);
  decoding.structure(message);
  TRY_VOID(decoding.finish(M::name));
  return message;
}

template <class M>
std::string print(const M& message, std::int16_t version) {
  std::string text = std::string(M::name) + " v" + std::to_string(version) + " ";
  Print(text, version).structure(message);
  return text;
}

}  // namespace sluice::wire

#define SLUICE_WIRE_DEFINE(M)                                       \
  template Buffer encode<M>(const M&, std::int16_t);                \
  template std::size_t encoded_size<M>(const M&, std::int16_t);     \
  template void append_encoded<M>(Buffer&, const M&, std::int16_t); \
  template Result<M> decode<M>(ByteView, std::int16_t);             \
  template std::string print<M>(const M&, std::int16_t);

// Both directions of one API.
#define SLUICE_WIRE_DEFINE_API(Api) \
  SLUICE_WIRE_DEFINE(Api##Request)  \
  SLUICE_WIRE_DEFINE(Api##Response)
