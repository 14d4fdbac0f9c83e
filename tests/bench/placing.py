"""How fast a worker places orders that wait on the log, beside what the database takes in bulk.

The yardstick: the same rows into the same table by the database's own program, as many rows to a
statement and a transaction as the worker takes, on an empty database in the same run.
"""

import base64
import json
import os
import secrets
import subprocess
import time

import measuring  # puts the folder of harness and database_servers on the path
from measuring import Broker, harness

from database_servers import PASSWORD, Mariadb, Postgresql

PARTITIONS = 4
BATCH = 1_000  # the default of batch_records
ORDERS = int(os.environ.get("SLUICE_BENCH_ORDERS", 100_000))


def reserves(count):
    """Order ids and the events of a sale in which they were reserved."""
    now = int(time.time() * 1000)
    for n in range(count):
        order = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
        yield {"type": "reserve", "order": order, "sale": f"sale-{n % PARTITIONS}",
               "user": f"user-{n}", "quantity": 1, "unit_price": 9900, "currency": "CNY",
               "reserved_at": now, "deadline": now + 900_000, "epoch": 1}


def fill(broker, events):
    """The orders topic, as a frontend writes it; the sales are in any partition they like."""
    broker.create_topic(harness.ORDERS_TOPIC, PARTITIONS)
    producer = broker.producer(linger_ms=5, queue_buffering_max_messages=500_000)

    def send(event, partition, key):
        while True:
            try:
                return producer.produce(harness.ORDERS_TOPIC, json.dumps(event), key,
                                        partition=partition)
            except BufferError:
                producer.poll(0.05)

    for partition in range(PARTITIONS):
        send({"type": "epoch", "epoch": 1, "writer": "bench"}, partition, "epoch")
        send({"type": "sale", "sale": f"sale-{partition}", "title": "x", "stock": len(events),
              "unit_price": 9900, "currency": "CNY", "per_user_limit": 1}, partition,
             f"sale:sale-{partition}")
    for n, event in enumerate(events):
        send(event, n % PARTITIONS, event["order"])
        producer.poll(0)
    assert producer.flush(300) == 0


def insert_text(events):
    """The rows as SQL that every database reads."""
    for begin in range(0, len(events), BATCH):
        rows = ",\n".join(
            f"('{e['order']}','{e['sale']}','{e['user']}',1,9900,'CNY','placed','',"
            f"{e['reserved_at']},{e['deadline']},{e['reserved_at']},{n % PARTITIONS},{n})"
            for n, e in enumerate(events[begin:begin + BATCH], begin))
        yield f"BEGIN;\nINSERT INTO orders VALUES {rows};\nCOMMIT;\n"


class Sqlite:
    name = "SQLite"

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.folder = folder

    def start(self):
        return self

    def discard(self):
        pass

    def create(self, database):
        pass

    def url(self, database):
        return f"sqlite:{self.folder / database}.db"

    def client(self, database):
        return ["sqlite3", "-bail", "-cmd", "pragma synchronous=full",
                str(self.folder / database) + ".db"]


class BenchPostgresql(Postgresql):
    fsync = "on"

    def client(self, database):
        return ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]


class BenchMariadb(Mariadb):
    def client(self, database):
        return ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u",
                "sluice", f"--password={PASSWORD}", database]


def in_bulk(server, folder, database, events):
    """Rows a second by the database's own program; the table is the worker's."""
    text = folder / "rows.sql"
    with open(text, "w", encoding="ascii") as file:
        file.writelines(insert_text(events))
    with open(text, "rb") as file:
        begun = time.monotonic()
        done = subprocess.run(server.client(database), stdin=file, capture_output=True, check=False)
        took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    text.unlink()
    return len(events) / took


def placed(worker):
    return int(measuring.metric(worker, r'sluice_worker_orders_total\{state="placed"\}'))


def drained(worker, orders, limit=600):
    """Orders a second from the first one placed to the last, and the memory then and at the end."""
    harness.eventually(lambda: placed(worker) > 0, 60, "the first orders are placed")
    begun, first = time.monotonic(), placed(worker)
    memory = worker.memory_kib()
    harness.eventually(lambda: placed(worker) >= orders, limit, "all orders are placed", every=0.05)
    return (orders - first) / (time.monotonic() - begun), memory, worker.memory_kib()


def run(folder):
    events = list(reserves(ORDERS))
    broker = Broker(folder / "broker").start().wait_ready()
    fill(broker, events)
    measuring.head("database", "orders/s", "bulk rows/s", "x bulk", "resident first", "last")
    for kind in (Sqlite, BenchPostgresql, BenchMariadb):
        server = kind(folder / kind.name.lower()).start()
        try:
            place(broker, server, folder, events)
        finally:
            server.discard()
    broker.finish()


def place(broker, server, folder, events):
    server.create("orders")
    worker = harness.Worker(folder / f"worker-{server.name.lower()}", broker,
                            {"database": server.url("orders"),
                             "group_id": f"bench-{server.name.lower()}"}).start()
    rate, first, last = drained(worker, len(events))
    worker.finish()
    server.create("bulk")
    empty = harness.Worker(folder / f"schema-{server.name.lower()}", broker,
                           {"database": server.url("bulk"), "group_id": "schema",
                            "orders_topic": "nothing"}).start()
    empty.finish()
    bulk = in_bulk(server, folder, "bulk", events)
    measuring.row(server.name, f"{rate:,.0f}", f"{bulk:,.0f}", f"{rate / bulk:.2f}",
                  measuring.mib(first), measuring.mib(last))
