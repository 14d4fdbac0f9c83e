"""What an operation costs with ever more partitions and ever more records.

Each level is measured in turns with a second, small broker beside it that stays as it is (one
partition, 10,000 records): the plot in docs/img shows the ratio, so the machine's noise is in both.
"""

import os
import pathlib
import statistics

import flatness_plot
import measuring
from measuring import Broker, cpu_seconds, fill, kafka_admin, port, program

PARTITIONS_PER_TOPIC = 1000
PARTITION_LEVELS = (1, 10, 100, 1_000, 10_000, 100_000)
RECORDS_MAX = int(os.environ.get("SLUICE_BENCH_RECORDS", 10_000_000))
RECORD_LEVELS = [10 ** power for power in range(4, 10) if 10 ** power <= RECORDS_MAX]
SMALL_RECORDS = 10_000
RECORD_BYTES = 20
BATCH_RECORDS = 100
TURNS = 5
LATENCY_COUNT = 400  # operations of a turn, one in flight
LOAD_COUNT = 6_000  # operations of a turn, 64 in flight
PLOTS = pathlib.Path(__file__).parents[2] / "docs/img"
SERIES = ("produce, 1 in flight: p50", "produce, 64 in flight: CPU", "fetch, 1 in flight: p50",
          "fetch, 64 in flight: CPU")


def grow(broker, present, partitions):
    """Topics t-0, t-1, … of up to a thousand partitions each."""
    client = kafka_admin.AdminClient(broker.client_options())
    if 0 < present < PARTITIONS_PER_TOPIC:
        wanted = min(partitions, PARTITIONS_PER_TOPIC)
        client.create_partitions([kafka_admin.NewPartitions("t-0", wanted)])["t-0"].result(60)
        present = wanted
    for first in range(present, partitions, PARTITIONS_PER_TOPIC):
        name = f"t-{first // PARTITIONS_PER_TOPIC}"
        topic = kafka_admin.NewTopic(
            name, num_partitions=min(partitions - first, PARTITIONS_PER_TOPIC),
            replication_factor=1)
        client.create_topics([topic])[name].result(60)


class Costs:
    """One broker's figures of all turns at a level, by series."""

    def __init__(self, broker, partitions, offsets):
        self.broker, self.partitions, self.offsets = broker, partitions, offsets
        self.found = {name: [] for name in SERIES}

    def operations(self, kind, count, in_flight):
        before = cpu_seconds(self.broker)
        result = program("operations_bench", port(self.broker), kind, "t", self.partitions,
                         RECORD_BYTES, BATCH_RECORDS if kind == "fill" else 1, self.offsets, count,
                         in_flight)
        return result["p50_us"], (cpu_seconds(self.broker) - before) * 1e6 / count

    def turn(self):
        for kind in ("produce", "fetch"):
            p50, _ = self.operations(kind, LATENCY_COUNT, 1)
            _, cpu = self.operations(kind, LOAD_COUNT, 64)
            self.found[f"{kind}, 1 in flight: p50"].append(p50)
            self.found[f"{kind}, 64 in flight: CPU"].append(cpu)

    def median(self, name):
        return statistics.median(self.found[name])


def level(what, count, big, small):
    """In turns; prints the row and returns the ratios to the small broker."""
    for _ in range(TURNS):
        big.turn()
        small.turn()
    ratios = {name: big.median(name) / small.median(name) for name in SERIES}
    measuring.row(f"{count:,} {what}", *(f"{big.median(name):.0f} µs, {ratios[name]:.2f} ×"
                                         for name in SERIES))
    return ratios


def small_broker(folder, **options):
    broker = Broker(folder, options).start().wait_ready()
    grow(broker, 0, 1)
    fill(broker, "t", 1, RECORD_BYTES, BATCH_RECORDS, SMALL_RECORDS // BATCH_RECORDS)
    return broker


def partitions_part(folder):
    broker = Broker(folder / "partitions").start().wait_ready()
    small = small_broker(folder / "one")
    empty = broker.memory_kib()
    measuring.head("level", *SERIES)
    points, present = [], 0
    for count in PARTITION_LEVELS:
        grow(broker, present, count)
        present = count
        created = broker.memory_kib()
        fill(broker, "t", count, RECORD_BYTES, BATCH_RECORDS, count)
        points.append((count, level("partitions", count, Costs(broker, count, BATCH_RECORDS),
                                    Costs(small, 1, SMALL_RECORDS))))
    count = PARTITION_LEVELS[-1]
    print(f"\n{count:,} partitions: {(created - empty) * 1024 / count:,.0f} B each once created, "
          f"{(broker.memory_kib() - empty) * 1024 / count:,.0f} B with records in each (tail cache "
          "and what waits to be flushed are in it)")
    small.finish()
    broker.finish()
    broker.start().wait_ready()
    print(f"restart after SIGTERM: ready in {broker.seconds_to_ready:.2f} s, "
          f"{(broker.memory_kib() - empty) * 1024 / count:,.0f} B each")
    broker.kill9()
    broker.start().wait_ready()
    print(f"restart after kill -9: ready in {broker.seconds_to_ready:.2f} s\n")
    broker.finish()
    return points


def records_part(folder):
    """Without a tail cache, and read from table files: what a fetch of old records costs."""
    options = {"tail_cache_bytes": 0}
    small = small_broker(folder / "small", **options)
    broker = Broker(folder / "records", options).start().wait_ready()
    grow(broker, 0, 1)
    measuring.head("level", *SERIES)
    points, filled = [], 0
    for count in RECORD_LEVELS:
        fill(broker, "t", 1, RECORD_BYTES, BATCH_RECORDS, (count - filled) // BATCH_RECORDS)
        filled = count
        for daemon in (broker, small):
            daemon.kill9()  # the replay writes what was in memory to table files
            daemon.start().wait_ready()
        points.append((count, level("records", count, Costs(broker, 1, count),
                                    Costs(small, 1, SMALL_RECORDS))))
    small.finish()
    broker.finish()
    return points


def plot(title, points):
    PLOTS.mkdir(exist_ok=True)
    path = PLOTS / f"cost-over-{title}.svg"
    path.write_text(flatness_plot.svg(title, points, SERIES), encoding="utf-8")
    print(f"plotted into {path}")


def run_partitions(folder):
    plot("partitions", partitions_part(folder))


def run_records(folder):
    plot("records", records_part(folder))


def run(folder):
    run_partitions(folder)
    run_records(folder)
