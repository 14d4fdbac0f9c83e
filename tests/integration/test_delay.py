"""Delayed delivery with clients as they are: on time, never early, once, through kill -9."""

import json
import os
import random
import threading
import time

import confluent_kafka
import pytest
from confluent_kafka import admin as kafka_admin

import harness
import kafka_bytes
from harness import PATIENCE, Broker, eventually

RECORDS = int(os.environ.get("SLUICE_DELAYED_RECORDS", "3000" if harness.SANITIZED else "30000"))
KILLS = int(os.environ.get("SLUICE_KILL_ROUNDS", "3" if harness.SANITIZED else "5"))
PARTITIONS = 3


@pytest.fixture
def broker(tmp_path, daemons):
    return daemons(Broker(tmp_path / "broker", {
        "segment_bytes": "1MiB", "disk_reserve_bytes": 0,
        "backup_dir": tmp_path / "backups"})).start().wait_ready()


def create(broker, name, partitions=PARTITIONS, **configs):
    broker.create_topic(name, partitions, {"delivery.delay.enable": "true", **configs})


def now_ms():
    return time.time_ns() // 1_000_000


def produce(broker, topic, records, **more):
    """(value, headers) each; returns the error of each and what the client took for its offset."""
    answers = [None] * len(records)
    # Not flushed: that ends the lingering, and what has to be one batch may become two.
    producer = broker.producer(**{"linger_ms": 300, **more})
    for i, (value, headers) in enumerate(records):
        def delivered(error, message, i=i):
            answers[i] = (error, message.offset())
        producer.produce(topic, value, b"key-%d" % i, headers=headers, on_delivery=delivered,
                         timestamp=1_000 + i)
    eventually(lambda: (producer.poll(0.05), None not in answers)[1], 60, "all are answered")
    return answers


class Watcher(threading.Thread):
    """A consumer that notes when it saw what; goes on through restarts of the broker."""

    def __init__(self, broker, topic, partitions=PARTITIONS):
        super().__init__(daemon=True)
        self.consumer = confluent_kafka.Consumer(broker.client_options(
            **{"group.id": "watcher", "enable.auto.commit": False, "fetch.wait.max.ms": 100,
               "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200}))
        self.consumer.assign([confluent_kafka.TopicPartition(topic, p, 0)
                              for p in range(partitions)])
        self.seen = []  # (wall ms, message)
        self.ended = False
        self.start()

    def run(self):
        while not self.ended:
            for message in self.consumer.consume(1_000, 0.05):
                if message.error() is None:
                    self.seen.append((now_ms(), message))

    def stop(self):
        self.ended = True
        self.join(20 * PATIENCE)
        self.consumer.close()
        return self.seen


def delayed(broker, topic, rest="", method="GET"):
    return harness.Http(broker.admin).request(method, f"/v1/topics/{topic}/delayed{rest}")


def ctl(broker, *words):
    return harness.run("sluicectl", "delay", *words, "--admin", broker.admin, seconds=60)


def metric(broker, name):
    lines = harness.Http(broker.admin).get("/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def verify(broker):
    done = harness.run("sluicectl", "verify", broker.options["data_dir"], "-o", "json",
                       seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["counts"]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_mixed_batches(broker, codec):
    create(broker, "t", 1)
    watcher = Watcher(broker, "t", 1)
    due = now_ms() + 1_500 * PATIENCE
    records = [(b"a", None), (b"later", {"deliver-at": str(due), "x": "y"}), (b"b", {"n": b"1"}),
               (b"soon", {"delay-ms": "400"}), (b"past", {"deliver-at": "17"})]
    answers = produce(broker, "t", records, compression_type=codec, enable_idempotence=True)
    assert [error for error, _ in answers] == [None] * 5
    assert answers[0][1] is None, "a batch of which some is delayed has no offsets to tell"
    eventually(lambda: len(watcher.seen) == 5, 20)
    seen = watcher.stop()
    assert [m.value() for _, m in seen] == [b"a", b"b", b"past", b"soon", b"later"]
    assert [m.offset() for _, m in seen] == [0, 1, 2, 3, 4]
    assert [m.timestamp()[1] for _, m in seen] == [1_000, 1_002, 1_004, 1_003, 1_001]
    assert seen[4][1].key() == b"key-1"
    assert seen[4][1].headers() == [("deliver-at", str(due).encode()), ("x", b"y")]
    assert seen[4][0] >= due
    broker.kill9()
    assert verify(broker)["records"] == 5
    broker.start().wait_ready()


def test_kcat_sends_and_sees(broker):
    create(broker, "t", 1)
    harness.kcat(broker, "-P", "-t", "t", "-H", "delay-ms=1500", stdin="waits\n")
    harness.kcat(broker, "-P", "-t", "t", stdin="at once\n")
    read = ("-C", "-t", "t", "-e", "-q", "-f", "%s %h\n")
    first = harness.kcat(broker, *read).splitlines()
    assert first[0] == "at once " and len(first) <= 2  # a slow machine may be late, never early
    eventually(lambda: harness.kcat(broker, *read).splitlines() ==
               ["at once ", "waits delay-ms=1500"], 20)


def test_bad_headers_refuse_their_batch(broker):
    create(broker, "t", 1)
    year = 366 * 86_400_000
    for headers, says in (({"delay-ms": "soon"}, "header delay-ms is \"soon\""),
                          ({"deliver-at": str(now_ms() + year + 60_000)}, "366 days"),
                          ([("delay-ms", "1"), ("deliver-at", "1")], "one of")):
        answers = produce(broker, "t", [(b"good", None), (b"bad", headers)], linger_ms=2_000)
        assert [error.code() for error, _ in answers] == \
            [confluent_kafka.KafkaError.INVALID_RECORD] * 2, says
    assert broker.read_topic("t") == []
    answers = produce(broker, "t", [(b"far", {"delay-ms": str(year)})])
    assert answers[0][0] is None
    assert delayed(broker, "t").json["pending"] == 1
    # Sent as it came where nobody asked for delays.
    broker.create_topic("plain", 1)
    assert produce(broker, "plain", [(b"bad", {"delay-ms": "soon"})])[0] == (None, 0)


def test_list_show_cancel(broker):
    create(broker, "t")
    due = now_ms() + 3_600_000
    records = [(b"v%d" % i, {"deliver-at": str(due + i)}) for i in range(25)]
    records += [(b"\xff", {"deliver-at": str(due + 100)}),
                (b"x", {"delay-ms": str(3_000 * PATIENCE)})]
    assert all(error is None for error, _ in produce(broker, "t", records))
    seen, page = [], delayed(broker, "t", "?limit=4").json
    while True:
        assert len(page["records"]) <= 4
        seen += page["records"]
        if page["next"] is None:
            break
        page = delayed(broker, "t", f"?limit=4&from={page['next']}").json
    assert page["pending"] == 27 and len({r["id"] for r in seen}) == 27
    assert sorted(r["due_ms"] for r in seen if r.get("value", "").startswith("v")) == \
        [due + i for i in range(25)]
    by_value = {r.get("value"): r for r in seen}
    shown = delayed(broker, "t", "/" + by_value["v7"]["id"])
    assert shown.json == by_value["v7"]
    assert shown.json["headers"] == [{"name": "deliver-at", "value": str(due + 7)}]
    assert [r["value_base64"] for r in seen if "value_base64" in r] == ["/w=="]

    lines = ctl(broker, "list", "t", "-o", "json").stdout.splitlines()
    listed = [json.loads(line) for line in lines]
    assert [r["id"] for r in listed] == [r["id"] for r in seen] and listed[0]["topic"] == "t"
    assert "v7" in ctl(broker, "show", "t", by_value["v7"]["id"]).stdout
    assert ctl(broker, "cancel", "t", by_value["v7"]["id"]).returncode == 1, "nobody said yes"
    chosen = [by_value[f"v{i}"]["id"] for i in (7, 8)]
    done = ctl(broker, "cancel", "t", *chosen, "--yes")
    assert done.returncode == 0 and done.stderr.count("cancelled") == 2, done.stderr
    again = ctl(broker, "cancel", "t", chosen[0], "--yes")
    assert again.returncode == 1 and "has no delayed record" in again.stderr
    assert delayed(broker, "t", "/" + chosen[0]).status == 404
    assert delayed(broker, "t", "/" + by_value["v9"]["id"], "DELETE").status == 204
    assert delayed(broker, "t", "/" + by_value["v9"]["id"], "DELETE").status == 404

    eventually(lambda: [m.value() for m in broker.read_topic("t")] == [b"x"], 20)
    assert delayed(broker, "t", "/" + by_value["x"]["id"], "DELETE").status == 404
    assert metric(broker, "sluice_broker_delayed_records") == 23
    assert metric(broker, "sluice_broker_delayed_cancelled_total") == 3
    assert metric(broker, "sluice_broker_delayed_delivered_total") == 1
    assert metric(broker, "sluice_broker_delayed_lateness_seconds_count") == 1
    assert metric(broker, "sluice_broker_delayed_next_due_timestamp_seconds") * 1000 >= due
    for rest, status in (("?limit=0", 400), ("?limit=1001", 400), ("?from=x", 400),
                         ("?from=0-1", 400), ("?partition=1&from=0-1-1", 400),
                         ("?partition=9", 404),
                         ("/x", 404), ("/0-5-5", 404), ("/9-5-5", 404), ("/-1-5-5", 404)):
        assert delayed(broker, "t", rest).status == status, rest
    assert delayed(broker, "missing").status == 404
    broker.kill9()
    assert verify(broker)["delayed_records"] == 23
    broker.start().wait_ready()
    assert delayed(broker, "t").json["pending"] == 23


def test_what_waits_survives_configuration_trims_and_backups(broker, tmp_path, daemons):
    create(broker, "t", 1)
    create(broker, "gone", 1)
    due = now_ms() + 4_000 * PATIENCE
    for topic in ("t", "gone"):
        records = [(b"now", None)] + [(b"%d" % i, {"deliver-at": str(due)}) for i in range(50)]
        assert all(error is None for error, _ in produce(broker, topic, records))
    kafka_bytes.set_config(broker, "t", "delivery.delay.enable", "false")
    client = kafka_admin.AdminClient(broker.client_options())
    client.delete_topics(["gone"])["gone"].result(20 * PATIENCE)
    made = harness.run("sluicectl", "backup", "create", "--admin", broker.admin, seconds=60)
    assert made.returncode == 0, made.stderr
    eventually(lambda: len(broker.read_topic("t")) == 51, 20)
    assert metric(broker, "sluice_broker_delayed_records") == 0
    broker.finish()
    assert verify(broker)["delayed_records"] == 0
    # The backup has them still, overdue by now.
    done = harness.run("sluicectl", "restore", "--backup-dir", tmp_path / "backups", "--data-dir",
                       tmp_path / "restored", seconds=60)
    assert done.returncode == 0, done.stderr
    restored = daemons(Broker(tmp_path / "second", {"data_dir": tmp_path / "restored"}))
    assert verify(restored)["delayed_records"] == 50
    restored.start().wait_ready()
    eventually(lambda: len(restored.read_topic("t")) == 51, 20)
    values = sorted(m.value() for m in restored.read_topic("t"))
    assert values == sorted([b"now"] + [b"%d" % i for i in range(50)])


def test_a_limit_of_what_waits(tmp_path, daemons):
    broker = daemons(Broker(tmp_path / "broker", {"max_delayed_records": 2})).start().wait_ready()
    create(broker, "t", 1)
    for expected in (None, None, confluent_kafka.KafkaError.POLICY_VIOLATION):
        error, _ = produce(broker, "t", [(b"x", {"delay-ms": "3600000"})])[0]
        assert (error and error.code()) == expected


@pytest.mark.chaos
def test_delayed_records_through_kills(broker):
    """Killed again and again, some are due while it is down: each comes once, none early."""
    create(broker, "t")
    watcher = Watcher(broker, "t")
    spread = 6_000 * PATIENCE + RECORDS // 20
    dues, failed = {}, []
    producer = broker.producer(
        enable_idempotence=True, linger_ms=2, message_timeout_ms=120_000 * PATIENCE,
        reconnect_backoff_ms=20, reconnect_backoff_max_ms=200, retry_backoff_ms=50)

    def delivered(error, message):
        if error is not None:
            failed.append(error)

    chance = random.Random(5)
    for i in range(RECORDS):
        value = b"%012d" % i
        dues[value] = now_ms() + chance.randrange(spread) if i % 10 else 0
        headers = {"deliver-at": str(dues[value])} if dues[value] else None
        while True:
            try:
                producer.produce("t", value, headers=headers, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
        if i % (RECORDS // KILLS) == RECORDS // KILLS // 2:
            broker.kill9()
            broker.start().wait_ready()
    assert producer.flush(120 * PATIENCE) == 0 and not failed
    for _ in range(KILLS):
        before = len(watcher.seen)
        eventually(lambda n=before: len(watcher.seen) > n or
                   metric(broker, "sluice_broker_delayed_records") == 0, 30)
        broker.kill9()
        counts = verify(broker)  # some become due while nobody is there
        broker.start().wait_ready()
    print(f"delayed: {counts['delayed_records']} of {RECORDS} waited at the last kill")
    eventually(lambda: metric(broker, "sluice_broker_delayed_records") == 0, 120, every=0.2)
    eventually(lambda: len(watcher.seen) >= RECORDS, 120, every=0.2)
    seen = watcher.stop()
    early = [(at, m.value()) for at, m in seen if at < dues[m.value()]]
    assert not early, early[:5]
    values = [m.value() for _, m in seen]
    assert len(values) == len(set(values)), "some came twice"
    assert set(values) == set(dues), "some never came"
    broker.kill9()
    counts = verify(broker)
    assert counts["records"] == RECORDS and counts["delayed_records"] == 0
    broker.start().wait_ready()
    found = broker.read_topic("t", 120)
    assert sorted(m.value() for m in found) == sorted(dues)
