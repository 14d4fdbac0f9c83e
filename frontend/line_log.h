#pragma once
// LineLog: where the durable facts of waiting lines are kept: a compacted topic of one partition,
// with a sale's newest record under the sale's id. Blocking; used by one thread, its owner's.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/line_record.h"
#include "shared/base/result.h"
#include "shared/client/producer.h"
#include "shared/client/settings.h"

namespace sluice::frontend {

inline constexpr std::string_view kWaitingTopic = "seckill.waiting";

class LineLog {
 public:
  using Records = std::map<std::string, LineRecord, std::less<>>;

  explicit LineLog(client::Settings settings) : settings_(std::move(settings)) {}

  // Creates the topic if need be and reads all of it. To be called again after an error; once it
  // has succeeded, records may be written. A record that nobody can read is an error: a sale whose
  // line began anew would call people twice.
  Result<Records> open();

  struct Entry {
    std::string sale;
    LineRecord record;
  };
  // Whether each is durable now. False: nobody knows, so write it or a newer one again.
  std::vector<bool> write(std::span<const Entry> entries);

 private:
  Result<void> find_or_create_topic() const;
  Result<Records> read_all() const;

  const client::Settings settings_;
  std::unique_ptr<client::Producer> producer_;
};

}  // namespace sluice::frontend
