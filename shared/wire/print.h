#pragma once
// The printing visitor: one line for logs and tests. Include codec.h to print; this is for its
// instantiations.

#include <type_traits>

#include "shared/base/random.h"
#include "shared/base/shared_bytes.h"
#include "shared/wire/fields.h"

namespace sluice::wire {

// Appends the fields that the version has as `{name: value, …}`. Lives for one call of print.
class Print {
 public:
  // Bytes above this are cut in print: records may be megabytes.
  static constexpr std::size_t kShownBytes = 96;

  Print(std::string& to, std::int16_t version) : to_(to), version_(version) {}

  template <class T>
  void operator()(std::string_view name, const T& value, Field field = {}) {
    if (!field.in(version_)) return;
    begin(name);
    put(value);
  }

  template <class T>
  void bytes(std::string_view name, const T& value, Field field = {}) {
    if (!field.in(version_)) return;
    begin(name);
    put_bytes(value);
  }

  template <class T>
  void tagged(std::uint32_t /*tag*/, std::string_view name, const T& value, Field field) {
    (*this)(name, value, field);
  }

  template <class S>
  void structure(const S& value) {
    to_ += '{';
    S::fields(*this, value);
    to_ += '}';
  }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      to_ += value ? "true" : "false";
    } else if constexpr (std::is_enum_v<T>) {
      to_ += name_of(value);
      to_ += '(' + std::to_string(static_cast<std::underlying_type_t<T>>(value)) + ')';
    } else if constexpr (std::is_integral_v<T>) {
      to_ += std::to_string(value);
    } else if constexpr (std::is_same_v<T, Uuid>) {
      to_ += uuid_text(value.view());
    } else {
      structure(value);
    }
  }
  void put(const std::string& value) { quote(value); }
  template <class T>
  void put(const std::vector<T>& values) {
    to_ += '[';
    for (const T& value : values) {
      if (&value != values.data()) to_ += ", ";
      put(value);
    }
    to_ += ']';
  }
  template <class T>
  void put(const std::optional<T>& value) {
    if (!value) {
      to_ += "null";
      return;
    }
    put(*value);
  }

  void put_bytes(ByteView value);
  template <class Bytes>
  void put_bytes(const std::optional<Bytes>& value) {
    if (!value) {
      to_ += "null";
      return;
    }
    put_bytes(*value);
  }
  void put_bytes(const SharedBytes& value) { put_bytes(ByteView(value.copy())); }

  void begin(std::string_view name);
  void quote(ByteView text);

  std::string& to_;
  std::int16_t version_;
};

}  // namespace sluice::wire
