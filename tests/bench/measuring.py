"""What the measurements share: brokers and programs in one folder, and what a process has used."""

import json
import os
import pathlib
import re
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))

import harness  # noqa: E402
from harness import Broker, eventually, kafka_admin  # noqa: E402,F401

harness.SNAPSHOT_RECORDS = 100_000  # the daemons' default

MEMORY_DISK = "/dev/shm"  # tmpfs: an fsync there costs nothing


def rounds(default=3):
    return int(os.environ.get("SLUICE_BENCH_ROUNDS", default))


def seconds(default):
    """How long one measured round takes, about."""
    return float(os.environ.get("SLUICE_BENCH_SECONDS", default))


def program(name, *words, limit=600):
    """Runs one of the programs beside this file; what it says in its line of JSON."""
    done = harness.run(f"tests/bench/{name}", *words, seconds=limit)
    assert done.returncode == 0, f"{name} {words}: {done.stderr}"
    return json.loads(done.stdout)


def metric(broker, name):
    text = harness.Http(broker.admin).get("/metrics").body.decode()
    found = re.search(rf"^{name}(?:\{{[^}}]*\}})? (\S+)", text, re.M)
    assert found, f"the broker's metrics do not tell {name}"
    return float(found[1])


def commits(broker):
    """How many group commits (one fsync each) the broker has made."""
    return int(metric(broker, "sluice_broker_commits_total"))


def produce(broker, topic, partitions, record_bytes, records, linger_ms=1, in_flight=0, rate=0,
            keys=0):
    """Durable produce by librdkafka; `commits`, `batch`: those that the broker made of it.

    in_flight 0: as many as keep batches full. rate 0: as fast as it goes, else records a second.
    keys: how many different ones, in turn; 0: none.
    """
    before = commits(broker)
    result = program("produce_bench", broker.listen, topic, partitions, record_bytes, records,
                     linger_ms, in_flight, rate, keys)
    result["commits"] = commits(broker) - before
    result["batch"] = max(1, result["bytes"] // max(1, result["commits"]))
    result["rate"] = records / result["seconds"]
    return result


def bare(folder, batch_bytes, total_bytes):
    """The yardstick of durable throughput: a file that is appended and fdatasynced by batches."""
    file = folder / "bare.log"
    result = program("raw_log_bench", file, batch_bytes, total_bytes)
    file.unlink()
    return result


def cpu_seconds(daemon):
    """What all threads of a daemon have used."""
    nanoseconds = 0
    for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir():
        nanoseconds += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return nanoseconds / 1e9


def written_bytes(daemon):
    """What a daemon has caused to be written to a device; what was taken back does not count."""
    text = pathlib.Path(f"/proc/{daemon.process.pid}/io").read_text(encoding="ascii")
    fields = dict(re.findall(r"(\w+): (\d+)", text))
    return int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"])


def row(*cells):
    """One line of a table as docs/performance.md has it."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def head(*cells):
    row(*cells)
    print("|" + "---:|" * len(cells), flush=True)


class Watch:
    """Calls look() every so many seconds, from another thread, until stop()."""

    def __init__(self, broker, seconds_between):
        self.broker, self._seconds = broker, seconds_between
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._over.wait(self._seconds):
            self.look()

    def look(self):
        raise NotImplementedError

    def stop(self):
        self._over.set()
        self._thread.join()


def drop_page_cache(folder):
    """What the files of a folder left in memory goes, by whatever is allowed here; says by what."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("1\n", encoding="ascii")
        return "drop_caches"
    except OSError:
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return "posix_fadvise"


def port(broker):
    return broker.listen.rsplit(":", 1)[1]


def fill(broker, topic, partitions, record_bytes, batch_records, batches, in_flight=64):
    """Batches to TOPIC-0 and those that follow it, in turn over all partitions."""
    return program("operations_bench", port(broker), "fill", topic, partitions, record_bytes,
                   batch_records, 1, batches, in_flight)


def mib(kib):
    return f"{kib / 1024:.1f} MiB"
