"""Acknowledged means readable after kill -9, in order, once."""

import os

import pytest

import harness
from harness import eventually

ROUNDS = int(os.environ.get("SLUICE_KILL_ROUNDS", "2" if harness.SANITIZED else "5"))
RECORDS = int(os.environ.get("SLUICE_KILL_RECORDS", "4000" if harness.SANITIZED else "20000"))


class Sender:
    """An idempotent librdkafka producer that remembers what was acknowledged, and where."""

    def __init__(self, broker, topic, partitions):
        self.topic, self.partitions = topic, partitions
        self.acknowledged, self.failed = {}, []
        self.sent = 0
        self.producer = broker.producer(
            enable_idempotence=True, linger_ms=2, message_timeout_ms=120_000,
            batch_num_messages=200, reconnect_backoff_ms=20, reconnect_backoff_max_ms=200,
            retry_backoff_ms=50)

    def _delivered(self, error, message):
        if error is None:
            place = (message.partition(), message.offset())
            assert place not in self.acknowledged, f"{place} was acknowledged twice"
            self.acknowledged[place] = message.value()
        else:
            self.failed.append(error)

    def send(self, count):
        for _ in range(count):
            value = b"%012d" % self.sent
            while True:
                try:
                    self.producer.produce(self.topic, value, partition=self.sent % self.partitions,
                                          on_delivery=self._delivered)
                    break
                except BufferError:
                    self.producer.poll(0.05)
            self.sent += 1
            self.producer.poll(0)

    def acknowledge_more(self, count):
        goal = len(self.acknowledged) + count
        return lambda: self.producer.poll(0.01) is None or len(self.acknowledged) >= goal


@pytest.fixture
def rolling_broker(tmp_path, daemons):
    """Segments of the smallest size: kills meet rolls and flushes often."""
    return daemons(harness.Broker(tmp_path / "broker", {"segment_bytes": "1MiB"})).start() \
        .wait_ready()


@pytest.mark.chaos
def test_nothing_acknowledged_is_lost(rolling_broker):
    broker, partitions = rolling_broker, 4
    broker.create_topic("kept", partitions)
    sender = Sender(broker, "kept", partitions)
    for _ in range(ROUNDS):
        more = sender.acknowledge_more(RECORDS // 10)
        sender.send(RECORDS)
        eventually(more, 60, "some records are acknowledged")
        broker.kill9()  # the rest is in flight
        broker.start().wait_ready()
    sender.producer.flush(120)
    assert not sender.failed
    assert len(sender.acknowledged) == sender.sent
    check_log(broker.read_topic("kept", 60), sender, partitions)
    broker.kill9()  # and what was read is still there after another
    broker.start().wait_ready()
    check_log(broker.read_topic("kept", 60), sender, partitions)


def check_log(messages, sender, partitions):
    """Every acknowledged record at its offset; values once and in the order of sending."""
    found = {(message.partition(), message.offset()): message.value() for message in messages}
    assert len(found) == len(messages), "an offset was read twice"
    for place, value in sender.acknowledged.items():
        assert found.get(place) == value, f"{place}: {value} was acknowledged, {found.get(place)}"
    for partition in range(partitions):
        rows = sorted((offset, value) for (part, offset), value in found.items()
                      if part == partition)
        assert [offset for offset, _ in rows] == list(range(len(rows))), "offsets are dense"
        values = [value for _, value in rows]
        assert values == [b"%012d" % n for n in range(partition, sender.sent, partitions)]


@pytest.mark.chaos
def test_large_records_survive(broker):
    broker.create_topic("large")
    payload = os.urandom(200_000)
    producer = broker.producer(linger_ms=0)
    for n in range(20):
        producer.produce("large", payload + b"%d" % n)
    assert producer.flush(60) == 0
    broker.kill9()
    broker.start().wait_ready()
    assert [message.value()[200_000:] for message in broker.read_topic("large")] == \
        [b"%d" % n for n in range(20)]


@pytest.mark.chaos
def test_topics_and_commits_survive(broker):
    for n in range(50):
        broker.create_topic(f"topic-{n}", 2)
    harness.kcat(broker, "-P", "-t", "topic-7", "-p", "0", stdin="a\nb\nc\n")
    consume = ("-X", "auto.offset.reset=earliest", "-q", "-c", "2", "-G", "keeper", "topic-7")
    assert harness.kcat(broker, *consume).split() == ["a", "b"]
    broker.kill9()
    broker.start().wait_ready()
    listed = harness.kcat(broker, "-L")
    assert all(f'topic "topic-{n}" with 2 partitions' in listed for n in range(50))
    assert harness.kcat(broker, "-X", "auto.offset.reset=earliest", "-q", "-c", "1", "-G", "keeper",
                        "topic-7").split() == ["c"]
