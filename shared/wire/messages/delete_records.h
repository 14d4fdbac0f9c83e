#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Forgets the records before an offset (KIP-107); offset -1 means the high watermark.
struct DeleteRecordsRequest {
  static constexpr std::string_view name = "DeleteRecordsRequest";
  static constexpr ApiKey key = ApiKey::delete_records;
  static constexpr std::int16_t min_version = 0, max_version = 2, flexible_from = 2;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      std::int64_t offset = 0;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("offset", m.offset);
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partitions", m.partitions);
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("topics", m.topics);
    io("timeout_ms", m.timeout_ms);
  }
};

// Where each partition begins now.
struct DeleteRecordsResponse {
  static constexpr std::string_view name = "DeleteRecordsResponse";
  static constexpr ApiKey key = ApiKey::delete_records;
  static constexpr std::int16_t min_version = 0, max_version = 2, flexible_from = 2;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      std::int64_t low_watermark = -1;
      ErrorCode error_code = ErrorCode::none;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("low_watermark", m.low_watermark);
        io("error_code", m.error_code);
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partitions", m.partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("topics", m.topics);
  }
};

}  // namespace sluice::wire
