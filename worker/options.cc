#include "worker/options.h"

#include <fmt/format.h>
#include <boost/url.hpp>

#include "shared/net/host_port.h"
#include "shared/orders/database.h"
#include "worker/webhook_signature.h"

namespace sluice::worker {

namespace {

namespace urls = boost::urls;

void describe_webhook(config::Schema& schema, Options& options) {
  schema.add("webhook_url", options.webhook_url, "URL",
             "Where the shop's own system is told what becomes of orders: http or https. Set it, "
             "as all webhook options, in all workers of a group. Empty: nobody is told.");
  schema.add("webhook_secret_files", options.webhook_secret_files, "path,...",
             "Files with the secrets that deliveries are signed with: whsec_ and the base64 of 24 "
             "to 64 random bytes. Two while one is replaced: a delivery has a signature of each.");
  schema.add("webhook_ca_file", options.webhook_ca_file, "path",
             "PEM file of the authorities that the shop's certificate may be of. Empty: the "
             "system's.");
  schema
      .add("webhook_timeout", options.webhook_timeout,
           "A delivery that is not answered in this time has failed, and is sent again.")
      .between(100, 120'000);
  schema
      .add("webhook_concurrency", options.webhook_concurrency, "requests",
           "Deliveries under way at a time, of different orders. PATCH /v1/worker on the admin "
           "address changes it at run time.")
      .between(1, kWebhookConcurrencyMax);
  schema
      .add("webhook_retry_max_delay", options.webhook_retry_max_delay,
           "The longest time between two attempts, which begin a second apart. An answer with "
           "Retry-After may ask for more, up to an hour.")
      .between(10, 86'400'000);
  schema
      .add("webhook_retry_for", options.webhook_retry_for,
           "A delivery that still fails so long after its first attempt is parked: it waits for "
           "somebody to send it back (sluicectl webhook redeliver).")
      .between(0, 30LL * 86'400'000);
}

std::unexpected<Error> wrong_url(std::string_view why) {
  return fail(Code::invalid, fmt::format("webhook_url: {}", why));
}

// Without the text, which may hold somebody's password.
Result<void> check_webhook(const Options& options) {
  if (options.webhook_url.empty()) {
    if (options.webhook_secret_files.empty() && options.webhook_ca_file.empty()) return {};
    return wrong_url("is empty, but there are secrets or authorities for it");
  }
  const auto url = urls::parse_absolute_uri(options.webhook_url);
  if (!url) return wrong_url("is no URL; a fragment (#) is none of its parts");
  if (url->scheme() != "http" && url->scheme() != "https") {
    return wrong_url("must begin with http:// or https://");
  }
  if (url->host().empty()) return wrong_url("names no host");
  if (url->has_userinfo()) return wrong_url("must have no user and password");
  const std::size_t secrets = options.webhook_secret_files.size();
  if (secrets >= 1 && secrets <= kMaxWebhookSecrets) return {};
  return fail(Code::invalid, fmt::format("webhook_secret_files: webhook_url needs 1 to {}, has {}",
                                         kMaxWebhookSecrets, secrets));
}

}  // namespace

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
  describe_webhook(schema, options);
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
  schema.add_rule([&options] { return check_webhook(options); });
  return schema;
}

}  // namespace sluice::worker
