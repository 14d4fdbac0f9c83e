#include "worker/options.h"

#include "shared/net/host_port.h"
#include "shared/orders/database.h"

namespace sluice::worker {

config::Schema describe(Options& options) {
  config::Schema schema("sluice-worker", "Places the orders of the log in a database");
  schema.add("bootstrap_servers", options.bootstrap_servers, "host:port, comma separated",
             "Where the log is: any server that speaks Kafka's protocol.");
  schema.add("admin_listen", options.admin_listen, "host:port",
             "Where /healthz, /readyz and /metrics are served over HTTP. Port 0 takes a free one, "
             "which the log names.");
  schema.add(
      "database", options.database, "URL",
      "Where orders are placed: sqlite:PATH, postgresql://USER:PASSWORD@HOST:PORT/NAME or "
      "mysql://USER:PASSWORD@HOST:PORT/NAME (MariaDB too). SQLite's file and its folder, and "
      "the tables are made at the first start.");
  schema.add("group_id", options.group_id, "consumer group",
             "Workers of one group share the partitions; all of them must use the same database.");
  schema.add("orders_topic", options.orders_topic, "topic",
             "The topic that the frontend writes reserves to. Outcomes go to the same topic, "
             "records that cannot be read to the topic of that name with dlq. before it.");
  schema
      .add("batch_records", options.batch_records, "records",
           "The most that go into one database transaction. More is faster, until a transaction "
           "takes so long that orders wait for it.")
      .between(1, 100'000);
  schema
      .add("max_orders_per_second", options.max_orders_per_second, "orders a second",
           "How many orders this worker places at most; 0: as many as it can. What waits, waits on "
           "the log. PATCH /v1/worker on the admin address changes it at run time.")
      .between(0, kOrdersPerSecondMax);
  schema
      .add("session_timeout", options.session_timeout,
           "After this long without a sign of life the group gives a worker's partitions to "
           "another one.")
      .between(6'000, 300'000);
  schema.add(
      "group_instance_id", options.group_instance_id, "name",
      "A name of this worker that no other of its group has (static membership, KIP-345): it "
      "gets its partitions back after a restart within session_timeout, and the others keep "
      "theirs. Empty: a worker that stops hands its partitions over at once.");
  schema.add("log_level", options.log_level, "word", "The least severe lines that are logged.")
      .one_of({"debug", "info", "warning", "error"});
  schema.add("kafka", options.kafka, "name=value,...",
             "Further options of the Kafka client (librdkafka's names), such as "
             "security.protocol=ssl.");
  schema.add_rule(
      [&options] { return net::check_host_port("admin_listen", options.admin_listen); });
  schema.add_rule([&options]() -> Result<void> {
    TRY_VOID(orders::parse_database(options.database));
    return {};
  });
  return schema;
}

}  // namespace sluice::worker
