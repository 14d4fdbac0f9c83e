#include "broker/log/rocks_store_mark.h"

#include <fmt/format.h>
#include <rocksdb/env.h>

#include "shared/base/bytes.h"
#include "shared/wire/crc32c.h"

namespace sluice::broker {
namespace {

// <sequence number u64><CRC-32C of it u32>
constexpr std::size_t kMarkBytes = 12;

}  // namespace

std::string mark_path(const std::string& data_dir) {
  return data_dir + "/acknowledged";
}

rocksdb::Status write_mark(rocksdb::Env* env, const std::string& data_dir, std::uint64_t reached) {
  Buffer mark;
  append_be(mark, reached);
  append_be(mark, wire::crc32c(mark));
  const std::string next = mark_path(data_dir) + ".next";
  auto status = rocksdb::WriteStringToFile(env, mark, next, true);
  if (status.ok()) status = env->RenameFile(next, mark_path(data_dir));
  std::unique_ptr<rocksdb::Directory> directory;
  if (status.ok()) status = env->NewDirectory(data_dir, &directory);
  if (status.ok()) status = directory->Fsync();
  return status;
}

Result<std::optional<std::uint64_t>> read_mark(const std::string& data_dir) {
  auto* env = rocksdb::Env::Default();
  const std::string path = mark_path(data_dir);
  if (env->FileExists(path).IsNotFound()) return std::nullopt;
  std::string mark;
  if (const auto status = rocksdb::ReadFileToString(env, path, &mark); !status.ok()) {
    return fail(Code::storage, fmt::format("{} cannot be read: {}", path, status.ToString()));
  }
  if (mark.size() != kMarkBytes ||
      load_be<std::uint32_t>(mark.data() + 8) != wire::crc32c(ByteView(mark).substr(0, 8))) {
    return fail(Code::corrupt, fmt::format("{} is damaged", path));
  }
  return load_be<std::uint64_t>(mark.data());
}

}  // namespace sluice::broker
