"""confluent-kafka (librdkafka) from Python: admin, idempotent produce, groups, commits, seeks."""

import confluent_kafka
import pytest
from confluent_kafka import admin as kafka_admin

import harness
from harness import eventually

COUNT = 500


def consumer_of(broker, group, **more):
    return confluent_kafka.Consumer(broker.client_options(
        group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
        session_timeout_ms=6000, heartbeat_interval_ms=500, **more))


def take(consumer, count, seconds=30):
    """The next `count` messages."""
    got = []

    def enough():
        for message in consumer.consume(count - len(got), 0.2):
            assert message.error() is None, message.error()
            got.append(message)
        return len(got) >= count

    eventually(enough, seconds, f"{count} messages")
    return got


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("idempotent", [False, True])
def test_produce_and_consume(broker, codec, idempotent):
    broker.create_topic("python", 2)
    reports = []
    producer = broker.producer(compression_codec=codec, enable_idempotence=idempotent, linger_ms=5)
    for n in range(COUNT):
        producer.produce("python", key=b"k%d" % n, value=b"value-%d" % n, partition=n % 2,
                         headers={"n": str(n)}, on_delivery=lambda *report: reports.append(report))
        producer.poll(0)
    assert producer.flush(30 * harness.PATIENCE) == 0
    assert all(error is None for error, _ in reports) and len(reports) == COUNT
    consumer = consumer_of(broker, "readers")
    consumer.subscribe(["python"])
    got = take(consumer, COUNT)
    for partition in range(2):
        rows = [message for message in got if message.partition() == partition]
        assert [message.offset() for message in rows] == list(range(COUNT // 2))
        assert [message.value() for message in rows] == \
            [b"value-%d" % n for n in range(partition, COUNT, 2)]
    assert got[0].headers() == [("n", got[0].key()[1:])]
    consumer.close()


def test_commits_are_kept_for_the_next_member(broker):
    broker.create_topic("steps")
    producer = broker.producer()
    for n in range(10):
        producer.produce("steps", b"%d" % n)
    producer.flush(30)
    for start in (0, 4):
        consumer = consumer_of(broker, "walkers")
        consumer.subscribe(["steps"])
        got = take(consumer, 4)
        assert [int(message.value()) for message in got] == list(range(start, start + 4))
        consumer.commit(message=got[-1], asynchronous=False)
        consumer.close()
    check = consumer_of(broker, "walkers")
    place = confluent_kafka.TopicPartition("steps", 0)
    assert check.committed([place], 10)[0].offset == 8
    assert check.get_watermark_offsets(place, 10) == (0, 10)
    check.close()


def test_admin(broker):
    client = kafka_admin.AdminClient(broker.client_options())
    broker.create_topic("made", 3)
    with pytest.raises(confluent_kafka.KafkaException) as raised:
        broker.create_topic("made", 3)
    assert raised.value.args[0].code() == confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS
    for name, partitions in (("bad name!", 1), ("none", 0)):
        with pytest.raises(confluent_kafka.KafkaException):
            broker.create_topic(name, partitions)
    assert len(client.list_topics(timeout=10).topics["made"].partitions) == 3
    for future in client.delete_topics(["made"]).values():
        future.result(10)
    eventually(lambda: "made" not in client.list_topics(timeout=10).topics)


def test_static_member_keeps_its_partitions(broker):
    broker.create_topic("static", 2)
    assignments = []

    def join():
        consumer = consumer_of(broker, "fixed", group_instance_id="one")
        consumer.subscribe(["static"], on_assign=lambda _, parts: assignments.append(len(parts)))
        eventually(lambda: consumer.poll(0.1) is None and consumer.assignment(), 30)
        return consumer

    join().close()
    join().close()
    assert assignments == [2, 2]
