"""Delayed delivery: how late records come, what a million at once takes, memory over what waits."""

import statistics
import threading
import time

import confluent_kafka

import measuring
from measuring import Broker, eventually

PARTITIONS = 4
VALUE = b"x" * 100
SPREAD_RATES = (100, 1_000, 10_000)  # deliveries a second
WAITING = (0, 1_000_000, 10_000_000)
AT_REST_AFTER = 15  # seconds: a broker gives free memory back ten after its last write


def now_ms():
    return time.time_ns() / 1e6


def send(broker, topic, count, due_of):
    producer = broker.producer(linger_ms=5, queue_buffering_max_messages=500_000)
    failed = []

    def delivered(error, _):
        if error is not None:
            failed.append(error)

    for i in range(count):
        headers = {"deliver-at": str(int(due_of(i)))}
        while True:
            try:
                producer.produce(topic, VALUE, headers=headers, partition=i % PARTITIONS,
                                 on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
    assert producer.flush(300) == 0 and not failed, failed[:1]


class Lateness(threading.Thread):
    """A consumer that notes how late each record came to it."""

    def __init__(self, broker, topic):
        super().__init__(daemon=True)
        self.consumer = confluent_kafka.Consumer(broker.client_options(
            **{"group.id": "late", "enable.auto.commit": False, "fetch.wait.max.ms": 500}))
        self.consumer.assign([confluent_kafka.TopicPartition(topic, p, 0)
                              for p in range(PARTITIONS)])
        self.late, self.ended = [], False
        self.start()

    def run(self):
        while not self.ended:
            message = self.consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.late.append(now_ms() - int(dict(message.headers())["deliver-at"]))

    def stop(self):
        self.ended = True
        self.join(30)
        self.consumer.close()
        return sorted(self.late)


def lateness(broker):
    """From due until a consumer has it: the broker's part, the wire and the client's."""
    measuring.head("deliveries/s", "records", "late ms p50", "p99", "p99.9", "worst", "early")
    for rate in SPREAD_RATES:
        topic = f"spread-{rate}"
        broker.create_topic(topic, PARTITIONS, {"delivery.delay.enable": "true"})
        count = int(min(rate * measuring.seconds(10), 60_000))
        watch = Lateness(broker, topic)
        begin = now_ms() + 2_000 + count / 20
        send(broker, topic, count, lambda i: begin + i * 1_000 / rate)
        eventually(lambda: len(watch.late) >= count, 120)
        late = watch.stop()
        at = lambda part: f"{late[min(count - 1, int(count * part))]:.1f}"  # noqa: E731
        measuring.row(f"{rate:,}", f"{count:,}", f"{statistics.median(late):.1f}", at(0.99),
                      at(0.999), f"{late[-1]:.1f}", sum(1 for ms in late if ms < 0))


def at_once(broker, count=1_000_000):
    broker.create_topic("at-once", PARTITIONS, {"delivery.delay.enable": "true"})
    began = now_ms()
    due = began + 20_000 + count / 20
    send(broker, "at-once", count, lambda _: due)
    sent = now_ms()
    assert sent < due, "the machine is too slow for this measurement: they are due already"
    eventually(lambda: measuring.metric(broker, "sluice_broker_delayed_records") == 0, 600,
               every=0.01)
    print(f"\n{count:,} that are due at once: taken in {(sent - began) / 1000:.1f} s, delivered "
          f"within {(now_ms() - due) / 1000:.2f} s of being due")


class Largest(measuring.Watch):
    """The most memory that a broker was seen with."""

    kib = 0

    def look(self):
        self.kib = max(self.kib, self.broker.memory_kib())


def verify(folder):
    """What sluicectl says of the data directory of a broker that is not running."""
    done = measuring.harness.run("sluicectl", "verify", folder, seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr.strip().removeprefix("sluicectl: ")


def memory(folder):
    print()
    measuring.head("waiting", "taken in s", "largest resident meanwhile", "at rest",
                   "after kill -9", "ready s", "on the disk MB", "verify")
    broker = Broker(folder / "waiting").start().wait_ready()
    broker.create_topic("t", PARTITIONS, {"delivery.delay.enable": "true"})
    data = broker.options["data_dir"]
    there = 0
    for count in WAITING:
        far = now_ms() + 86_400_000
        largest = Largest(broker, 0.5)
        began = time.monotonic()
        send(broker, "t", count - there, lambda i: far + i % 3_600_000)
        took = time.monotonic() - began
        there = count
        rest = time.monotonic() + AT_REST_AFTER
        eventually(lambda rest=rest: time.monotonic() >= rest, 2 * AT_REST_AFTER, every=0.5)
        largest.stop()
        before = broker.memory_kib()
        broker.kill9()
        found = verify(data)
        broker.start().wait_ready()
        assert measuring.metric(broker, "sluice_broker_delayed_records") == count
        used = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
        measuring.row(f"{count:,}", f"{took:.1f}", measuring.mib(largest.kib),
                      measuring.mib(before), measuring.mib(broker.memory_kib()),
                      f"{broker.seconds_to_ready:.2f}", f"{used / 1e6:.0f}", found)
    broker.finish()


def run(folder):
    broker = Broker(folder / "delays").start().wait_ready()
    lateness(broker)
    at_once(broker)
    broker.finish()
    memory(folder)
