"""Dead letters on the real daemons: made by the worker, looked at, sent back, discarded."""

import collections
import json
import signal
import subprocess

import pytest

import harness
from harness import eventually, sale

ORIGIN = "jobs"
LETTERS = 300
PARTITIONS = 3


def dlq(broker, *words, status=0):
    """sluicectl dlq …, its answer as objects."""
    done = harness.run("sluicectl", "-b", broker.listen, "--timeout", 60, "dlq", *words, "-o",
                       "json", seconds=120)
    assert done.returncode == status, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def letters_of(broker, topic=harness.ORDERS_TOPIC, count=1):
    """The open letters, once there are so many."""
    def probe():
        done = harness.run("sluicectl", "-b", broker.listen, "dlq", "list", topic, "-o", "json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines if len(lines) == count else None
    return eventually(probe, 30, f"{count} open dead letters of {topic}")


def id_of(letter):
    return f"{letter['partition']}:{letter['offset']}"


def poison(broker, value, headers=None):
    producer = broker.producer(message_max_bytes=2_000_000)
    producer.produce(harness.ORDERS_TOPIC, value, b"poison", partition=0, headers=headers)
    assert producer.flush(20 * harness.PATIENCE) == 0


def order_is_placed(parts, user):
    order = parts.frontend.order("demo", user).json["order_id"]
    eventually(lambda: parts.frontend.state(order) == "placed", what=f"{user}'s order is placed")


def test_a_letter_is_shown_sent_back_counted_and_discarded(pipeline):
    parts = pipeline([sale("demo", 10)])
    poison(parts.broker, b"\xffno event", {"trace": b"t1", "a=b": b"\x00"})
    [letter] = letters_of(parts.broker)
    assert letter["code"] == "corrupt" and letter["redrives"] == 0
    assert letter["origin"]["topic"] == harness.ORDERS_TOPIC and letter["origin"]["partition"] == 0
    [shown] = dlq(parts.broker, "show", harness.ORDERS_TOPIC, id_of(letter))
    headers = {entry["name"]: entry.get("value") for entry in shown["headers"]}
    assert headers["trace"] == "t1" and headers["a=b"] == "\x00"
    assert headers["__dlq.errors.offset"] == str(letter["origin"]["offset"])

    # It fails again: a new letter that knows how often it was sent back, and the old one is closed.
    [sent] = dlq(parts.broker, "redrive", harness.ORDERS_TOPIC, "--error", "corrupt")
    assert sent["outcome"] == "sent"
    [again] = eventually(lambda: [one for one in letters_of(parts.broker)
                                  if one["offset"] != letter["offset"]])
    assert again["redrives"] == 1 and again["origin"] == sent["to"]
    assert again["origin"]["partition"] == 0
    [shown] = dlq(parts.broker, "show", harness.ORDERS_TOPIC, id_of(again))
    headers = [(entry["name"], entry.get("value")) for entry in shown["headers"]]
    assert ("trace", "t1") in headers and ("__dlq.redrive.attempts", "1") in headers
    assert ("__dlq.redrive.offset", str(letter["offset"])) in headers
    assert shown["value_base64"] == "/25vIGV2ZW50"
    [old] = dlq(parts.broker, "show", harness.ORDERS_TOPIC, id_of(letter))
    assert old["redriven"]["to"] == sent["to"]

    [gone] = dlq(parts.broker, "discard", harness.ORDERS_TOPIC, id_of(again), "--yes")
    assert gone["discarded"] == 2 and gone["discarded_open"] == 1
    assert dlq(parts.broker, "list", harness.ORDERS_TOPIC, "--all") == []
    order_is_placed(parts, "ann")


def test_a_record_too_large_for_a_letter_stops_nobody(pipeline):
    parts = pipeline([sale("demo", 10)])
    poison(parts.broker, b"x" * 1_030_000)
    poison(parts.broker, b"small", {"large": b"y" * 1_000_000})
    order_is_placed(parts, "ann")
    letters = letters_of(parts.broker, count=2)
    for letter in letters:
        assert letter["key"] is None and letter["value_bytes"] is None
        assert "too large for a copy" in letter["message"]
    # Their records are read at the origin, and fail once more.
    sent = dlq(parts.broker, "redrive", harness.ORDERS_TOPIC, "--all")
    assert [one["outcome"] for one in sent] == ["sent", "sent"]
    again = eventually(lambda: [one for one in letters_of(parts.broker, count=2)
                                if one["redrives"] == 1])
    assert [one["origin"] for one in again] == [one["to"] for one in sent]
    resent = {(m.partition(), m.offset()): m for m in parts.broker.read_topic(harness.ORDERS_TOPIC)}
    for one, value in zip(sent, (b"x" * 1_030_000, b"small")):
        assert resent[one["to"]["partition"], one["to"]["offset"]].value() == value
    order_is_placed(parts, "bob")


@pytest.fixture
def letters(broker):
    """Many letters of an application's own topic, with the headers that Kafka writes."""
    broker.create_topic(ORIGIN, PARTITIONS)
    broker.create_topic("dlq." + ORIGIN, 2)
    producer = broker.producer(enable_idempotence=True)
    for i in range(LETTERS):
        producer.produce("dlq." + ORIGIN, b"job-%d" % i, b"%d" % i, partition=i % 2, headers={
            "__dlq.errors.topic": ORIGIN, "__dlq.errors.partition": str(i % PARTITIONS),
            "__dlq.errors.offset": str(i), "__dlq.errors.message": "Offset rejected by client."})
    assert producer.flush(20 * harness.PATIENCE) == 0
    return broker


def start_redrive(broker, rate):
    command = [str(harness.BUILD / "sluicectl"), "-b", broker.listen, "--timeout", "60", "dlq",
               "redrive", ORIGIN, "--all", "--rate", str(rate)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True,
                            preexec_fn=harness.die_with_parent)


def times_sent(broker):
    """How often each letter's record is in its topic; each where it came from."""
    times = collections.Counter()
    for message in broker.read_topic(ORIGIN):
        job = int(message.key())
        assert message.value() == b"job-%d" % job and message.partition() == job % PARTITIONS
        times[job] += 1
    return times


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_redrive_goes_on(letters, how):
    batch = 20
    redrive = start_redrive(letters, rate=batch * 5)
    for _ in range(3 * batch // 2):
        assert redrive.stdout.readline().endswith("  sent\n")
    redrive.send_signal(how)
    out, err = redrive.communicate(timeout=60 * harness.PATIENCE)
    if how == signal.SIGINT:
        assert redrive.returncode == 1 and "interrupted; the same command again goes on" in err
    else:
        assert redrive.returncode == -signal.SIGKILL
    left = len(dlq(letters, "list", ORIGIN, "-n", LETTERS))
    assert 0 < left < LETTERS - batch, out
    dlq(letters, "redrive", ORIGIN, "--all")
    assert dlq(letters, "list", ORIGIN) == []
    times = times_sent(letters)
    assert set(times) == set(range(LETTERS))
    twice = sum(times.values()) - LETTERS
    assert twice <= (batch if how == signal.SIGKILL else 0), times


def test_a_redrive_lives_through_a_kill_of_the_broker(letters):
    redrive = start_redrive(letters, rate=200)
    for _ in range(60):
        assert redrive.stdout.readline().endswith("  sent\n")
    letters.kill9()
    letters.start().wait_ready()
    _, err = redrive.communicate(timeout=120 * harness.PATIENCE)
    assert redrive.returncode == 0, err
    assert f"{LETTERS} redriven" in err
    assert times_sent(letters) == collections.Counter(range(LETTERS))


def test_discard_gives_back_a_prefix_of_one_partition(letters):
    dlq(letters, "redrive", ORIGIN, "0:0", "0:9", "1:3")
    [gone] = dlq(letters, "discard", ORIGIN, "0:9", "--yes")
    assert (gone["discarded"], gone["discarded_open"], gone["first_kept_offset"]) == (10, 8, 10)
    left = dlq(letters, "list", ORIGIN, "-n", LETTERS)
    assert len(left) == LETTERS - 11
    assert min(letter["offset"] for letter in left if letter["partition"] == 0) == 10
    dlq(letters, "discard", ORIGIN, "0:9", "--yes", status=1)
