// A whole broker behind one connection over a memory stream: bytes in, bytes out.

#include "broker/connection.h"

#include "shared/log/log.h"
#include "shared/wire/messages/api_versions.h"
#include "shared/wire/messages/create_topics.h"
#include "shared/wire/messages/fetch.h"
#include "shared/wire/messages/list_groups.h"
#include "shared/wire/messages/produce.h"
#include "tests/support/memory_stream.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

class Talk {
 public:
  explicit Talk(ConnectionLimits limits = {}, std::uint64_t seed = 3) : loop(seed) {
    log::start("unit_broker", log::Level::error);
    REQUIRE(broker.start());
    auto [ours, theirs] = MemoryStream::pair();
    client = std::move(ours);
    connection = std::make_unique<Connection>(broker, std::move(theirs), limits);
    serving.emplace(connection->serve());
  }
  ~Talk() {
    client->close();
    broker.begin_stop();
    CHECK(run_until([&] { return serving->done(); }));
    auto stopped = broker.stop();
    CHECK(run_until([&] { return stopped.done(); }));
  }

  bool run_until(const std::function<bool()>& done) {
    loop.run(done, 100'000);
    return done();
  }

  template <class Request>
  void send(const Request& request, std::int16_t version, std::int32_t correlation) {
    client->feed(wire::encode_request(
        {.api_version = version, .correlation_id = correlation, .client_id = "t"}, request));
  }
  // The next whole reply without its length; empty when none comes.
  Buffer reply() {
    const auto whole = [&] {
      received += client->drain();
      return received.size() >= 4 &&
             received.size() >=
                 4 + static_cast<std::size_t>(load_be<std::int32_t>(received.data()));
    };
    if (!run_until([&] { return whole() || serving->done(); }) || !whole()) return {};
    const auto size = static_cast<std::size_t>(load_be<std::int32_t>(received.data()));
    Buffer frame = received.substr(4, size);
    received.erase(0, 4 + size);
    return frame;
  }
  template <class Response>
  Response reply_as(std::int16_t version, std::int32_t correlation) {
    const Buffer frame = reply();
    const auto parsed = wire::decode_response_frame(frame, Response::key, version);
    REQUIRE(parsed);
    CHECK(parsed->correlation_id == correlation);
    auto response = wire::decode<Response>(parsed->body, version);
    REQUIRE(response);
    return std::move(*response);
  }
  void wake_at(Instant when) {
    if (when >= armed_at) return;
    armed_at = when;
    loop.at(when, [this, when] {
      if (armed_at != when) return;
      armed_at = Instant::never();
      broker.tick();
    });
  }
  bool closed() {
    return run_until([&] { return serving->done(); });
  }

  void create_topic(const std::string& name, const std::string& config = {}) {
    wire::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    if (!config.empty()) topic.configs.push_back({config, "true"});
    send(request, 5, 900);
    CHECK(reply_as<wire::CreateTopicsResponse>(5, 900).topics.front().error_code ==
          ErrorCode::none);
  }
  void produce(ByteView batch, std::int16_t acks, std::int32_t correlation,
               const std::string& name = "t") {
    wire::ProduceRequest request{.acks = acks, .timeout_ms = 1'000};
    auto& topic = request.topic_data.emplace_back();
    topic.name = name;
    topic.partition_data.push_back({.index = 0, .records = batch});
    send(request, 9, correlation);
  }
  void fetch(Offset offset, std::int32_t max_wait_ms, std::int32_t correlation) {
    wire::FetchRequest request{.max_wait_ms = max_wait_ms, .min_bytes = 1};
    auto& topic = request.topics.emplace_back();
    topic.topic = "t";
    topic.partitions.push_back(
        {.partition = 0, .fetch_offset = offset, .partition_max_bytes = 1 << 20});
    send(request, 11, correlation);
  }

  SimLoop loop;
  SimDisk disk;
  std::unique_ptr<SimStore> store = disk.open();
  SimOffload commit_thread{loop, SimOffload::Threads::one, Millis(3)};
  SimOffload readers{loop, SimOffload::Threads::many, Millis(3)};
  SimOffload maintenance{loop, SimOffload::Threads::one, Millis(3)};
  Instant armed_at = Instant::never();
  Broker broker{{.auto_create_topics = false},
                {.clock = loop.clock(),
                 .random = loop.random(),
                 .store = *store,
                 .commit_thread = commit_thread,
                 .readers = readers,
                 .maintenance = maintenance,
                 .wake_at = [this](Instant when) { wake_at(when); }}};
  std::unique_ptr<MemoryStream> client;
  std::unique_ptr<Connection> connection;
  std::optional<Task<void>> serving;
  Buffer received;
};

TEST_CASE("ApiVersions names every API; an unknown version gets a v0 answer with the range") {
  Talk talk;
  talk.send(wire::ApiVersionsRequest{.client_software_name = "x", .client_software_version = "1"},
            3, 1);
  const auto versions = talk.reply_as<wire::ApiVersionsResponse>(3, 1);
  CHECK(versions.error_code == ErrorCode::none);
  CHECK(versions.api_keys.size() >= 20);
  // Version 99 has a body and header that nobody knows.
  Buffer frame;
  append_be(frame, std::int16_t{18});
  append_be(frame, std::int16_t{99});
  append_be(frame, std::int32_t{2});
  append_be(frame, std::int16_t{-1});
  frame += Buffer("\0whatever", 9);
  Buffer sized;
  append_be(sized, static_cast<std::int32_t>(frame.size()));
  talk.client->feed(sized + frame);
  const auto refused = talk.reply_as<wire::ApiVersionsResponse>(0, 2);
  CHECK(refused.error_code == ErrorCode::unsupported_version);
  REQUIRE(refused.api_keys.size() == 1);
  CHECK(refused.api_keys.front().api_key == wire::ApiKey::api_versions);
  // And the connection goes on.
  talk.send(wire::ApiVersionsRequest{}, 0, 3);
  CHECK(talk.reply_as<wire::ApiVersionsResponse>(0, 3).error_code == ErrorCode::none);
}

TEST_CASE("a bad software name is refused in ApiVersions v3") {
  Talk talk;
  talk.send(wire::ApiVersionsRequest{.client_software_name = "-", .client_software_version = "1"},
            3, 1);
  CHECK(talk.reply_as<wire::ApiVersionsResponse>(3, 1).error_code == ErrorCode::invalid_request);
}

TEST_CASE("replies keep the order of the requests even when the first one waits") {
  Talk talk;
  talk.create_topic("t");
  talk.fetch(0, 5'000, 1);
  talk.send(wire::ApiVersionsRequest{}, 0, 2);
  talk.send(wire::ListGroupsRequest{}, 0, 3);
  const Instant before = talk.loop.clock().now();
  CHECK(talk.reply_as<wire::FetchResponse>(11, 1)
            .responses.front()
            .partitions.front()
            .records->empty());
  CHECK(talk.loop.clock().now() - before >= Millis(5'000));
  talk.reply_as<wire::ApiVersionsResponse>(0, 2);
  talk.reply_as<wire::ListGroupsResponse>(0, 3);
}

TEST_CASE("an append wakes a waiting fetch of the same connection") {
  Talk talk;
  talk.create_topic("t");
  const Instant before = talk.loop.clock().now();
  talk.fetch(0, 60'000, 1);
  talk.produce(tests::batch_of({"a"}), -1, 2);
  const auto fetched = talk.reply_as<wire::FetchResponse>(11, 1);
  CHECK(tests::text_of(fetched.responses.front().partitions.front().records->copy()) == "0=a ");
  CHECK(talk.reply_as<wire::ProduceResponse>(9, 2)
            .responses.front()
            .partition_responses.front()
            .base_offset == 0);
  CHECK(talk.loop.clock().now() - before < Millis(1'000));
}

// Records "0", "1", … each with one header, or none.
Buffer batch_with(const std::vector<std::pair<std::string, std::string>>& headers) {
  wire::RecordBatchBuilder builder;
  int number = 0;
  for (const auto& [name, text] : headers) {
    const std::string value = std::to_string(number++);
    wire::Record record{.timestamp_ms = 1'000, .value = value};
    if (!name.empty()) record.headers.push_back({name, text});
    builder.add(record);
  }
  return std::move(builder).finish();
}

TEST_CASE("a delayed record wakes a waiting fetch when it is due, and not before") {
  Talk talk;
  talk.create_topic("t", "delivery.delay.enable");
  talk.produce(batch_with({{"", ""}, {"delay-ms", "700"}}), -1, 1);
  const auto produced = talk.reply_as<wire::ProduceResponse>(9, 1);
  const auto& answer = produced.responses.front().partition_responses.front();
  CHECK(answer.error_code == ErrorCode::none);
  CHECK(answer.base_offset == -1);
  const Instant before = talk.loop.clock().now();
  talk.fetch(1, 60'000, 2);
  const auto fetched = talk.reply_as<wire::FetchResponse>(11, 2);
  CHECK(tests::text_of(fetched.responses.front().partitions.front().records->copy()) == "1=1 ");
  const auto waited = talk.loop.clock().now() - before;
  CHECK(waited >= Millis(650));
  CHECK(waited <= Millis(750));
}

TEST_CASE("a bad header refuses its batch and is named") {
  Talk talk;
  talk.create_topic("t", "delivery.delay.enable");
  talk.create_topic("plain");
  const Buffer batch = batch_with({{"", ""}, {"delay-ms", "5"}, {"deliver-at", "tomorrow"}});
  talk.produce(batch, -1, 1);
  const auto refused = talk.reply_as<wire::ProduceResponse>(9, 1);
  const auto& answer = refused.responses.front().partition_responses.front();
  CHECK(answer.error_code == ErrorCode::invalid_record);
  REQUIRE(answer.record_errors.size() == 1);
  CHECK(answer.record_errors.front().batch_index == 2);
  CHECK(answer.error_message->starts_with("record 2: header deliver-at is \"tomorrow\""));
  CHECK(talk.broker.delayed_records() == 0);
  // Where nobody asked for it, the headers mean nothing.
  talk.produce(batch, -1, 2, "plain");
  CHECK(talk.reply_as<wire::ProduceResponse>(9, 2)
            .responses.front()
            .partition_responses.front()
            .base_offset == 0);
}

TEST_CASE("a fetch of a topic that is deleted meanwhile does not wait on") {
  // Whether the read or the deletion comes first is the seed's choice.
  std::uint64_t seed = 0;
  for (; seed < 12; ++seed) {
    CAPTURE(seed);
    Talk talk({}, seed);
    talk.create_topic("t");
    talk.produce(tests::batch_of({"a"}), -1, 1);
    talk.reply_as<wire::ProduceResponse>(9, 1);
    const Instant before = talk.loop.clock().now();
    // The read is under way when the topic goes.
    talk.fetch(0, 600'000, 2);
    std::vector<PartitionId> removed;
    auto gone = talk.broker.topics().remove("t", &removed);
    for (const PartitionId id : removed) talk.broker.partition_deleted(id);
    talk.reply_as<wire::FetchResponse>(11, 2);
    CHECK(talk.loop.clock().now() - before < Millis(1'000));
    CHECK(talk.run_until([&] { return gone.done(); }));
  }
}

TEST_CASE("acks=0 is not answered; its failure closes the connection") {
  Talk talk;
  talk.create_topic("t");
  talk.produce(tests::batch_of({"a"}), 0, 1);
  talk.send(wire::ApiVersionsRequest{}, 0, 2);
  talk.reply_as<wire::ApiVersionsResponse>(0, 2);  // the first reply there is
  talk.fetch(0, 0, 3);
  const auto fetched = talk.reply_as<wire::FetchResponse>(11, 3);
  CHECK(tests::text_of(fetched.responses.front().partitions.front().records->copy()) == "0=a ");
  talk.produce(tests::batch_of({"a"}), 0, 4, "unknown");
  CHECK(talk.closed());
  CHECK(talk.reply().empty());
}

TEST_CASE("hostile frames close the connection") {
  Talk talk({.frame_bytes_max = 1'000});
  SUBCASE("a negative length") {
    talk.client->feed("\xff\xff\xff\xff");
  }
  SUBCASE("a length above the limit") {
    talk.client->feed(Buffer("\0\0\x03\xe9", 4));
  }
  SUBCASE("another protocol") {
    talk.client->feed("GET / HTTP/1.1\r\n\r\n");
  }
  SUBCASE("an empty frame") {
    talk.client->feed(Buffer("\0\0\0\0", 4));
  }
  SUBCASE("a header that is cut short") {
    talk.client->feed(Buffer("\0\0\0\4\0\x12\0\0", 8));
  }
  SUBCASE("an API that does not exist") {
    talk.client->feed(Buffer("\0\0\0\x0a\x03\xe7\0\0\0\0\0\1\xff\xff", 14));
  }
  SUBCASE("a version that does not exist") {
    talk.client->feed(Buffer("\0\0\0\x0a\0\x01\0\x63\0\0\0\1\xff\xff", 14));
  }
  SUBCASE("a body that is cut short") {
    Buffer frame = wire::encode_request({.api_version = 5}, wire::CreateTopicsRequest{});
    frame.resize(frame.size() - 2);
    store_be(frame.data(), static_cast<std::int32_t>(frame.size() - 4));
    talk.client->feed(frame);
  }
  CHECK(talk.closed());
  CHECK(talk.client->ended());
  CHECK(talk.reply().empty());
}

TEST_CASE("bytes behind a request are ignored, as Kafka does") {
  Talk talk;
  Buffer frame =
      wire::encode_request({.api_version = 0, .correlation_id = 4}, wire::ListGroupsRequest{}) +
      "x";
  store_be(frame.data(), static_cast<std::int32_t>(frame.size() - 4));
  talk.client->feed(frame);
  talk.reply_as<wire::ListGroupsResponse>(0, 4);
}

TEST_CASE("what came before a hostile frame is still answered") {
  Talk talk;
  talk.send(wire::ApiVersionsRequest{}, 0, 1);
  talk.client->feed("\xff\xff\xff\xff");
  talk.reply_as<wire::ApiVersionsResponse>(0, 1);
  CHECK(talk.closed());
}

TEST_CASE("a frame arrives byte by byte, and half of one ends with its peer") {
  Talk talk;
  const Buffer frame =
      wire::encode_request({.api_version = 0, .correlation_id = 7}, wire::ApiVersionsRequest{});
  for (const char byte : frame) talk.client->feed(ByteView(&byte, 1));
  talk.reply_as<wire::ApiVersionsResponse>(0, 7);
  talk.client->feed(ByteView(frame).substr(0, frame.size() - 1));
  CHECK_FALSE(talk.serving->done());
  talk.client->finish_sending();
  CHECK(talk.closed());
}

TEST_CASE("more requests than may run at a time are answered all the same, in order") {
  Talk talk({.in_flight_max = 2});
  talk.create_topic("t");
  for (std::int32_t i = 0; i < 50; ++i) talk.produce(tests::batch_of({"v"}), -1, i);
  for (std::int32_t i = 0; i < 50; ++i) {
    const auto produced = talk.reply_as<wire::ProduceResponse>(9, i);
    CHECK(produced.responses.front().partition_responses.front().base_offset == i);
  }
  talk.connection->finish();
  CHECK(talk.closed());
}

TEST_CASE("finish() answers what is in flight; nothing new is taken") {
  Talk talk;
  talk.create_topic("t");
  talk.produce(tests::batch_of({"a"}), -1, 1);
  talk.connection->finish();
  talk.reply_as<wire::ProduceResponse>(9, 1);
  CHECK(talk.closed());
}

TEST_CASE("all partitions of a produce request are durable with one write") {
  Talk talk;
  for (const char* name : {"t", "u", "v"}) talk.create_topic(name);
  const std::size_t before = talk.disk.writes();
  const Buffer batch = tests::batch_of({"a"});
  wire::ProduceRequest request{.acks = -1, .timeout_ms = 1'000};
  for (const char* name : {"t", "u", "v"}) {
    auto& topic = request.topic_data.emplace_back();
    topic.name = name;
    topic.partition_data.push_back({.index = 0, .records = batch});
  }
  talk.send(request, 9, 1);
  talk.reply_as<wire::ProduceResponse>(9, 1);
  CHECK(talk.disk.writes() - before == 1);
}

TEST_CASE("a started broker looks after its store without being asked anything") {
  const Talk talk;
  CHECK(talk.armed_at != Instant::never());
}

TEST_CASE("a store that fails is told to producers and to health") {
  Talk talk;
  talk.create_topic("t");
  CHECK(talk.broker.unhealthy().empty());
  talk.disk.fail_next_write();
  for (std::int32_t i = 0; i < 3; ++i) {
    talk.produce(tests::batch_of({"a"}), -1, i);
    CHECK(talk.reply_as<wire::ProduceResponse>(9, i)
              .responses.front()
              .partition_responses.front()
              .error_code == ErrorCode::kafka_storage_error);
  }
  CHECK_FALSE(talk.broker.unhealthy().empty());
  talk.fetch(0, 0, 9);
  CHECK(talk.reply_as<wire::FetchResponse>(11, 9)
            .responses.front()
            .partitions.front()
            .records->empty());
}

}  // namespace
}  // namespace sluice::broker
