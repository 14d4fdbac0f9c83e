#pragma once
// The random visitor: fills a message with values that its version can carry.

#include <deque>
#include <type_traits>

#include "shared/base/random.h"
#include "shared/wire/fields.h"

namespace sluice::wire {

// Lists are short, strings mostly too; null, empty, extremes and non-default tags all occur. Owns
// the bytes behind ByteView members, so it must outlive the message.
class Arbitrary {
 public:
  Arbitrary(Random& random, std::int16_t version) : random_(random), version_(version) {}

  template <class T>
  void operator()(std::string_view /*name*/, T& value, Field field = {}) {
    if (field.in(version_)) set(value, field);
  }

  template <class T>
  void tagged(std::uint32_t /*tag*/, std::string_view name, T& value, Field field) {
    if (random_.below(2) == 0) (*this)(name, value, field);
  }

  template <class T>
  void bytes(std::string_view /*name*/, T& value, Field field = {}) {
    if (field.in(version_)) set_bytes(value, field);
  }

  template <class S>
  void structure(S& value) {
    S::fields(*this, value);
  }

 private:
  template <class T>
  void set(T& value, const Field&) {
    if constexpr (std::is_same_v<T, bool>) {
      value = random_.below(2) == 1;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(random_.next());
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(random_.below(4) == 0 ? random_.below(3) - 1 : random_.next());
    } else if constexpr (std::is_same_v<T, Uuid>) {
      value = Uuid::from(random_uuid(random_));
    } else {
      structure(value);
    }
  }
  void set(std::string& value, const Field&) { value = text(); }
  template <class T>
  void set(std::vector<T>& values, const Field& field) {
    values.resize(random_.below(4));
    for (T& value : values) set(value, field);
  }
  template <class T>
  void set(std::optional<T>& value, const Field& field) {
    value.reset();
    if (!field.nullable(version_) || random_.below(3) != 0) set(value.emplace(), field);
  }

  void set_bytes(Buffer& value, const Field&) { value = text(); }
  void set_bytes(SharedBytes& value, const Field&) { value = SharedBytes(text()); }
  void set_bytes(ByteView& value, const Field&) { value = kept_.emplace_back(text()); }
  template <class T>
  void set_bytes(std::optional<T>& value, const Field& field) {
    value.reset();
    if (!field.nullable(version_) || random_.below(3) != 0) set_bytes(value.emplace(), field);
  }

  // 127 and 128 straddle the first byte of a compact length.
  Buffer text() {
    static constexpr std::size_t kLengths[] = {0, 1, 5, 126, 127, 128, 300};
    Buffer bytes(kLengths[random_.below(std::size(kLengths))], '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_.next());
    return bytes;
  }

  Random& random_;
  std::int16_t version_;
  std::deque<Buffer> kept_;
};

}  // namespace sluice::wire
