"""How long until a frontend is ready over a log of many orders, with snapshots of it and without;
and until a worker places orders, whose database has their sums and whose has not."""

import os
import sqlite3
import time

import confluent_kafka

import measuring
from measuring import Broker, eventually, harness

from harness import Frontend, Worker, sale

ORDERS = int(os.environ.get("SLUICE_RECOVERY_ORDERS", 1_000_000))
PARTITIONS = 4
SALES = 3
STARTS = measuring.rounds()
NO_SNAPSHOTS = {"data_dir": ""}


def fill(broker):
    broker.create_topic(harness.ORDERS_TOPIC, PARTITIONS,
                        {"retention.ms": "-1", "retention.bytes": "-1"})
    return measuring.program("ledger_bench", broker.listen, PARTITIONS, SALES, ORDERS,
                             "placed")


def frontend_starts(folder, broker, options):
    """Start to ready, in seconds, kill -9 between the starts; CPU of both, memory of the last."""
    frontend = Frontend(folder / "frontend", broker, [sale("fresh", 10)], options)
    if options != NO_SNAPSHOTS:
        frontend.start().wait_ready(120)  # the snapshots are those that it takes while it reads
        frontend.kill9()
    times, cpu = [], []
    for _ in range(STARTS):
        before = measuring.cpu_seconds(broker)
        began = time.monotonic()
        frontend.start()
        eventually(frontend.is_ready, 120, every=0.002)
        times.append(time.monotonic() - began)
        cpu.append((measuring.cpu_seconds(frontend), measuring.cpu_seconds(broker) - before))
        memory = frontend.memory_kib()
        frontend.kill9()
    return times, cpu, memory


def worker_starts(folder, broker, frontend):
    """Seconds until its first row, of a worker whose database has read the whole log before: a
    database of version 2, and then one of the newest."""
    worker = Worker(folder / "worker", broker, {"batch_records": 1}).start()
    eventually(lambda: len(positions(worker)) == PARTITIONS, 60, "the partitions are claimed")
    worker.sigterm()  # it leaves its group: the next one does not wait for its session to end
    del worker.options["batch_records"]  # it was to place few
    consumer = confluent_kafka.Consumer(broker.client_options(group_id="bench"))
    with sqlite3.connect(worker.database, timeout=20) as database:
        for partition in range(PARTITIONS):
            end = consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(harness.ORDERS_TOPIC, partition))[1]
            database.execute("update log_positions set next_offset = ? where log_partition = ?",
                             (end, partition))
        database.execute("delete from ledger_folds")
        database.execute("delete from ledger_sales")
    consumer.close()
    for user in ("somebody", "somebody-else"):
        order = frontend.order("fresh", user).json["order_id"]
        began = time.monotonic()
        worker.start()
        eventually(lambda: worker.rows(where=f"order_id = '{order}'"), 120, every=0.01)
        yield time.monotonic() - began, measuring.cpu_seconds(worker), worker.memory_kib()
        worker.sigterm()


def positions(worker):
    if not worker.database.exists():
        return []
    with sqlite3.connect(f"file:{worker.database}?mode=ro", uri=True, timeout=20) as database:
        try:
            return database.execute("select next_offset from log_positions").fetchall()
        except sqlite3.OperationalError:  # the tables are being made
            return []


def run(folder):
    broker = Broker(folder / "broker").start().wait_ready()
    written = fill(broker)
    print(f"{ORDERS:,} orders, {written['records']:,} records over {PARTITIONS} partitions, "
          f"written in {written['seconds']:.1f} s\n", flush=True)
    measuring.head("snapshots", "start", "ready s", "CPU of the frontend s", "CPU of the broker s",
                   "MiB resident")
    for name, options in (("no", NO_SNAPSHOTS), ("yes", {})):
        times, cpu, memory = frontend_starts(folder, broker, options)
        for number, (seconds, (ours, broker_cpu)) in enumerate(zip(times, cpu), 1):
            measuring.row(name, number, f"{seconds:.2f}", f"{ours:.2f}", f"{broker_cpu:.2f}",
                          measuring.mib(memory))
    print()
    measuring.head("the worker's database", "first row s", "CPU s", "MiB resident")
    frontend = Frontend(folder / "frontend", broker, [sale("fresh", 10)])
    frontend.start().wait_ready(120)
    starts = worker_starts(folder, broker, frontend)
    for name, (seconds, used, memory) in zip(("of version 2", "of version 3"), starts):
        measuring.row(name, f"{seconds:.2f}", f"{used:.2f}", measuring.mib(memory))
    frontend.finish()
    broker.finish()
