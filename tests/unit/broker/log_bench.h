#pragma once
// LogBench: a store with a committer and a log context on it, on a SimLoop; await() runs the loop
// until a task has finished. reopen() is a restart of everything above the store.

#include <memory>
#include <utility>

#include "broker/log/committer.h"
#include "broker/log/partition_log.h"
#include "shared/base/check.h"
#include "shared/wire/compression.h"
#include "shared/wire/crc32c.h"
#include "shared/wire/record.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_offload.h"
#include "tests/unit/broker/store_media.h"

namespace sluice::tests {

// One uncompressed batch of `values`; with a producer id it is idempotent.
inline Buffer batch_of(const std::vector<std::string>& values, std::int64_t producer_id = -1,
                       std::int32_t sequence = -1, std::int64_t timestamp = 1'000) {
  wire::RecordBatchBuilder builder(
      {.producer_id = producer_id,
       .producer_epoch = static_cast<std::int16_t>(producer_id < 0 ? -1 : 0),
       .base_sequence = sequence});
  for (const auto& value : values) builder.add(timestamp++, std::nullopt, value);
  return std::move(builder).finish();
}

// The same batch with its records compressed.
inline Buffer compressed(const Buffer& batch, wire::Compression codec) {
  const auto plain = ByteView(batch).substr(wire::kBatchHeaderBytes);
  const auto packed = wire::compress(codec, plain);
  CHECK(packed);
  Buffer out = batch.substr(0, wire::kBatchHeaderBytes) + *packed;
  store_be(out.data() + 8, static_cast<std::int32_t>(out.size() - wire::kBatchLogOverheadBytes));
  store_be(out.data() + 21, static_cast<std::int16_t>(codec));
  store_be(out.data() + 17, wire::crc32c(ByteView(out).substr(21)));
  return out;
}

// Uncompressed, or decompressed; the views point into the batch or into `storage`.
inline Result<std::vector<wire::Record>> records_of(const wire::RecordBatchView& batch,
                                                    Buffer& storage) {
  TRY_VOID(batch.validate_stored());
  TRY(plain, wire::plain_records(batch, storage));
  std::vector<wire::Record> records;
  wire::RecordCursor cursor(batch, plain);
  wire::Record record;
  while (cursor.next(record)) records.push_back(record);
  TRY_VOID(cursor.finish());
  return records;
}

// "offset=value " of every record.
inline std::string text_of(ByteView batches) {
  std::string text;
  const auto split = wire::split_batches(batches);
  if (!split) return "damaged";
  for (const auto& batch : *split) {
    Buffer storage;
    const auto records = records_of(batch, storage);
    if (!records) return "damaged";
    for (const auto& record : *records) {
      text += std::to_string(record.offset) + "=" + std::string(record.value.value_or("")) + " ";
    }
  }
  return text;
}

template <class Medium>
struct LogBench {
  struct Parts {
    Parts(LogBench& bench, std::unique_ptr<broker::Store> opened)
        : store(std::move(opened)),
          committer(*store, bench.commit_thread, bench.loop.clock(), bench.committer_options),
          tail(bench.tail_bytes),
          context{*store,    bench.readers,
                  committer, tail,
                  segments,  [&bench](broker::PartitionId, std::size_t) { ++bench.appended; }} {}

    std::unique_ptr<broker::Store> store;
    broker::Committer committer;
    broker::TailCache tail;
    broker::Segments segments;
    broker::LogContext context;
  };

  explicit LogBench(std::uint64_t seed = 1) : loop(seed) { reopen(); }
  ~LogBench() { close(); }

  void close() {
    if (!parts) return;
    await(parts->committer.close());
    parts.reset();
  }
  void reopen() {
    close();
    parts = std::make_unique<Parts>(*this, medium.open());
  }

  template <class T>
  T await(Task<T> task) {
    loop.run([&] { return task.done(); }, 1'000'000);
    CHECK(task.done());
    if constexpr (!std::is_void_v<T>) return task.take();
  }

  // A partition that starts empty, durable.
  std::shared_ptr<broker::PartitionLog> make_log(broker::PartitionId id) {
    auto log = std::make_shared<broker::PartitionLog>(parts->context, id);
    log->stage_bounds();
    CHECK(await(parts->committer.commit()));
    return log;
  }
  Result<std::shared_ptr<broker::PartitionLog>> recover_log(broker::PartitionId id) {
    auto log = std::make_shared<broker::PartitionLog>(parts->context, id);
    const auto cursor = store().cursor(broker::Family::state, 0);
    for (const auto kind :
         {broker::StateKind::partition, broker::StateKind::part, broker::StateKind::cleaned,
          broker::StateKind::indexed, broker::StateKind::delayed, broker::StateKind::producer}) {
      Buffer prefix = broker::state_key(kind);
      append_be(prefix, id);
      for (cursor->seek(prefix); cursor->valid() && cursor->key().starts_with(prefix);
           cursor->next()) {
        TRY_VOID(restore(*log, kind, cursor->key().substr(prefix.size()), cursor->value()));
      }
    }
    TRY_VOID(log->check_end());
    committer().set_segment(log->last_segment() + 1);
    return log;
  }
  static Result<void> restore(broker::PartitionLog& log, broker::StateKind kind, ByteView rest,
                              ByteView value) {
    if (kind == broker::StateKind::partition) return log.restore_start(value);
    if (kind == broker::StateKind::cleaned) return log.restore_cleaned(value);
    if (kind == broker::StateKind::indexed) return log.restore_indexed(value);
    if (kind == broker::StateKind::delayed) return log.restore_delayed(value);
    if (kind == broker::StateKind::part) {
      return log.restore_part(load_be<broker::Segment>(rest.data()), value);
    }
    return log.restore_producer(load_be<std::int64_t>(rest.data()), value);
  }

  broker::PartitionLog::Appended append(broker::PartitionLog& log, Buffer batch) {
    return await(log.append(std::move(batch), loop.clock().wall()));
  }
  std::string read(broker::PartitionLog& log, broker::Offset from, std::size_t bytes_max = 1 << 20,
                   bool at_least_one = true) {
    const auto bytes = await(log.read(from, {bytes_max, at_least_one}));
    return bytes ? text_of(bytes->copy()) : bytes.error().context;
  }

  broker::Store& store() { return *parts->store; }
  broker::Committer& committer() { return parts->committer; }
  broker::LogContext& context() { return parts->context; }
  broker::Segments& segments() { return parts->segments; }

  SimLoop loop;
  broker::CommitterOptions committer_options;
  std::size_t tail_bytes = 0;  // reads go to the store, unless a test wants otherwise
  SimOffload commit_thread{loop, SimOffload::Threads::one, Millis(3)};
  SimOffload readers{loop, SimOffload::Threads::many, Millis(3)};
  SimOffload maintenance{loop, SimOffload::Threads::one, Millis(3)};
  Medium medium;
  int appended = 0;
  std::unique_ptr<Parts> parts;
};

}  // namespace sluice::tests
