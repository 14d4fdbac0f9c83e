"""Durable produce through librdkafka over sizes, records in flight and partitions.

In turns: the broker on the disk; a bare file with the batches that its group commit reached; and
the same broker and client with the data on tmpfs, where a sync costs nothing: what client, network
and broker ask of the cores when the disk asks nothing.
"""

import pathlib
import shutil
import statistics
import tempfile

import measuring
from measuring import Broker, bare, produce

RECORD_BYTES = (200, 1024, 16 * 1024)
IN_FLIGHT = (1, 8, 64, 256)
PARTITIONS = (1, 16, 64)
FIRST_RECORDS = 300  # of the round that only finds the rate
BYTES_MAX = 256 << 20  # of a round: what a memory disk can take


def brokers(folder, memory):
    both = []
    for where in (folder, memory):
        broker = Broker(where / "broker").start().wait_ready()
        for partitions in PARTITIONS:
            broker.create_topic(f"matrix-{partitions}", partitions)
        both.append(broker)
    return both


def cell(folder, disk, memory, record_bytes, in_flight, partitions):
    def load(broker, records):
        return produce(broker, f"matrix-{partitions}", partitions, record_bytes, records, 0,
                       in_flight)

    rate = load(disk, FIRST_RECORDS * min(in_flight, 8))["rate"]
    records = int(min(rate * measuring.seconds(0.5), BYTES_MAX // record_bytes))
    records = max(records, FIRST_RECORDS)
    ours, files, memories = [], [], []
    for _ in range(measuring.rounds(1)):
        ours.append(load(disk, records))
        files.append(bare(folder, ours[-1]["batch"], ours[-1]["bytes"]))
        memories.append(load(memory, records))
    middle = statistics.median
    rate = middle(result["rate"] for result in ours)
    limit = middle(result["bytes"] / result["seconds"] for result in files) / record_bytes
    no_disk = middle(result["rate"] for result in memories)
    times = " / ".join(f"{middle(result[name] for result in ours) / 1000:.2f}"
                       for name in ("p50_us", "p99_us", "p999_us"))
    batch = middle(result["batch"] for result in ours) / 1024
    measuring.row(f"{record_bytes} B", in_flight, partitions, f"{rate:,.0f}", times,
                  f"{batch:.1f}", f"{limit:,.0f}", f"{rate / limit:.2f}", f"{no_disk:,.0f}",
                  f"{rate / no_disk:.2f}")


def run(folder):
    measuring.head("record", "in flight", "partitions", "records/s", "p50 / p99 / p99.9 ms",
                   "batch KiB", "bare file", "× file", "on tmpfs", "× tmpfs")
    for record_bytes in RECORD_BYTES:
        with tempfile.TemporaryDirectory(prefix="sluice-bench.", dir=measuring.MEMORY_DISK) as shm:
            disk, memory = brokers(folder / str(record_bytes), pathlib.Path(shm))
            for in_flight in IN_FLIGHT:
                for partitions in PARTITIONS:
                    cell(folder, disk, memory, record_bytes, in_flight, partitions)
            disk.finish()
            memory.finish()
            shutil.rmtree(disk.folder)
