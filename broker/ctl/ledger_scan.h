#pragma once
// Reads the ledger topic from its start to its present end and folds it: the truth about every sale
// and order, without asking a frontend or a database.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "broker/ctl/context.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"
#include "shared/ledger/event.h"
#include "shared/ledger/fold.h"

namespace sluice::ctl {

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
