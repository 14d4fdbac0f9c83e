"""How long until a broker is ready: an empty one, and one that was killed under full load."""

import shutil
import statistics
import subprocess

import measuring
from measuring import Broker, eventually, harness, program

STARTS = 10
LOADS = ((100, 4), (1024, 4), (16 * 1024, 4))  # record bytes, partitions
LOAD_BYTES = 480e6  # before the kill


def empty(folder):
    broker = Broker(folder / "empty").start().wait_ready()
    broker.finish()
    times = []
    for _ in range(STARTS):
        broker.start()
        times.append(broker.seconds_to_ready * 1000)
        memory = broker.memory_kib()
        broker.finish()
    print(f"empty broker: ready in {statistics.median(times):.0f} ms (median of {STARTS}, process "
          f"start included), {measuring.mib(memory)} resident\n")


def kill_under_load(folder, record_bytes, partitions):
    """A broker that was killed while librdkafka produced as fast as it goes."""
    broker = Broker(folder / f"killed-{record_bytes}").start().wait_ready()
    broker.create_topic("load", partitions)
    load = subprocess.Popen(
        [harness.BUILD / "tests/bench/produce_bench", broker.listen, "load", str(partitions),
         str(record_bytes), "1000000000", "1", "0", "0", "0"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=harness.die_with_parent)
    eventually(lambda: measuring.metric(broker, "sluice_broker_commit_bytes_total") > LOAD_BYTES,
               60, "the load before the kill")
    broker.kill9()
    load.kill()
    load.wait()
    return broker


def killed(folder):
    measuring.head("record", "log to replay MB", "ready s", "looking at the files s",
                   "RocksDB's replay s", "resident after")
    for record_bytes, partitions in LOADS:
        broker = kill_under_load(folder, record_bytes, partitions)
        copy = folder / "copy"
        shutil.copytree(broker.options["data_dir"], copy)
        broker.start().wait_ready()
        ready, memory = broker.seconds_to_ready, broker.memory_kib()
        broker.finish()
        parts = program("open_bench", copy)
        measuring.row(f"{record_bytes} B", f"{parts['log_bytes'] / 1e6:.0f}", f"{ready:.2f}",
                      f"{parts['check_ms'] / 1000:.2f}", f"{parts['replay_ms'] / 1000:.2f}",
                      measuring.mib(memory))
        shutil.rmtree(copy)
        shutil.rmtree(broker.folder)


def run(folder):
    empty(folder)
    killed(folder)
