"""Reading through Fetch: the tail cache beside plain TCP, and a cold log beside an iterator."""

import statistics

import measuring
from measuring import Broker, drop_page_cache, fill, port, program

BATCH_RECORDS = 16
RECORD_BYTES = 1024
TAIL_BYTES = 40 << 20  # all of it stays in the tail cache
ANSWER_BYTES = (64 << 10, 1 << 20, 8 << 20)
PASSES = 20
COLD_BYTES = 1 << 30
COLD_PARTITIONS = 4
PIECE_BYTES = 1 << 20


def fill_bytes(broker, topic, partitions, count):
    broker.create_topic(f"{topic}-0", partitions)
    fill(broker, topic, partitions, RECORD_BYTES, BATCH_RECORDS,
         count // (BATCH_RECORDS * RECORD_BYTES))


def tail(folder):
    print(f"tail: {TAIL_BYTES >> 20} MiB of {BATCH_RECORDS} KiB batches from the tail cache, one "
          f"answer after the other, {PASSES} passes, beside loopback TCP with the same answers\n")
    measuring.head("answer", "Fetch MB/s", "p50 / p99 µs", "loopback MB/s", "× loopback")
    broker = Broker(folder / "tail").start().wait_ready()
    fill_bytes(broker, "tail", 1, TAIL_BYTES)
    for answer_bytes in ANSWER_BYTES:
        result = program("reads_bench", port(broker), "tail-0", 0, 0, answer_bytes, PASSES)
        measuring.row(f"{answer_bytes >> 10} KiB", f"{result['fetch_mb_s']:,.0f}",
                      f"{result['p50_us']} / {result['p99_us']}",
                      f"{result['loopback_mb_s']:,.0f}",
                      f"{result['fetch_mb_s'] / result['loopback_mb_s']:.2f}")
    broker.finish()


def fetch_all(broker):
    """MB/s of every partition's answers, one partition after the other."""
    total = seconds = 0
    for partition in range(COLD_PARTITIONS):
        result = program("reads_bench", port(broker), "cold-0", partition, 0, PIECE_BYTES, 1)
        total += result["bytes"]
        seconds += result["bytes"] / result["fetch_mb_s"]
    return total / seconds


def cold(folder):
    broker = Broker(folder / "cold").start().wait_ready()
    fill_bytes(broker, "cold", COLD_PARTITIONS, COLD_BYTES)
    broker.finish()
    data = broker.options["data_dir"]
    rates = {"RocksDB iterator": [], "LogReader": [], "Fetch": []}
    for _ in range(measuring.rounds(2)):
        for name, mode in (("RocksDB iterator", "iterator"), ("LogReader", "reader")):
            how = drop_page_cache(data)
            rates[name].append(program("scan_bench", data, mode, PIECE_BYTES)["mb_s"])
        broker.start().wait_ready()
        drop_page_cache(data)
        rates["Fetch"].append(fetch_all(broker))
        broker.finish()
    print(f"\ncold: {COLD_BYTES >> 20} MiB in {COLD_PARTITIONS} partitions, 1 MiB pieces and "
          f"readahead, page cache emptied by {how}\n")
    measuring.head("way", "MB/s", "× iterator")
    limit = statistics.median(rates["RocksDB iterator"])
    for name, found in rates.items():
        rate = statistics.median(found)
        measuring.row(name, f"{rate:,.0f}", f"{rate / limit:.2f}")


def run(folder):
    tail(folder)
    cold(folder)
