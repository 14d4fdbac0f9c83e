#include "shared/ledger/sale_state.h"

namespace sluice::ledger {

std::string_view name_of(SaleStage stage) {
  switch (stage) {
    case SaleStage::draft:
      return "draft";
    case SaleStage::scheduled:
      return "scheduled";
    case SaleStage::open:
      return "open";
    case SaleStage::paused:
      return "paused";
    case SaleStage::sold_out:
      return "sold_out";
    case SaleStage::closed:
      return "closed";
    case SaleStage::settled:
      return "settled";
  }
  return "unknown";
}

std::string_view name_of(SaleRefusal refusal) {
  switch (refusal) {
    case SaleRefusal::none:
      return "none";
    case SaleRefusal::stale_epoch:
      return "stale_epoch";
    case SaleRefusal::closed:
      return "closed";
    case SaleRefusal::not_a_draft:
      return "not_a_draft";
    case SaleRefusal::currency_fixed:
      return "currency_fixed";
    case SaleRefusal::ends_too_early:
      return "ends_too_early";
    case SaleRefusal::too_many_units:
      return "too_many_units";
  }
  return "unknown";
}

SaleStage stage_of(const Sale& definition, std::int64_t now) {
  if (definition.closed) return SaleStage::closed;
  if (definition.draft) return SaleStage::draft;
  if (definition.ends_at && now >= *definition.ends_at) return SaleStage::closed;
  if (definition.starts_at && now < *definition.starts_at) return SaleStage::scheduled;
  return definition.paused ? SaleStage::paused : SaleStage::open;
}

SaleStage stage_of(const SaleState& sale, std::int64_t now) {
  const SaleStage stage = stage_of(sale.definition, now);
  if (stage == SaleStage::open && sale.available() <= 0) return SaleStage::sold_out;
  // Nothing is reserved behind the record that closes, so this stays. After the end by time a
  // reserve of before may still be on its way.
  if (is_final(sale.definition) && sale.waiting == 0) return SaleStage::settled;
  return stage;
}

bool is_final(const Sale& definition) {
  return definition.closed && definition.epoch > 0;
}

SaleRefusal judge_change(const SaleState* before, const Sale& event) {
  if (before != nullptr && before->definition.closed) return SaleRefusal::closed;
  if (event.starts_at && event.ends_at && *event.ends_at <= *event.starts_at) {
    return SaleRefusal::ends_too_early;
  }
  if (event.stock > kMaxUnits - (before == nullptr ? 0 : before->granted)) {
    return SaleRefusal::too_many_units;
  }
  if (before == nullptr || before->definition.draft) return SaleRefusal::none;
  if (event.draft) return SaleRefusal::not_a_draft;
  if (event.currency != before->definition.currency) return SaleRefusal::currency_fixed;
  return SaleRefusal::none;
}

}  // namespace sluice::ledger
