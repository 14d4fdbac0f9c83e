"""Records found by their key: sluicectl and the admin HTTP, through restarts and kills."""

import base64
import json
import urllib.parse

import pytest
from confluent_kafka import admin as kafka_admin

import harness
import kafka_bytes
from harness import PATIENCE, Broker, eventually

PARTITIONS = 3


@pytest.fixture
def broker(tmp_path, daemons):
    return daemons(Broker(tmp_path / "broker", {
        "segment_bytes": "1MiB", "disk_reserve_bytes": 0,
        "retention_check_interval": "200ms"})).start().wait_ready()


def create(broker, name, **configs):
    broker.create_topic(name, PARTITIONS, configs)


def set_index(broker, topic, on):
    kafka_bytes.set_config(broker, topic, "key.index.enable", "true" if on else "false")


def produce(broker, topic, records, **more):
    """(key, value) each; returns (partition, offset) of each."""
    places = [None] * len(records)
    producer = broker.producer(linger_ms=5, **more)
    for i, (key, value) in enumerate(records):
        def delivered(error, message, i=i):
            assert error is None
            places[i] = (message.partition(), message.offset())
        producer.produce(topic, value, key, on_delivery=delivered)
        producer.poll(0)
    producer.flush(60 * PATIENCE)
    assert None not in places
    return places


def find(broker, topic, *words):
    done = harness.run("sluicectl", "message", "find", topic, "--admin", broker.admin,
                       "-o", "json", *words, seconds=60)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def places_of(broker, topic, *words):
    done, records = find(broker, topic, *words)
    assert done.returncode == 0 or (not records and "no record" in done.stderr), done.stderr
    return [(record["partition"], record["offset"]) for record in records], done.stderr


def gauge(broker, name):
    lines = harness.Http(broker.admin).get("/metrics").body.decode().splitlines()
    with_value = [line for line in lines if line.startswith(name + " ")]
    return float(with_value[0].split()[1])


def verify(broker):
    done = harness.run("sluicectl", "verify", broker.options["data_dir"], "-o", "json",
                       seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_found_by_key(broker, codec):
    create(broker, "orders", **{"key.index.enable": "true"})
    records = [(b"order-%d" % (i % 400), b"state %d" % i) for i in range(2_000)]
    records += [(None, b"no key"), (b"\xff\x00", b"\xfe"), (b"empty", None)]
    places = produce(broker, "orders", records, compression_type=codec, enable_idempotence=True)
    wanted = sorted(places[i] for i in range(17, 2_000, 400))
    found, said = places_of(broker, "orders", "--key", "order-17")
    assert found == wanted and said == ""
    assert places_of(broker, "orders", "--key", "order-17", "--limit", "2")[0] == wanted[:2]
    partition = str(wanted[0][0])
    assert places_of(broker, "orders", "--key", "order-17", "--partition", partition)[0] == wanted
    binary = base64.b64encode(b"\xff\x00").decode()
    _, records = find(broker, "orders", "--key-base64", binary)
    assert [(r["key_base64"], r["value_base64"]) for r in records] == [(binary, "/g==")]
    _, records = find(broker, "orders", "--key", "empty")
    assert [record["value"] for record in records] == [None]
    done, records = find(broker, "orders", "--key", "order-400")
    assert done.returncode == 1 and not records and "no record with that key" in done.stderr
    table = harness.run("sluicectl", "message", "find", "orders", "--key", "order-17", "--admin",
                        broker.admin)
    assert table.stdout.splitlines()[0].startswith(f"{wanted[0][0]}:{wanted[0][1]}  ")
    assert "state 17" in table.stdout
    broker.kill9()
    assert verify(broker)["counts"]["key_index_entries"] == 2_002
    broker.start().wait_ready()
    assert places_of(broker, "orders", "--key", "order-17") == (wanted, "")


def test_what_the_admin_http_answers(broker):
    create(broker, "t", **{"key.index.enable": "true"})
    places = produce(broker, "t", [(b"k/1", b'say "hi"')] * 5 + [(b"big", b"x" * 900_000)])
    http = harness.Http(broker.admin)

    def get(query, topic="t"):
        return http.get(f"/v1/topics/{topic}/messages?{query}")

    key = urllib.parse.quote("k/1", safe="")
    page = get(f"key={key}&limit=2").json
    assert [(r["partition"], r["offset"]) for r in page["records"]] == places[:2]
    assert page["records"][0]["value"] == 'say "hi"' and page["records"][0]["headers"] == []
    seen = list(page["records"])
    while page["next"]:
        page = get(f"key={key}&limit=2&from={page['next']}").json
        seen += page["records"]
    assert [(r["partition"], r["offset"]) for r in seen] == places[:5]
    assert len(get("key=big").json["records"][0]["value"]) == 900_000
    for query, status in (("", 400), ("key=%zz", 400), ("key=a&limit=0", 400),
                          ("key=a&limit=1001", 400), ("key=a&partition=x", 400),
                          ("key=a&partition=9", 404), ("key=a&from=0", 400),
                          ("key=a&from=x:1", 400),
                          ("key=a&partition=1&from=0:1", 400), ("key=a&from=0:-1", 400)):
        reply = get(query)
        assert reply.status == status, (query, reply)
    assert get("key=a", "missing").status == 404
    done = harness.run("sluicectl", "message", "find", "missing", "--key", "a", "--admin",
                       broker.admin)
    assert done.returncode == 1 and "there is no topic missing" in done.stderr
    assert harness.run("sluicectl", "message", "find", "t", "--admin", broker.admin).returncode == 1


def test_switched_on_and_off_with_kills(broker):
    create(broker, "late")
    count = 6_000 if harness.SANITIZED else 40_000
    records = [(b"order-%d" % (i % 1_000), b"%d" % i + b"x" * 200) for i in range(count)]
    places = produce(broker, "late", records)
    wanted = sorted(places[17::1_000])
    found, said = places_of(broker, "late", "--key", "order-17")
    assert found == wanted and f"{count} of {count} offsets are in no key index" in said
    set_index(broker, "late", True)
    for _ in range(3):
        broker.kill9()
        verify(broker)
        broker.start().wait_ready()
        assert places_of(broker, "late", "--key", "order-17")[0] == wanted
    eventually(lambda: gauge(broker, "sluice_broker_unindexed_partitions") == 0, 60, "it is built")
    assert places_of(broker, "late", "--key", "order-17") == (wanted, "")
    wanted = sorted(wanted + produce(broker, "late", [(b"order-17", b"new")]))
    assert places_of(broker, "late", "--key", "order-17") == (wanted, "")
    broker.kill9()
    assert verify(broker)["counts"]["key_index_entries"] == count + 1
    broker.start().wait_ready()
    set_index(broker, "late", False)
    found, said = places_of(broker, "late", "--key", "order-17")
    assert found == wanted and "are in no key index" in said
    broker.kill9()
    assert verify(broker)["counts"]["key_index_entries"] == 0
    broker.start().wait_ready()


def test_compaction_and_deletion_take_entries_with_them(broker):
    create(broker, "prices", **{"key.index.enable": "true", "cleanup.policy": "compact,delete",
                                "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100",
                                "retention.bytes": "-1"})
    places = produce(broker, "prices", [(b"item-%d" % (i % 7), b"%d" % i) for i in range(700)])
    newest = {key: places[693 + i] for i, key in enumerate([b"item-%d" % i for i in range(7)])}
    eventually(lambda: places_of(broker, "prices", "--key", "item-3")[0] == [newest[b"item-3"]],
               30, "all but the newest are gone")
    broker.kill9()
    assert verify(broker)["counts"]["key_index_entries"] < 100
    broker.start().wait_ready()
    client = kafka_admin.AdminClient(broker.client_options())
    for future in client.delete_topics(["prices"]).values():
        future.result(20 * PATIENCE)
    broker.kill9()
    assert verify(broker)["counts"]["key_index_entries"] == 0
    broker.start().wait_ready()
