"""How a worker places orders that queued up while it was down: speed, what it says of its end, and
its memory, over the whole drain."""

import os
import time

import measuring
import placing
from measuring import Broker, harness

ORDERS = int(os.environ.get("SLUICE_BENCH_ORDERS", 1_000_000))
PARTITIONS = 4
SALES = 12  # each in one partition
LOOKS = 10  # lines of the table
KINDS = (placing.Sqlite, placing.BenchPostgresql)


class Look:
    """What the worker said, and what it was, at one moment."""

    def __init__(self, worker, began):
        shown = harness.Http(worker.admin).get("/v1/worker").json
        self.at = time.monotonic() - began
        self.placed = placing.placed(worker)
        self.waiting, self.lag = shown["waiting_records"], shown["lag_records"]
        self.eta = shown["eta_seconds"]
        self.rate = shown["records_per_second"]
        self.memory = worker.memory_kib()


def drained(worker, limit=1800):
    """Looks four times a second until every order is placed."""
    began, looks = time.monotonic(), []

    def all_placed():
        looks.append(Look(worker, began))
        return looks[-1].placed >= ORDERS

    harness.eventually(all_placed, limit, "all orders are placed", every=0.25)
    return looks


def report(name, looks):
    """Some of the looks, evenly over the orders, and the last."""
    end = looks[-1].at
    first = next(look for look in looks if look.placed > 0)
    print(f"\n{name}: {ORDERS / (end - first.at):,.0f} orders/s\n")
    measuring.head("placed", "after s", "resident", "waiting_records", "lag_records",
                   "records_per_second", "eta_seconds", "all placed after another")
    for part in range(LOOKS + 1):
        look = next(look for look in looks if look.placed >= ORDERS * part / LOOKS)
        eta = "–" if look.eta is None else look.eta
        measuring.row(f"{look.placed:,}", f"{look.at:.1f}", measuring.mib(look.memory),
                      f"{look.waiting:,}", f"{look.lag:,}", f"{look.rate:,.0f}", eta,
                      f"{end - look.at:.1f} s")


def run(folder):
    for kind in KINDS:
        server = kind(folder / kind.name.lower()).start()
        try:
            drain(folder, server)
        finally:
            server.discard()


def drain(folder, server):
    """On a log of its own: a drain leaves its outcomes there."""
    broker = Broker(folder / f"broker-{server.name.lower()}").start().wait_ready()
    broker.create_topic(harness.ORDERS_TOPIC, PARTITIONS)
    measuring.program("ledger_bench", broker.listen, PARTITIONS, SALES, ORDERS, "reserved")
    server.create("orders")
    worker = harness.Worker(folder / f"worker-{server.name.lower()}", broker,
                            {"database": server.url("orders")}).start()
    report(server.name, drained(worker))
    worker.finish()
    broker.finish()
