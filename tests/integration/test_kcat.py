"""kcat (librdkafka) as any user runs it, against our broker."""

import json
import re
import subprocess
import threading

import harness
from harness import eventually, kcat


def test_list(broker):
    broker.create_topic("orders", 3)
    text = kcat(broker, "-L")
    assert "1 brokers" in text and broker.listen in text
    assert 'topic "orders" with 3 partitions' in text
    found = json.loads(kcat(broker, "-L", "-J", "-t", "orders"))
    assert [part["leader"] for part in found["topics"][0]["partitions"]] == [0, 0, 0] or \
        len({part["leader"] for part in found["topics"][0]["partitions"]}) == 1


def test_produce_and_consume_to_the_end(broker):
    broker.create_topic("lines")
    sent = "".join(f"key-{n}:value {n}\n" for n in range(1000))
    kcat(broker, "-P", "-t", "lines", "-K:", stdin=sent)
    got = kcat(broker, "-C", "-t", "lines", "-e", "-q", "-K:")
    assert got == sent
    assert kcat(broker, "-C", "-t", "lines", "-e", "-q", "-o", "-1") == "value 999\n"
    assert kcat(broker, "-C", "-t", "lines", "-e", "-q", "-o", "990", "-c", "1") == "value 990\n"


def test_headers_nulls_and_compression(broker):
    broker.create_topic("forms")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        kcat(broker, "-P", "-t", "forms", "-z", codec, "-H", f"codec={codec}",
             stdin="".join(f"{codec} {'x' * 200} {n}\n" for n in range(50)))
    kcat(broker, "-P", "-t", "forms", "-Z", "-K:", stdin="gone:\n")
    rows = kcat(broker, "-C", "-t", "forms", "-e", "-q", "-f", "%o|%h|%S|%k\n").splitlines()
    assert [int(row.split("|")[0]) for row in rows] == list(range(251))
    assert rows[100].split("|")[1] == "codec=snappy"
    assert rows[250] == "250||-1|gone"


def test_offset_by_time(broker):
    broker.create_topic("times")
    kcat(broker, "-P", "-t", "times", stdin="a\nb\nc\n")
    stamps = kcat(broker, "-C", "-t", "times", "-e", "-q", "-f", "%T\n").split()
    assert kcat(broker, "-Q", "-t", f"times:0:{int(stamps[0])}").split()[-1] == "0"


class Member:
    """One `kcat -G` process: what it consumed, what it was assigned."""

    def __init__(self, broker, group, topic):
        self.process = subprocess.Popen(
            ["kcat", "-b", broker.listen, "-X", "session.timeout.ms=6000", "-X",
             "heartbeat.interval.ms=500", "-X", "auto.offset.reset=earliest", "-u",
             "-f", "%p %s\n", "-G", group, topic],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=harness.die_with_parent)
        self.got, self.assigned, self.notes = [], None, []
        for target in (self._read_records, self._read_notes):
            threading.Thread(target=target, daemon=True).start()

    def _read_records(self):
        for line in self.process.stdout:
            self.got.append(line.rstrip("\n"))

    def _read_notes(self):
        for line in self.process.stderr:
            self.notes.append(line)
            if "assigned:" in line:
                numbers = re.findall(r"\[(\d+)\]", line.split("assigned:")[1])
                self.assigned = sorted(map(int, numbers))

    def stop(self):
        self.process.kill()
        self.process.wait()


def test_group_rebalances_when_a_member_is_killed(broker):
    broker.create_topic("shared", 4)
    first = Member(broker, "crew", "shared")
    second = None
    try:
        eventually(lambda: first.assigned == [0, 1, 2, 3], 30, "the first member owns all")
        second = Member(broker, "crew", "shared")
        eventually(lambda: len(first.assigned) == 2 and second.assigned and
                   sorted(first.assigned + second.assigned) == [0, 1, 2, 3], 30,
                   "two members share the partitions")
        for partition in range(4):
            kcat(broker, "-P", "-t", "shared", "-p", partition, stdin=f"before-{partition}\n")
        eventually(lambda: len(first.got) + len(second.got) == 4, 30, "all four were consumed")
        assert {row.split()[0] for row in second.got} == set(map(str, second.assigned))
        second.stop()  # kill -9: the broker finds out by the session timeout
        eventually(lambda: first.assigned == [0, 1, 2, 3], 30, "the survivor owns all")
        for partition in range(4):
            kcat(broker, "-P", "-t", "shared", "-p", partition, stdin=f"after-{partition}\n")
        eventually(lambda: {f"{n} after-{n}" for n in range(4)} <= set(first.got), 30,
                   "the survivor consumes all partitions")
    finally:
        first.stop()
        if second:
            second.stop()


def test_group_goes_on_where_it_committed(broker):
    broker.create_topic("resumed")
    kcat(broker, "-P", "-t", "resumed", stdin="".join(f"{n}\n" for n in range(10)))
    options = ("-X", "auto.offset.reset=earliest", "-q", "-e", "-c", "4", "-G", "reader", "resumed")
    assert kcat(broker, *options).split() == ["0", "1", "2", "3"]
    assert kcat(broker, *options).split() == ["4", "5", "6", "7"]
    broker.kill9()
    broker.start().wait_ready()
    assert kcat(broker, "-X", "auto.offset.reset=earliest", "-q", "-c", "2", "-G", "reader",
                "resumed").split() == ["8", "9"]
