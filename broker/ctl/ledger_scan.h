#pragma once
// Reads the ledger topic from its start to its present end and folds it: the truth about every sale
// and order, without asking a frontend or a database.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/ctl/context.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"
#include "shared/ledger/event.h"
#include "shared/ledger/fold.h"

namespace sluice::ctl {

// The ledger's records in the order of each partition, as far as they are there; more may be asked
// for later.
class LedgerTopic {
 public:
  using Take = std::function<void(const client::Record& record)>;

  // Of all partitions, or of those where `sales` live. Code::not_found: there is no such topic.
  static Result<LedgerTopic> open(Context& context, const std::set<std::string>& sales);

  // Of the topic.
  std::int32_t partition_count() const { return partition_count_; }
  // Whether every partition still has its beginning; if not, that was said to the person.
  bool whole() const { return whole_; }

  // Reads on to where the log ends now; records that come meanwhile are not waited for. With
  // `quiet` it waits for at most so long for something new. Yields how many there were.
  Result<std::int64_t> read(const Take& take, Millis quiet = Millis(0));

 private:
  explicit LedgerTopic(Context& context) : context_(&context) {}
  Result<void> assign(const std::set<std::string>& sales);

  Context* context_;
  std::unique_ptr<client::Consumer> consumer_;
  std::int32_t partition_count_ = 0;
  bool whole_ = true;
  std::map<std::int32_t, std::int64_t> next_;  // by partition: the offset to be read next
};

// Called for each event in the order of its partition; record and change only during the call.
using LedgerVisitor = std::function<void(const client::Record& record, const ledger::Event& event,
                                         const ledger::Change& change)>;

struct LedgerScan {
  std::map<std::int32_t, ledger::Fold> folds;  // by partition
  std::int64_t unreadable = 0;                 // records that are no event; stepped over
};

// One pass over all partitions, or over the one of `sale`. Records that come meanwhile are not
// waited for. Memory: a fold per partition (see ledger::Fold).
Result<LedgerScan> scan_ledger(Context& context, const std::optional<std::string>& sale,
                               const LedgerVisitor& visit);

}  // namespace sluice::ctl
