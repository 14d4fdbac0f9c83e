#pragma once
// Encode, decode and print the bodies of messages. The templates are instantiated for every message
// of messages/all.h in codec_*.cc, so that callers compile none of it.

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::wire {

// The body alone, without size or header. REQUIRES: M has the version.
template <class M>
Buffer encode(const M& message, std::int16_t version);

// How many bytes encode makes.
template <class M>
std::size_t encoded_size(const M& message, std::int16_t version);

template <class M>
void append_encoded(Buffer& to, const M& message, std::int16_t version);

// The whole of `body` as one message. Its ByteView members point into `body`. Errors:
// Code::unsupported if M lacks the version, Code::corrupt with the path of the first bad field.
// A message takes up to some twenty times the memory of its body.
struct Splice;

// Appends all but large record bytes, which are noted with their place. Defined for FetchResponse.
template <class M>
void append_gathered(Buffer& to, std::vector<Splice>& splices, const M& message,
                     std::int16_t version);

template <class M>
Result<M> decode(ByteView body, std::int16_t version);

// One line: `ProduceRequest v9 {transactional_id: null, acks: -1, …}`.
template <class M>
std::string print(const M& message, std::int16_t version);

}  // namespace sluice::wire
