#pragma once
// A Kafka cluster inside of the test's process: librdkafka's own, which keeps records in memory.
// Its ports are free ones of the loopback.

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <memory>
#include <string>

#include "shared/base/check.h"

namespace sluice::tests {

class MockCluster {
 public:
  MockCluster() : client_(make_client()), cluster_(rd_kafka_mock_cluster_new(client_.get(), 1)) {
    CHECK(cluster_ != nullptr);
  }

  void create_topic(const std::string& name, int partitions) {
    CHECK(rd_kafka_mock_topic_create(cluster_.get(), name.c_str(), partitions, 1) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  std::string bootstrap_servers() const { return rd_kafka_mock_cluster_bootstraps(cluster_.get()); }

  void set_down(bool down) {
    CHECK((down ? rd_kafka_mock_broker_set_down(cluster_.get(), 1)
                : rd_kafka_mock_broker_set_up(cluster_.get(), 1)) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }

 private:
  struct DestroyClient {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  };
  struct DestroyCluster {
    void operator()(rd_kafka_mock_cluster_t* cluster) const {
      rd_kafka_mock_cluster_destroy(cluster);
    }
  };

  static rd_kafka_t* make_client() {
    char error[512];
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof error);
    CHECK(client != nullptr);
    return client;
  }

  std::unique_ptr<rd_kafka_t, DestroyClient> client_;
  std::unique_ptr<rd_kafka_mock_cluster_t, DestroyCluster> cluster_;
};

}  // namespace sluice::tests
