#pragma once
// librdkafka's own in-process cluster: real sockets on a free port of loopback, made-up brokers.

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>

#include "shared/base/check.h"
#include "shared/client/settings.h"

namespace sluice::client {

// Kafka's numbers of the requests that tests make fail.
inline constexpr std::int16_t kProduceRequest = 0;
inline constexpr std::int16_t kInitProducerIdRequest = 22;

// One broker with id 1. Owned by one test.
class MockCluster {
 public:
  MockCluster() {
    char text[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    // Else its answers wait for the acknowledgement of the one before, 40 ms.
    CHECK(rd_kafka_conf_set(conf, "socket.nagle.disable", "true", text, sizeof text) ==
          RD_KAFKA_CONF_OK);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    CHECK(handle_ != nullptr);
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    CHECK(cluster_ != nullptr);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  // This cluster answers a fetch that finds nothing when its wait is over, whatever is written
  // meanwhile; a server of Kafka's answers at once.
  Settings settings() const {
    return {.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster_),
            .client_id = "test",
            .extra = {"fetch.wait.max.ms=10"}};
  }
  void create_topic(const char* name, int partitions) {
    CHECK(rd_kafka_mock_topic_create(cluster_, name, partitions, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void fail_next(std::int16_t request, rd_kafka_resp_err_t error) {
    rd_kafka_mock_push_request_errors(cluster_, request, 1, error);
  }
  // Forgets what fail_next() asked for.
  void heal(std::int16_t request) { rd_kafka_mock_clear_request_errors(cluster_, request); }
  // Answers take this long from now on.
  void delay_answers(int millis) { rd_kafka_mock_broker_set_rtt(cluster_, 1, millis); }
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace sluice::client
