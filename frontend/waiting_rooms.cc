#include "frontend/waiting_rooms.h"

#include <xxhash.h>

#include <condition_variable>
#include <utility>

#include "frontend/ticket.h"
#include "shared/base/hex.h"
#include "shared/base/random.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

// How late the start of a sale is noticed, and how long new numbers take.
constexpr Millis kTick{20};
// Another ticket of the same user: for a second device, or for cookies that were lost.
const Rate kTicketRate{.count = 1, .per = Millis(60'000), .burst = 2};
constexpr std::size_t kTicketUsers = std::size_t{1} << 17;

// 256 bits.
std::string drawn_secret() {
  SystemRandom random;
  return hex(random_uuid(random) + random_uuid(random));
}

bool has_ended(ledger::SaleStage stage) {
  return stage == ledger::SaleStage::closed || stage == ledger::SaleStage::settled;
}

}  // namespace

// ---- one room ------------------------------------------------------------------------------

WaitingRoom::WaitingRoom(std::string sale, LineRecord durable, WallTime now)
    : sale_(std::move(sale)), secret_(durable.secret), line_(std::move(durable), now.unix_millis) {}

bool WaitingRoom::has_ticket(WallTime now) {
  const std::lock_guard lock(mutex_);
  return line_.has_number(now.unix_millis);
}

std::optional<std::string> WaitingRoom::take_ticket(std::string_view user, WallTime now) {
  const auto number = [&] {
    const std::lock_guard lock(mutex_);
    return line_.take(now.unix_millis);
  }();
  if (!number) return std::nullopt;
  return ticket_text(secret_, sale_, user, *number);
}

std::optional<WaitingLine::Place> WaitingRoom::place(ByteView ticket, std::string_view user,
                                                     WallTime now) const {
  const auto number = read_ticket(secret_, sale_, user, ticket);
  if (!number) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return line_.place(*number, now.unix_millis);
}

// ---- all rooms -----------------------------------------------------------------------------

WaitingRooms::WaitingRooms(client::Settings settings, const Clock& clock, StockBook& stock,
                           FindSale find_sale)
    : log_(std::move(settings)),
      clock_(clock),
      stock_(stock),
      find_sale_(std::move(find_sale)),
      secret_(SystemRandom().next()),
      tickets_(kTicketRate, kTicketUsers) {}

WaitingRooms::~WaitingRooms() = default;

void WaitingRooms::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

WaitingRoom* WaitingRooms::find(std::string_view sale) const {
  const std::shared_lock lock(rooms_mutex_);
  const auto found = rooms_.find(sale);
  return found == rooms_.end() ? nullptr : found->second.get();
}

std::chrono::nanoseconds WaitingRooms::admit_ticket(std::string_view user, Instant now) {
  return tickets_.take(XXH3_64bits_withSeed(user.data(), user.size(), secret_), now);
}

bool WaitingRooms::pause(const std::stop_token& stop) const {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kTick, [] { return false; });
  return !stop.stop_requested();
}

bool WaitingRooms::is_wanted() const {
  for (const SaleStock* sale : stock_.all()) {
    if (sale->definition().waiting_room_rate > 0) return true;
  }
  return false;
}

void WaitingRooms::run(const std::stop_token& stop) {
  std::string problem;
  while (pause(stop)) {
    if (!recovered_ && !is_wanted()) continue;
    if (!recovered_) {
      auto records = log_.open();
      if (records) {
        recovered_ = std::move(*records);
        log::info("waiting rooms are kept topic={} sales={}", kWaitingTopic, recovered_->size());
      } else if (std::exchange(problem, records.error().context) != records.error().context) {
        log::warning("waiting rooms are closed reason={}", log::quoted(problem));
      }
      continue;
    }
    renew();
  }
}

WaitingRoom& WaitingRooms::room(const SaleStock& sale, WallTime now) {
  if (WaitingRoom* known = find(sale.id())) return *known;
  const auto kept = recovered_->find(sale.id());
  LineRecord record =
      kept != recovered_->end()
          ? kept->second
          : LineRecord{.secret = drawn_secret(), .rate = sale.definition().waiting_room_rate};
  auto room = std::make_unique<WaitingRoom>(sale.id(), std::move(record), now);
  const std::unique_lock lock(rooms_mutex_);
  return *rooms_.emplace(sale.id(), std::move(room)).first->second;
}

// One write for all that is due.
void WaitingRooms::renew() {
  const WallTime now = clock_.wall();
  std::vector<WaitingRoom*> rooms;
  std::vector<LineLog::Entry> entries;
  for (const SaleStock* sale : stock_.all()) {
    const ledger::SaleStage stage = sale->stage(now);
    const std::int64_t rate = sale->definition().waiting_room_rate;
    if (rate == 0 || stage == ledger::SaleStage::draft || has_ended(stage)) continue;
    WaitingRoom& one = room(*sale, now);
    look_at_stock(*sale, one);
    const std::lock_guard lock(one.mutex_);
    const bool starts = stage != ledger::SaleStage::scheduled;
    if (auto record = one.line_.due(now.unix_millis, starts, rate)) {
      rooms.push_back(&one);
      entries.push_back({sale->id(), std::move(*record)});
    }
  }
  if (entries.empty()) return;
  const std::vector<bool> durable = log_.write(entries);
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    if (!durable[i]) continue;
    const std::lock_guard lock(rooms[i]->mutex_);
    rooms[i]->line_.confirm(std::move(entries[i].record));
  }
}

void WaitingRooms::look_at_stock(const SaleStock& sale, WaitingRoom& room) const {
  bool in_vain = false;
  if (sale.sold_out()) {
    const auto state = find_sale_(sale.id());
    // An order that waits for its row or its payment may yet give its units back.
    in_vain = state && state->available() <= 0 && state->waiting == 0;
  }
  room.in_vain_.store(in_vain, std::memory_order_relaxed);
}

}  // namespace sluice::frontend
