"""Compaction by key: how fast it goes through a log, and what producers notice of it.

A producer at a fixed rate is measured undisturbed, and again after a restart, when compaction works
on a log of another topic whose keys all come again.
"""

import time

import measuring
from measuring import Broker, eventually, metric, produce

RECORD_BYTES = 1024
KEYS = 50_000
RECORDS = 300_000
RATE = 2_000  # of the measured producer
SECONDS = 8
EAGER = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": "100"}
DROPPED = "sluice_broker_compaction_records_dropped_total"


class Watch(measuring.Watch):
    """When the last record was dropped."""

    def __init__(self, broker):
        self.done, self.dropped = time.monotonic(), 0
        super().__init__(broker, 0.1)

    def look(self):
        dropped = metric(self.broker, DROPPED)
        if dropped > self.dropped:
            self.dropped, self.done = dropped, time.monotonic()


def measured(broker, name):
    result = produce(broker, "beside", 1, RECORD_BYTES, RATE * SECONDS, 1, 0, RATE)
    measuring.row(name, *(f"{result[key] / 1000:.1f}"
                          for key in ("p50_us", "p99_us", "p999_us", "max_us")))


def run(folder):
    # Nothing is looked at before the second start.
    broker = Broker(folder / "compact", {"retention_check_interval": "1d"}).start().wait_ready()
    broker.create_topic("beside", 1)
    broker.create_topic("keyed", 1, EAGER)
    produce(broker, "keyed", 1, RECORD_BYTES, RECORDS, keys=KEYS)
    measuring.head(f"{RATE:,} × 1 KiB a second", "p50 ms", "p99", "p99.9", "max")
    measured(broker, "alone")
    broker.finish()
    broker.options["retention_check_interval"] = "1s"
    broker.start().wait_ready()
    began = time.monotonic()
    watch = Watch(broker)
    measured(broker, "while compaction runs")
    eventually(lambda: metric(broker, DROPPED) >= RECORDS - KEYS, 60, "old records are gone")
    watch.stop()
    seconds = watch.done - began
    print(f"\n{RECORDS * RECORD_BYTES / 1e6:.0f} MB with {KEYS:,} keys: "
          f"{metric(broker, DROPPED):,.0f} records dropped {seconds:.1f} s after the start, "
          f"{RECORDS * RECORD_BYTES / seconds / 1e6:.0f} MB/s")
    broker.finish()
