#include "tests/sim/broker_host.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::sim {

struct BrokerHost::Process : std::enable_shared_from_this<BrokerHost::Process> {
  Process(SimLoop& loop, SimDisk& disk, Millis slowest, broker::BrokerOptions options)
      : loop(loop),
        store(disk.open()),
        commit_thread(loop, SimOffload::Threads::one, slowest),
        readers(loop, SimOffload::Threads::many, slowest),
        maintenance(loop, SimOffload::Threads::one, slowest),
        broker(std::move(options), {.clock = loop.clock(),
                                    .random = loop.random(),
                                    .store = *store,
                                    .commit_thread = commit_thread,
                                    .readers = readers,
                                    .maintenance = maintenance,
                                    .wake_at = [this](Instant when) { wake_at(when); }}) {}

  void wake_at(Instant when) {
    if (when >= armed_at) return;
    armed_at = when;
    loop.at(when, [weak = weak_from_this(), when] {
      const auto self = weak.lock();
      if (!self || self->armed_at != when) return;
      self->armed_at = Instant::never();
      self->broker.tick();
    });
  }

  SimLoop& loop;
  std::unique_ptr<SimStore> store;
  SimOffload commit_thread;
  SimOffload readers;
  SimOffload maintenance;
  Instant armed_at = Instant::never();
  broker::Broker broker;
  std::list<broker::Connection> connections;
  std::vector<SimStream*> streams;  // of connections, same order
  Gate gate;
};

BrokerHost::BrokerHost(SimLoop& loop, History& history)
    : loop_(loop), history_(history), net_(loop) {}

BrokerHost::~BrokerHost() = default;

bool BrokerHost::healthy() const {
  return up() && process_->broker.unhealthy().empty();
}

void BrokerHost::start() {
  if (up()) return;
  broker::BrokerOptions options;
  options.auto_create_topics = false;
  // Small limits are reached often.
  if (loop_.once_in(2)) options.committer.staged_bytes_max = 2'000;
  if (loop_.once_in(2)) options.fetch_bytes_max = 3'000;
  if (loop_.once_in(2)) options.committer.segment_bytes = 5'000;
  if (loop_.once_in(2)) options.tail_cache_bytes = loop_.random().below(3'000);
  process_ = std::make_shared<Process>(loop_, disk_, slowest_disk_, options);
  process_->broker.advertise("sim", 9092);
  const auto started = process_->broker.start();
  if (!started) {
    history_.fail(fmt::format("the broker does not start: {}", started.error().context));
  }
}

void BrokerHost::crash() {
  if (!up()) return;
  disk_.crash();
  for (auto* stream : process_->streams) stream->reset();
  end(std::exchange(process_, nullptr));
}

void BrokerHost::stop() {
  if (!up()) return;
  process_->broker.begin_stop();
  for (auto& connection : process_->connections) connection.finish();
  end(std::exchange(process_, nullptr));
}

void BrokerHost::end(std::shared_ptr<Process> process) {
  process->broker.begin_stop();
  ++ending_;
  gate_.spawn(finish(std::move(process)));
}

Task<void> BrokerHost::finish(std::shared_ptr<Process> process) {
  co_await process->gate.close();
  co_await process->broker.stop();
  --ending_;
  // Not from here: what has just ended is still on the stack.
  loop_.post([last = std::move(process)] {});
}

std::unique_ptr<SimStream> BrokerHost::connect() {
  if (!up()) return nullptr;
  auto [ours, theirs] = net_.connect();
  auto& process = *process_;
  process.streams.push_back(theirs.get());
  process.connections.emplace_back(process.broker, std::move(theirs), broker::ConnectionLimits{});
  process.gate.spawn(serve(process, std::prev(process.connections.end())));
  return std::move(ours);
}

Task<void> BrokerHost::serve(Process& process, std::list<broker::Connection>::iterator connection) {
  co_await connection->serve();
  const auto index = std::distance(process.connections.begin(), connection);
  process.streams.erase(process.streams.begin() + index);
  process.connections.erase(connection);
}

void BrokerHost::reset_one_connection() {
  if (!up() || process_->streams.empty()) return;
  process_->streams[loop_.random().below(process_->streams.size())]->reset();
}

void BrokerHost::set_slowest(Millis disk, Millis net) {
  slowest_disk_ = disk;
  net_.set_slowest(net);
  if (!up()) return;
  process_->commit_thread.set_slowest(disk);
  process_->readers.set_slowest(disk);
  process_->maintenance.set_slowest(disk);
}

}  // namespace sluice::sim
