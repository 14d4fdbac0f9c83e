"""Sustained produce with retention by size at work: what is written for it, latency, memory.

First as fast as a closed loop of 64 records of 16 KiB goes, SLUICE_BENCH_GIB of it; then at a
moderate fixed rate, where a record's latency counts from when it was due; then a moderate closed
loop.
"""

import os
import pathlib

import measuring
from measuring import Broker, produce, written_bytes

GIB = float(os.environ.get("SLUICE_BENCH_GIB", "2"))
PARTITIONS = 4
RETENTION_BYTES = 128 << 20  # of each partition
FIXED_RATE = 10_000  # records of 1 KiB a second
FIXED_SECONDS = int(os.environ.get("SLUICE_BENCH_SECONDS", "30"))


class Watch(measuring.Watch):
    """What the broker holds, once a second."""

    def __init__(self, broker):
        self.memory, self.disk = [], []
        super().__init__(broker, 1)

    def look(self):
        data = pathlib.Path(self.broker.options["data_dir"])
        self.memory.append(self.broker.memory_kib() / 1024)
        self.disk.append(sum(size_of(path) for path in data.rglob("*")))


def size_of(path):
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # it went while we looked
        return 0


def device_bytes(folder):
    """All that has been written to the device of the folder, by anyone."""
    device = os.stat(folder).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    fields = pathlib.Path(f"/sys/dev/block/{name}/stat").read_text(encoding="ascii").split()
    return int(fields[6]) * 512


def measured(broker, name, record_bytes, records, in_flight, rate=0):
    watch = Watch(broker)
    before, device = written_bytes(broker), device_bytes(broker.folder)
    try:
        result = produce(broker, "endurance", PARTITIONS, record_bytes, records, 1, in_flight, rate)
    finally:
        watch.stop()
    os.sync()
    data = result["bytes"]
    times = " / ".join(f"{result[key] / 1000:.1f}"
                       for key in ("p50_us", "p99_us", "p999_us", "max_us"))
    memory = watch.memory or [0]
    quarter = max(1, len(memory) // 4)
    over_time = " → ".join(f"{value:.0f}" for value in memory[::quarter][:4] + memory[-1:])
    measuring.row(name, f"{data / 1e6:,.0f}", f"{data / result['seconds'] / 1e6:.0f}", times,
                  f"{(written_bytes(broker) - before) / data:.2f}",
                  f"{(device_bytes(broker.folder) - device) / data:.2f}", over_time,
                  f"{max(watch.disk, default=0) / 1e6:,.0f}")


def run(folder):
    broker = Broker(folder / "endurance", {"retention_check_interval": "1s"}).start().wait_ready()
    broker.create_topic("endurance", PARTITIONS, {"retention.bytes": str(RETENTION_BYTES)})
    measuring.head("load", "MB", "MB/s", "p50 / p99 / p99.9 / max ms", "written by it ÷ data",
                   "by the device ÷ data", "resident MiB over time", "largest on disk MB")
    measured(broker, "64 × 16 KiB in flight", 16 << 10, int(GIB * (1 << 16)), 64)
    measured(broker, f"{FIXED_RATE:,} × 1 KiB a second", 1 << 10, FIXED_RATE * FIXED_SECONDS, 0,
             FIXED_RATE)
    measured(broker, "16 × 1 KiB in flight", 1 << 10, 8_000 * FIXED_SECONDS, 16)
    broker.finish()
