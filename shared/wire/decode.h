#pragma once
// The decoding visitor. Include codec.h to decode; this is for its instantiations.

#include <type_traits>
#include <utility>

#include "shared/base/result.h"
#include "shared/base/shared_bytes.h"
#include "shared/wire/fields.h"
#include "shared/wire/io.h"

namespace sluice::wire {

// Reads one message of one version from bytes that nobody vouches for. Lives for one call of
// decode. ByteView members come to point into the bytes. Remembers the path to the first bad field.
// Tagged fields stand behind the others, so each one found is a second visit to the struct.
class Decode {
 public:
  Decode(ByteView bytes, std::int16_t version, std::int16_t flexible_from)
      : from_(bytes),
        version_(version),
        form_(version >= flexible_from ? Form::compact : Form::classic) {}

  // Error with Code::corrupt if a field was bad. Bytes behind the message are ignored, as Kafka
  // does: librdkafka 2.0 sends some behind ListGroups v4 and OffsetFetch v7.
  Result<void> finish(std::string_view message) const;

  template <class T>
  void operator()(std::string_view name, T& value, Field field = {}) {
    if (!wants(field)) return;
    get(value, field);
    if (!from_.ok()) at_field(name);
  }

  template <class T>
  void bytes(std::string_view name, T& value, Field field = {}) {
    if (!wants(field)) return;
    get_bytes(value, field);
    if (!from_.ok()) at_field(name);
  }

  template <class T>
  void tagged(std::uint32_t tag, std::string_view name, T& value, Field field) {
    if (!from_.ok() || tag_ != tag || !field.in(version_)) return;
    tag_known_ = true;
    get(value, field);
    if (!from_.ok()) at_field(name);
  }

  template <class S>
  void structure(S& value) {
    const auto outer_tag = std::exchange(tag_, kNoTag);
    const bool outer_known = tag_known_;
    S::fields(*this, value);
    if (form_ == Form::compact && from_.ok()) get_tags(value);
    tag_ = outer_tag;
    tag_known_ = outer_known;
  }

 private:
  static constexpr std::int64_t kNoTag = -1;

  bool wants(const Field& field) const {
    return from_.ok() && tag_ == kNoTag && field.in(version_);
  }

  template <class T>
  void get(T& value, const Field& /*field*/) {
    if constexpr (std::is_same_v<T, bool>) {
      value = from_.boolean();
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(from_.integer<std::underlying_type_t<T>>());
    } else if constexpr (std::is_integral_v<T>) {
      value = from_.integer<T>();
    } else if constexpr (std::is_same_v<T, Uuid>) {
      value = Uuid::from(from_.take(value.bytes.size()));
    } else {
      structure(value);
    }
  }
  void get(std::string& value, const Field&) {
    if (const auto read = present(from_.nullable_string(form_))) value = *read;
  }
  void get(std::optional<std::string>& value, const Field& field) {
    auto read = from_.nullable_string(form_);
    if (!field.nullable(version_)) read = present(read);
    value.reset();
    if (read) value.emplace(*read);
  }
  template <class T>
  void get(std::vector<T>& values, const Field& field) {
    if (const auto count = present(from_.nullable_count(form_)))
      get_elements(values, *count, field);
  }
  template <class T>
  void get(std::optional<std::vector<T>>& values, const Field& field) {
    auto count = from_.nullable_count(form_);
    if (!field.nullable(version_)) count = present(count);
    values.reset();
    if (count) get_elements(values.emplace(), *count, field);
  }

  // Memory grows only as elements are read.
  template <class T>
  void get_elements(std::vector<T>& values, std::size_t count, const Field& field) {
    values.clear();
    for (std::size_t i = 0; i < count && from_.ok(); ++i) {
      get(values.emplace_back(), field);
      if (!from_.ok()) at_index(i);
    }
  }

  template <class Bytes>
  void get_bytes(Bytes& value, const Field&) {
    if (const auto read = present(from_.nullable_bytes(form_))) value = Bytes(*read);
  }
  template <class Bytes>
  void get_bytes(std::optional<Bytes>& value, const Field& field) {
    auto read = from_.nullable_bytes(form_);
    if (!field.nullable(version_)) read = present(read);
    value.reset();
    if (read) value.emplace(Bytes(*read));
  }

  template <class T>
  std::optional<T> present(std::optional<T> read) {
    if (!read) from_.fail("null is not allowed");
    return read;
  }

  template <class S>
  void get_tags(S& value) {
    const std::uint32_t count = from_.unsigned_varint();
    for (std::uint32_t i = 0; i < count && from_.ok(); ++i) {
      tag_ = from_.unsigned_varint();
      const ByteView content = from_.take(from_.unsigned_varint());
      if (!from_.ok()) break;
      const Reader behind = std::exchange(from_, Reader(content));
      tag_known_ = false;
      S::fields(*this, value);
      if (tag_known_ && from_.remaining() > 0)
        from_.fail("a tagged field is longer than its value");
      if (from_.ok()) from_ = behind;
    }
    if (!from_.ok() && path_.empty()) at_field("tags");
  }

  void at_field(std::string_view name);
  void at_index(std::size_t index);

  Reader from_;
  std::int16_t version_;
  Form form_;
  std::int64_t tag_ = kNoTag;  // if another, only the field with this tag is being read
  bool tag_known_ = false;
  std::string path_;  // to the first bad field, built while the visits return
};

}  // namespace sluice::wire
