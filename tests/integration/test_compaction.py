"""Compacted topics under foreign clients: the newest value of each key stays, the rest goes."""

import subprocess

import confluent_kafka
import pytest

import harness
from harness import PATIENCE, Broker, eventually

EAGER = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100",
         "delete.retention.ms": "200"}


@pytest.fixture
def broker(tmp_path, daemons):
    return daemons(Broker(tmp_path / "broker",
                          {"retention_check_interval": "100ms"})).start().wait_ready()


def create(broker, name, **configs):
    broker.create_topic(name, 1, {**EAGER, **configs})


def produce(broker, topic, records, **more):
    """(key, value) each; returns the errors."""
    errors = []
    producer = broker.producer(**more)
    for key, value in records:
        producer.produce(topic, value, key,
                         on_delivery=lambda error, _: error and errors.append(error))
        producer.poll(0)
    producer.flush(30 * PATIENCE)
    return errors


def verify(broker):
    done = harness.run("sluicectl", "verify", broker.options["data_dir"], seconds=60)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(broker, topic):
    return [(m.offset(), m.key(), m.value()) for m in broker.read_topic(topic)]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_the_newest_of_each_key_stays(broker, codec):
    create(broker, "prices")
    records = [(b"item-%d" % (i % 7), b"price %d" % i) for i in range(2_000)]
    assert not produce(broker, "prices", records, compression_type=codec, linger_ms=5,
                       enable_idempotence=True)
    newest = [(1_993 + i, b"item-%d" % ((1_993 + i) % 7), b"price %d" % (1_993 + i))
              for i in range(7)]
    eventually(lambda: contents(broker, "prices") == newest, 30, "all but the newest are gone")
    # From every place in the hole one lands on what is there; the ends are what they were.
    consumer = confluent_kafka.Consumer(broker.client_options(group_id="x"))
    place = confluent_kafka.TopicPartition("prices", 0)
    assert consumer.get_watermark_offsets(place, 20 * PATIENCE) == (0, 2_000)
    consumer.close()
    for offset in (0, 1, 1_000, 1_992, 1_993, 1_996):
        done = subprocess.run(["kcat", "-b", broker.listen, "-C", "-t", "prices", "-p", "0", "-o",
                               str(offset), "-e", "-q", "-f", "%o %k %s\n"], capture_output=True,
                              text=True, timeout=30 * PATIENCE, check=True)
        assert done.stdout.splitlines() == [
            f"{at} {key.decode()} {value.decode()}" for at, key, value in newest if at >= offset]
    broker.kill9()
    broker.start().wait_ready()
    assert contents(broker, "prices") == newest
    assert not produce(broker, "prices", [(b"item-0", b"free")])
    assert contents(broker, "prices")[-1] == (2_000, b"item-0", b"free")


def test_a_tombstone_removes_its_key_and_then_itself(broker):
    create(broker, "users")
    assert not produce(broker, "users", [(b"ann", b"1"), (b"bob", b"1"), (b"ann", None),
                                         (b"cid", b"1")])
    eventually(lambda: contents(broker, "users") == [(1, b"bob", b"1"), (3, b"cid", b"1")], 30,
               "ann is gone")


def test_records_without_a_key_are_refused(broker):
    create(broker, "strict")
    for codec in ("none", "zstd"):
        errors = produce(broker, "strict", [(None, b"x")], compression_type=codec)
        assert [error.code() for error in errors] == [confluent_kafka.KafkaError.INVALID_RECORD]
    assert contents(broker, "strict") == []


def test_kill9_while_compacting(broker):
    create(broker, "churn")
    sent = 0
    for _ in range(2 if harness.SANITIZED else 5):
        records = [(b"%d" % (i % 50), b"%d" % i) for i in range(sent, sent + 5_000)]
        assert not produce(broker, "churn", records, linger_ms=1, batch_num_messages=50)
        sent += 5_000
        broker.kill9()
        verify(broker)
        broker.start().wait_ready()
        found = {key: value for _, key, value in contents(broker, "churn")}
        assert found == {b"%d" % (i % 50): b"%d" % i for i in range(sent - 50, sent)}
    eventually(lambda: len(contents(broker, "churn")) < 200, 30, "most is gone")
    broker.kill9()
    verify(broker)
