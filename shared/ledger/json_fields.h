#pragma once
// JsonFields: the fields of one JSON object as they are read, without a tree of values: an event is
// flat, and a start reads millions of them.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include <boost/container/small_vector.hpp>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::ledger {

struct JsonField {
  enum class Kind : unsigned char {
    null,
    boolean,       // number is 0 or 1
    number,        // a whole one
    large_number,  // a whole one beyond 64 bits with a sign
    text,
    other,  // a fraction, an object, an array
  };

  std::string_view name;
  Kind kind = Kind::null;
  std::int64_t number = 0;
  std::string_view text;
};

// Views into what was parsed, which outlives it, and into itself. One thread.
class JsonFields {
 public:
  JsonFields() = default;
  JsonFields(const JsonFields&) = delete;
  JsonFields& operator=(const JsonFields&) = delete;

  // Once. Code::corrupt: no JSON (RFC 8259, so UTF-8), nested deeper than kMaxDepth, or no object.
  Result<void> parse(ByteView json);

  // The last one of that name, as JSON readers do; null when there is none.
  const JsonField* find(std::string_view name) const;

  static constexpr std::size_t kMaxDepth = 8;  // events are flat; for fields that come later

 private:
  struct Handler;

  boost::container::small_vector<JsonField, 16> fields_;
  std::deque<std::string> unescaped_;  // texts that are not in the input as they are
};

}  // namespace sluice::ledger
