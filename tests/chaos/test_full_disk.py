"""Full disks under load: refused, read on, healed without a restart, nothing acknowledged lost."""

import os
import random
import re

import confluent_kafka
import pytest

import harness
from crash_shop import check_positions, settle
from harness import Http, eventually, sale
from test_durability import Sender, check_log

CUTS = int(os.environ.get("SLUICE_FULL_DISKS", "3" if harness.SANITIZED else "8"))
PARTITIONS = 4
MIB = 1 << 20


class SmallDisk:
    """A disk of so many bytes under what a daemon has in `data`."""

    def __init__(self, folder, data):
        self.data, self.size_file = data, folder / "bytes"
        self.environment = {"LD_PRELOAD": str(harness.BUILD / "tests/chaos/full_disk.so"),
                            "FULL_DISK_DATA": str(self.data),
                            "FULL_DISK_BYTES": str(self.size_file)}
        self.set_disk(1 << 40)

    def set_disk(self, size):
        new = self.size_file.with_suffix(".new")
        new.write_text(str(size), encoding="ascii")
        new.rename(self.size_file)

    def used(self):
        return sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())


class SmallDiskBroker(harness.Broker):
    def __init__(self, folder, reserve):
        super().__init__(folder, {"segment_bytes": "1MiB", "disk_reserve_bytes": str(reserve)})
        self.disk = SmallDisk(self.folder, self.folder / "data")
        self.environment = self.disk.environment

    def set_disk(self, size):
        self.disk.set_disk(size)

    def used(self):
        return self.disk.used()

    def health(self):
        return Http(self.admin).get("/healthz")

    def metric(self, name):
        text = Http(self.admin).get("/metrics").body.decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])

    def is_full(self):
        return self.health().status == 503

    def is_well(self):
        return self.health().status == 200


def produce_once(broker):
    """What a producer that does not try again is told."""
    errors = []
    producer = broker.producer(retries=0, message_timeout_ms=20_000 * harness.PATIENCE)
    producer.produce("kept", b"x", partition=PARTITIONS,
                     on_delivery=lambda error, message: errors.append(error))
    producer.flush(30 * harness.PATIENCE)
    return errors[0]


def fill(broker, sender, room):
    """Sends until the disk is full."""
    broker.set_disk(broker.used() + room)

    def full():
        if not broker.alive():
            raise RuntimeError(f"it died:\n{broker.log()}")
        sender.send(200)
        return broker.is_full()

    eventually(full, 60, "the disk is full", every=0)


@pytest.mark.chaos
@pytest.mark.parametrize("reserve", [0, 4 * MIB], ids=["to the last byte", "with a reserve"])
def test_a_full_disk_heals_by_itself(tmp_path, daemons, reserve):
    broker = daemons(SmallDiskBroker(tmp_path / "broker", reserve)).start().wait_ready()
    broker.create_topic("kept", PARTITIONS + 1)
    sender = Sender(broker, "kept", PARTITIONS)
    for number in range(CUTS):
        fill(broker, sender, reserve + random.Random(number).randint(MIB, 6 * MIB))
        assert produce_once(broker).code() == confluent_kafka.KafkaError.KAFKA_STORAGE_ERROR
        assert broker.metric("sluice_broker_appends_refused") == 1
        assert "disk" in broker.health().body.decode()
        known = dict(sender.acknowledged)
        found = {(message.partition(), message.offset()): message.value()
                 for message in broker.read_topic("kept", 60)}
        assert all(found.get(place) == value for place, value in known.items()), "reads go on"
        broker.set_disk(1 << 40)
        eventually(broker.is_well, 30, "it heals")
        assert produce_once(broker) is None
    assert broker.metric("sluice_broker_refusals_total") >= CUTS
    assert any("appends are refused" in line for line in broker.lines)
    assert any("appends are taken again" in line for line in broker.lines)
    sender.producer.flush(120)
    assert not sender.failed
    assert len(sender.acknowledged) == sender.sent
    check(broker, sender)
    broker.kill9()
    broker.start().wait_ready()
    check(broker, sender)


def check(broker, sender):
    check_log([message for message in broker.read_topic("kept", 60)
               if message.partition() < PARTITIONS], sender, PARTITIONS)


@pytest.mark.chaos
def test_kill_9_on_a_full_disk_loses_nothing(tmp_path, daemons):
    broker = daemons(SmallDiskBroker(tmp_path / "broker", 0)).start().wait_ready()
    broker.create_topic("kept", PARTITIONS + 1)
    sender = Sender(broker, "kept", PARTITIONS)
    for number in range(CUTS):
        fill(broker, sender, random.Random(number).randint(MIB, 4 * MIB))
        if number % 2 == 1:
            broker.set_disk(1 << 40)  # and in the middle of healing
        broker.kill9()
        broker.set_disk(1 << 40)
        broker.start().wait_ready()
        more = sender.acknowledge_more(100)
        eventually(more, 60, "records are acknowledged again")
    sender.producer.flush(120)
    assert not sender.failed
    assert len(sender.acknowledged) == sender.sent
    check(broker, sender)


def test_a_start_on_a_full_disk_says_so(tmp_path, daemons):
    broker = daemons(SmallDiskBroker(tmp_path / "broker", 0)).start().wait_ready()
    broker.create_topic("kept", PARTITIONS + 1)
    sender = Sender(broker, "kept", PARTITIONS)
    sender.send(2_000)
    sender.producer.flush(60)
    broker.kill9()
    broker.set_disk(broker.used())
    with pytest.raises(AssertionError):
        broker.start()
    assert "not started" in broker.log() and "is full" in broker.log()
    broker.expected_dead = True
    broker.set_disk(1 << 40)
    broker.start().wait_ready()
    check(broker, sender)


class SmallDiskWorker(harness.Worker):
    """Its orders are in an SQLite file on a small disk."""

    def __init__(self, folder, broker, options=None):
        orders = folder / "orders"
        super().__init__(folder, broker, {**(options or {}),
                                          "database": f"sqlite:{orders}/orders.db"})
        self.database = orders / "orders.db"
        self.disk = SmallDisk(folder, orders)
        self.environment = self.disk.environment

    def lag(self):
        text = Http(self.admin).get("/metrics").body.decode()
        return int(re.search(r"^sluice_worker_lag_records (\d+)$", text, re.M)[1])

    def is_full(self):
        ready = Http(self.admin).get("/readyz")
        return ready.status == 503 and b"disk is full" in ready.body


@pytest.mark.parametrize("killed", [False, True], ids=["goes on", "kill -9"])
def test_a_full_disk_under_the_orders(pipeline, killed):
    """Nothing is placed and nothing skipped, customers buy as ever, and room is all it takes."""
    parts = pipeline([sale("rush", 10_000)], worker=SmallDiskWorker,
                     worker_options={"group_instance_id": "one"})
    worker, accepted = parts.worker, set()
    connection = parts.frontend.http()

    def sell():
        reply = parts.frontend.order("rush", f"user-{len(accepted)}", connection=connection)
        assert reply.status == 202, reply
        accepted.add(reply.json["order_id"])

    def placed():
        return {order for order, in worker.rows("order_id")}

    sell()
    eventually(lambda: placed() == accepted, 30, "the first one is placed")
    worker.disk.set_disk(worker.disk.used() + 200_000)
    eventually(lambda: sell() or worker.is_full(), 60, "the disk is full", every=0)
    for _ in range(20):
        sell()
    eventually(lambda: worker.lag() >= 20, 20, "what waits is seen to wait")
    assert placed() < accepted
    worker.wait_for_line("transaction failed .*disk is full")
    if killed:
        worker.kill9()
    worker.disk.set_disk(1 << 40)
    if killed:
        worker.start()
    eventually(lambda: worker.is_ready() and placed() == accepted, 30, "it goes on by itself")
    settle(parts)
    assert set(check_positions(parts).orders) == accepted
