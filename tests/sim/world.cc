#include "tests/sim/world.h"

#include <algorithm>

#include <fmt/format.h>

#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"
#include "shared/wire/messages/create_topics.h"

namespace sluice::sim {
namespace {

// More events than any run has needed to settle, by far.
constexpr std::size_t kSettleTicks = 400'000;
constexpr int kUsers = 40;
constexpr std::string_view kRawTopic = "raw";

std::vector<ledger::Sale> make_sales(Random& random) {
  std::vector<ledger::Sale> sales;
  for (int i = 0; i < 3; ++i) {
    sales.push_back(
        {.sale = fmt::format("sale-{}", i),
         .title = "a phone",
         .stock = static_cast<std::int64_t>(2 + random.below(random.below(2) == 0 ? 8 : 40)),
         .unit_price = 99'900,
         .currency = "CNY",
         .per_user_limit = static_cast<std::int64_t>(1 + random.below(3)),
         .payment_window_ms = static_cast<std::int64_t>(random.below(2) * random.below(4'000))});
  }
  return sales;
}

}  // namespace

World::World(std::uint64_t seed, Plant plant)
    : plant_(plant),
      loop_(seed),
      host_(loop_, history_),
      store_(loop_.random()),
      sales_(make_sales(loop_.random())) {
  if (plant_ == Plant::early_ack) host_.disk().lie(3);
  if (plant_ == Plant::lost_producers) host_.disk().lose_state_keys('s');
  host_.start();
  admin_ = std::make_unique<KafkaClient>(loop_, host_);
  cashier_ = std::make_unique<Cashier>(loop_, host_, history_, kPartitions);
  for (int i = 0; i < 3; ++i) {
    const std::string name = fmt::format("raw{}", i);
    history_.expect_order(name);
    raw_.push_back(std::make_unique<SimProducer>(
        loop_, host_, history_,
        SimProducer::Options{.name = name, .place = {std::string(kRawTopic), 0}, .in_flight = 5}));
  }
  open_shop();
  open_desk();
  gate_.spawn(create_topics_until_done());
  schedule_order();
}

World::~World() = default;

Task<void> World::create_topics_until_done() {
  wire::CreateTopicsRequest request;
  const std::string orders(ledger::kOrdersTopic);
  for (const auto& [name, partitions] :
       {std::pair(orders, kPartitions), std::pair(ledger::dead_letter_topic(orders), 1),
        std::pair(std::string(kRawTopic), 1)}) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
  }
  while (!topics_ready_) {
    const auto response =
        co_await admin_->call<wire::CreateTopicsResponse>(request, 5, Millis(500));
    const auto there = [](const auto& topic) {
      return topic.error_code == wire::ErrorCode::none ||
             topic.error_code == wire::ErrorCode::topic_already_exists;
    };
    topics_ready_ = response && std::ranges::all_of(response->topics, there);
    if (!topics_ready_) co_await loop_.wait(Millis(20));
  }
  schedule_fault();
}

// Half of the shops give up on a send before its shopper has lost patience: what is told then must
// not come from a guess.
void World::open_shop() {
  const Millis delivery_timeout = loop_.once_in(2) ? Millis(300) : Millis(1'500);
  shops_.push_back(
      std::make_unique<Shop>(loop_, host_, history_, shelf_,
                             Shop::Options{.name = fmt::format("shop{}", report_.shops++),
                                           .partitions = kPartitions,
                                           .sales = sales_,
                                           .delivery_timeout = delivery_timeout,
                                           .plant = plant_}));
}

void World::open_desk() {
  desks_.push_back(
      std::make_unique<OrderDesk>(loop_, host_, history_, store_,
                                  OrderDesk::Options{.name = fmt::format("desk{}", report_.desks++),
                                                     .partitions = kPartitions,
                                                     .plant = plant_}));
}

// A shop that was fenced by an older one's late start is started again, as its supervisor would.
Shop& World::shop() {
  if (shops_.back()->fenced()) open_shop();
  return *shops_.back();
}

void World::schedule_fault() {
  loop_.after(Millis(20) + loop_.up_to(Millis(1'500)), [this] {
    if (!trouble_) return;
    fault();
    schedule_fault();
  });
}

void World::fault() {
  const std::uint64_t kind = loop_.random().below(16);
  if (kind < 8) return broker_fault(kind);
  return process_fault(kind - 8);
}

void World::broker_fault(std::uint64_t kind) {
  switch (kind) {
    case 0:
    case 1:
      ++report_.broker_crashes;
      host_.crash();
      return restart_broker_soon();
    case 3:
      host_.stop();
      return restart_broker_soon();
    case 4:
      host_.disk().fail_next_write();
      return restart_broker_soon();
    case 5:
      return host_.reset_one_connection();
    case 6:
      return host_.set_slowest(Millis(3), Millis(5));
    default:
      // Slower than any timeout at times: requests and answers arrive when nobody waits any more.
      return host_.set_slowest(Millis(1) + loop_.up_to(Millis(400)),
                               Millis(1) + loop_.up_to(Millis(loop_.once_in(2) ? 600 : 5'000)));
  }
}

void World::restart_broker_soon() {
  loop_.after(loop_.up_to(Millis(2'500)), [this] {
    if (finished_) return;
    if (!host_.healthy()) host_.crash();  // a broker that cannot write is restarted
    host_.start();
  });
}

void World::process_fault(std::uint64_t kind) {
  switch (kind) {
    case 0:
    case 1:
      shops_.back()->kill();
      return open_shop();
    case 2:  // the old one is thought dead and is not
      return open_shop();
    case 3:
      desks_.back()->kill();
      return open_desk();
    case 4:
      if (desks_.size() >= 2) desks_[desks_.size() - 2]->kill();
      return open_desk();
    case 5:
      return store_.fail_one_in(loop_.once_in(2) ? 0 : 3);
    case 6:
      return loop_.step_wall(
          Millis(static_cast<std::int64_t>(loop_.random().below(20'000)) - 10'000));
    default:
      return cashier_->append(
          static_cast<std::int32_t>(loop_.random().below(kPartitions)), {},
          loop_.once_in(2) ? "not an event" : R"({"type":"reserve","order":1})");
  }
}

void World::schedule_order() {
  loop_.after(loop_.up_to(Millis(60)), [this] {
    if (!trouble_) return;
    place_some_order();
    if (loop_.once_in(4)) retry_unanswered();
    if (loop_.once_in(2)) send_raw();
    if (topics_ready_ && loop_.once_in(40)) {
      ledger::Sale more = sales_[loop_.random().below(sales_.size())];
      more.stock = static_cast<std::int64_t>(1 + loop_.random().below(3));
      more.grant_id = fmt::format("restock-{}", loop_.ticks());
      const ledger::Event event(more);
      // Only once the sale is there: its first record is the shop's to write.
      if (shop().ready()) {
        cashier_->append(ledger::partition_of(more.sale, kPartitions), ledger::key_of(event),
                         ledger::encode(event));
      }
    }
    schedule_order();
  });
}

void World::place_some_order() {
  const ledger::Sale& sale = sales_[loop_.random().below(sales_.size())];
  Order order{.sale = sale.sale,
              .user = fmt::format("user{}", loop_.random().below(kUsers)),
              .key = ledger::slot_key(static_cast<std::int64_t>(loop_.random().below(4))),
              .quantity = 1};
  unanswered_.insert_or_assign(ledger::order_id(order.sale, order.user, order.key), order);
  retry_unanswered();
}

// Shoppers with a sure answer leave; everyone else asks again, of any shop that is open.
void World::retry_unanswered() {
  if (unanswered_.empty()) return;
  auto entry = unanswered_.begin();
  std::advance(entry, static_cast<std::ptrdiff_t>(loop_.random().below(unanswered_.size())));
  const Order order = entry->second;
  Shop* asked = &shop();
  if (shops_.size() >= 2 && loop_.once_in(3)) asked = shops_[shops_.size() - 2].get();
  if (!asked->ready()) return;
  asked->place(order, [this](Shop::Answer answer, const std::string& id) {
    switch (answer) {
      case Shop::Answer::queued:
        history_.queued(id);
        unanswered_.erase(id);
        return;
      case Shop::Answer::pending:
        return history_.pending(id);  // asks again
      case Shop::Answer::not_reserved:
        history_.not_reserved(id);
        if (loop_.once_in(2)) unanswered_.erase(id);  // gives up
        return;
      case Shop::Answer::refused:
        unanswered_.erase(id);
        return;
    }
  });
}

void World::send_raw() {
  raw_[loop_.random().below(raw_.size())]->send(fmt::format("key{}", raw_sent_ % 7),
                                                fmt::format("value {}", raw_sent_), {});
  ++raw_sent_;
}

void World::calm() {
  trouble_ = false;
  store_.fail_one_in(0);
  host_.set_slowest(Millis(3), Millis(5));
  if (!host_.healthy()) host_.crash();
  host_.start();
  // A worker that was thought dead leaves the group in the end. Until then two that both live take
  // the partitions from each other, and fold from the beginning each time.
  for (std::size_t i = 0; i + 1 < desks_.size(); ++i) desks_[i]->kill();
  // Some start anew in peace, some must have come through the trouble whole.
  if (loop_.once_in(2)) {
    shops_.back()->kill();
    open_shop();
  }
  if (loop_.once_in(2)) {
    desks_.back()->kill();
    open_desk();
  }
}

bool World::settled() const {
  return host_.healthy() && unsettled().empty();
}

std::string World::unsettled() const {
  std::string what;
  if (!shops_.back()->ready()) what += " shop-not-ready";
  if (!shops_.back()->idle()) what += " shop-busy";
  if (!desks_.back()->idle()) what += " desk-busy";
  if (!store_.outbox_empty()) what += " outbox";
  if (!cashier_->idle()) what += " cashier-busy";
  for (const auto& producer : raw_) {
    if (!producer->idle()) what += " raw-busy";
  }
  for (const auto& [partition, records] : {std::pair(0, 0), std::pair(1, 0)}) {
    const Place place{std::string(ledger::kOrdersTopic), partition};
    if (store_.next_offset(partition) < history_.records(place)) what += " records-unwritten";
  }
  return what;
}

LedgerText World::read_everything() {
  LedgerText text(kPartitions);
  std::vector<std::unique_ptr<SimConsumer>> readers;
  std::size_t finished = 0;
  const std::string orders(ledger::kOrdersTopic);
  const std::vector<Place> places = {{orders, 0},
                                     {orders, 1},
                                     {std::string(kRawTopic), 0},
                                     {ledger::dead_letter_topic(orders), 0}};
  std::vector<bool> at_end(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    readers.push_back(std::make_unique<SimConsumer>(
        loop_, host_, history_, places[i], 0,
        SimConsumer::Handler{.record =
                                 [&, i](const wire::Record& record) {
                                   if (i < text.size())
                                     text[i].emplace_back(record.value.value_or(ByteView()));
                                 },
                             .end =
                                 [&, i] {
                                   if (!at_end[i]) ++finished;
                                   at_end[i] = true;
                                 }}));
  }
  const auto done = [&] { return finished == places.size(); };
  if (!loop_.run(done, kSettleTicks) || !done()) history_.fail("the log cannot be read to its end");
  for (const auto& reader : readers) {
    report_.records += reader->next_offset();
    reader->kill();
  }
  const auto ended = [&] {
    return std::ranges::all_of(readers, [](const auto& reader) { return reader->ended(); });
  };
  loop_.run(ended, kSettleTicks);
  return text;
}

RunReport World::run(std::size_t trouble_ticks) {
  const auto failed = [this] { return history_.failure().has_value(); };
  loop_.run(failed, trouble_ticks);
  calm();
  const auto over = [&] { return failed() || (!unanswered_.empty() ? false : settled()); };
  // Shoppers without an answer keep asking until they have one.
  for (int round = 0; round < 2'000 && !over(); ++round) {
    if (!host_.healthy()) host_.crash();  // the write that was to fail came late
    host_.start();
    shop();
    retry_unanswered();
    loop_.run_until(loop_.clock().now() + Millis(50));
  }
  if (!failed() && !over()) {
    history_.fail(
        fmt::format("it does not settle:{} unanswered={}", unsettled(), unanswered_.size()));
  }
  if (!failed()) {
    const LedgerText text = read_everything();
    history_.check_acknowledged();
    const AuditCounts counts = audit(text, sales_, store_, *shops_.back(), history_);
    report_.orders = counts.orders;
    report_.voided = counts.voided;
  }
  finish();
  report_.failure = history_.failure();
  report_.ticks = loop_.ticks();
  return report_;
}

// Everything ends by itself when it is told to: nothing may be left running.
void World::finish() {
  finished_ = true;
  topics_ready_ = true;
  trouble_ = false;
  for (const auto& shop : shops_) shop->kill();
  for (const auto& desk : desks_) desk->kill();
  for (const auto& producer : raw_) producer->kill();
  cashier_->kill();
  admin_->close();
  gate_.spawn(admin_->drain());
  host_.stop();
  if (!loop_.run([this] { return ended(); }, kSettleTicks) || !ended()) {
    history_.fail("something does not end");
  }
  loop_.run_dry();
}

bool World::ended() const {
  const auto is_ended = [](const auto& process) { return process->ended(); };
  return host_.drained() && gate_.running() == 0 && cashier_->ended() &&
         std::ranges::all_of(shops_, is_ended) && std::ranges::all_of(desks_, is_ended) &&
         std::ranges::all_of(raw_, is_ended);
}

}  // namespace sluice::sim
