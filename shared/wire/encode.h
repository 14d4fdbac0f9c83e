#pragma once
// The encoding visitor. Include codec.h to encode; this is for its instantiations.

#include <algorithm>
#include <type_traits>
#include <utility>

#include "shared/wire/fields.h"
#include "shared/wire/io.h"

namespace sluice::wire {

// What a tagged field's absence means.
template <class T>
bool is_absent(const T& value, const Field& field) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(value) == field.absent;
  } else if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else {
    return value == T{};
  }
}

// Writes one message of one version to `Sink`. Lives for one call of encode.
template <class Sink>
class Encode {
 public:
  Encode(Sink sink, std::int16_t version, std::int16_t flexible_from)
      : to_(sink),
        version_(version),
        flexible_from_(flexible_from),
        form_(version >= flexible_from ? Form::compact : Form::classic) {}

  Sink& sink() { return to_.sink(); }

  template <class T>
  void operator()(std::string_view /*name*/, const T& value, Field field = {}) {
    if (!field.in(version_)) return;
    put(value, field);
  }

  template <class T>
  void bytes(std::string_view /*name*/, const T& value, Field field = {}) {
    if (!field.in(version_)) return;
    put_bytes(value, field);
  }

  template <class T>
  void tagged(std::uint32_t tag, std::string_view /*name*/, const T& value, Field field) {
    if (!field.in(version_) || is_absent(value, field)) return;
    Buffer bytes;
    Encode<BufferSink>(BufferSink(bytes), version_, flexible_from_).put(value, field);
    tagged_.push_back({tag, std::move(bytes)});
  }

  template <class S>
  void structure(const S& value) {
    auto outer = std::exchange(tagged_, {});
    S::fields(*this, value);
    if (form_ == Form::compact) put_tags();
    tagged_ = std::move(outer);
  }

  template <class T>
  void put(const T& value, const Field& /*field*/) {
    if constexpr (std::is_same_v<T, bool>) {
      to_.boolean(value);
    } else if constexpr (std::is_enum_v<T>) {
      to_.integer(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_integral_v<T>) {
      to_.integer(value);
    } else if constexpr (std::is_same_v<T, Uuid>) {
      to_.raw(value.view());
    } else {
      structure(value);
    }
  }
  void put(const std::string& value, const Field&) { to_.string(value, form_); }
  void put(const std::optional<std::string>& value, const Field& field) {
    if (!value && field.nullable(version_)) return to_.null_string(form_);
    to_.string(value ? ByteView(*value) : ByteView(), form_);
  }
  template <class T>
  void put(const std::vector<T>& values, const Field& field) {
    to_.length(values.size(), form_);
    for (const T& value : values) put(value, field);
  }
  template <class T>
  void put(const std::optional<std::vector<T>>& values, const Field& field) {
    if (values) return put(*values, field);
    if (field.nullable(version_)) return to_.null_length(form_);
    to_.length(0, form_);
  }

 private:
  struct Tagged {
    std::uint32_t tag;
    Buffer bytes;
  };

  void put_bytes(ByteView value, const Field&) { to_.bytes(value, form_); }
  template <class Bytes>
  void put_bytes(const std::optional<Bytes>& value, const Field& field) {
    if (!value && field.nullable(version_)) return to_.null_length(form_);
    if (value) return put_bytes(*value, field);
    to_.bytes({}, form_);
  }
  void put_bytes(const SharedBytes& value, const Field&) {
    to_.length(value.size(), form_);
    for (const SharedSlice& slice : value.slices()) to_.shared(slice);
  }

  void put_tags() {
    std::ranges::sort(tagged_, {}, &Tagged::tag);
    to_.unsigned_varint(tagged_.size());
    for (const Tagged& one : tagged_) {
      to_.unsigned_varint(one.tag);
      to_.unsigned_varint(one.bytes.size());
      to_.raw(one.bytes);
    }
  }

  BasicWriter<Sink> to_;
  std::int16_t version_;
  std::int16_t flexible_from_;
  Form form_;
  std::vector<Tagged> tagged_;  // of the struct that is being written
};

}  // namespace sluice::wire
