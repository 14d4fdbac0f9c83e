#pragma once
// A sale as the log has it, and where it stands in its life:
//
//   draft → scheduled → open ⇄ paused → closed → settled
//                         ↕
//                      sold out
//
// The records say draft, paused and closed. Scheduled, open and the end by time come from the
// definition and the clock; sold out and settled from the orders. What a record may change, and
// whether a reserve counts, is judged here: the fold asks about what was written, a frontend about
// what it is going to write. Pure; times are Unix milliseconds.
//
// Sale records without an epoch are of versions that had no such rules: they replace any
// definition, and reserves under them are not judged, so that old logs mean what they meant.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "shared/ledger/event.h"

namespace sluice::ledger {

enum class SaleStage : std::uint8_t {
  draft,      // being prepared: not shown, sells nothing
  scheduled,  // before its start
  open,
  paused,    // stopped by its operator, may go on
  sold_out,  // open, and no unit is free now: a release or a grant opens it again
  closed,    // by its operator, for ever; or by time, unless its end is moved
  settled,   // closed by its operator, and every order has come to its end
};

std::string_view name_of(SaleStage stage);

// Why a record about a sale changes nothing.
enum class SaleRefusal : std::uint8_t {
  none,
  stale_epoch,     // its writer does not own the partition
  closed,          // a closed sale stays as it is
  not_a_draft,     // a published sale cannot be a draft again
  currency_fixed,  // published: its orders are in the currency
  ends_too_early,  // not after the start
  too_many_units,  // granted would exceed kMaxUnits
};

std::string_view name_of(SaleRefusal refusal);

struct SaleState {
  Sale definition;            // the newest; its stock and grant_id are of the newest record
  std::int64_t granted = 0;   // over all grants
  std::int64_t held = 0;      // units of orders that are reserved, placed or paid
  std::int64_t orders = 0;    // valid reserves
  std::int64_t waiting = 0;   // orders that have not come to their end, see Order::is_waiting
  std::int64_t revision = 0;  // records that changed it
  std::int64_t defined_at_offset = 0;
  std::set<std::string, std::less<>> grants;                // ids that have counted
  std::map<std::string, std::string, std::less<>> changes;  // ids that have counted → request

  std::int64_t available() const { return granted - held; }
};

// By the definition and the clock alone: neither sold_out nor settled.
SaleStage stage_of(const Sale& definition, std::int64_t now);
SaleStage stage_of(const SaleState& sale, std::int64_t now);

// Closed by a record that is judged: no record changes it any more.
bool is_final(const Sale& definition);

// Whether `event` may follow `before`, null for a new sale. Neither epoch is looked at.
SaleRefusal judge_change(const SaleState* before, const Sale& event);

}  // namespace sluice::ledger
