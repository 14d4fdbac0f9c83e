"""Durable publish beside other brokers, in turns, as ratios to sluice-broker (./dev bench peers).

Runs whichever servers it finds and says which it did not. Where a server is, when not on PATH:
NATS_SERVER, REDIS_SERVER, RABBITMQ_SERVER (programs), KAFKA_LIBS (a folder of Kafka's jars; else
what ./dev test has fetched), JAVA.
Every server keeps its data in the same temporary file system; how each is set up, and why that is
equal durability: docs/performance.md.
"""

import argparse
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))

import apache_kafka  # noqa: E402
import harness  # noqa: E402
from harness import Broker, eventually, free_port  # noqa: E402

RECORD_BYTES = (200, 1024, 16 * 1024)
IN_FLIGHT = (1, 8, 64, 256)
FIRST_RECORDS = 200  # of the round that only finds the rate
RECORDS_MAX = 2_000_000


def accepts(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


class Server:
    """A process of another project, in a group of its own; its output goes to a file."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.port = free_port()
        self.processes = []

    def spawn(self, command, **environment):
        with open(self.folder / "output.log", "ab") as log:
            self.processes.append(subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env={**os.environ, **environment}, start_new_session=True,
                preexec_fn=harness.die_with_parent))

    def wait(self, probe, seconds=60):
        def ready():
            assert self.processes[-1].poll() is None, "it died"
            return probe()
        try:
            eventually(ready, seconds, f"{type(self).__name__} is ready", every=0.1)
        except AssertionError as error:
            tail = (self.folder / "output.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{error}\n{tail}") from error

    def stop(self):
        for process in reversed(self.processes):
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(15)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue
                break


class Redis(Server):
    def start(self, program):
        self.spawn([program, "--bind", "127.0.0.1", "--port", self.port, "--dir", self.folder,
                    "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                    "--auto-aof-rewrite-percentage", "0"])
        self.wait(lambda: accepts(self.port))


class Nats(Server):
    def start(self, program):
        config = self.folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.folder}/store", sync_interval: always }}\n',
            encoding="utf-8")
        self.spawn([program, "-c", config])
        self.wait(lambda: accepts(self.port))


class Rabbit(Server):
    def start(self, program):
        names = str(free_port())
        self.spawn([shutil.which("epmd"), "-port", names, "-address", "127.0.0.1"])
        (self.folder / "plugins").write_text("[].\n", encoding="utf-8")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n", encoding="utf-8")
        self.spawn([program], HOME=str(self.folder), ERL_EPMD_PORT=names,
                   RABBITMQ_NODENAME="sluice-bench@localhost",
                   RABBITMQ_MNESIA_BASE=str(self.folder / "data"),
                   RABBITMQ_LOG_BASE=str(self.folder / "log"),
                   RABBITMQ_DIST_PORT=str(free_port()),
                   RABBITMQ_CONFIG_FILE=str(self.folder / "rabbitmq.conf"),
                   RABBITMQ_CONF_ENV_FILE=os.devnull,
                   RABBITMQ_ENABLED_PLUGINS_FILE=str(self.folder / "plugins"))
        self.wait(lambda: accepts(self.port))


class Kafka(Server):
    node = None

    def start(self, _):
        self.node = apache_kafka.ApacheKafka(self.folder / "node", heap="1g")
        self.node.start().wait_ready()
        self.port = self.node.port
        self.node.create_topic("every", 1, {"flush.messages": "1"})
        self.node.create_topic("default", 1)

    def stop(self):
        if self.node is not None:
            self.node.finish()


def environment_or_path(variable, *names):
    return os.environ.get(variable) or next(filter(None, map(shutil.which, names)), None)


# Name, class, where it is. Debian's /usr/sbin/rabbitmq-server changes the user; the one behind it
# does not.
SERVERS = (
    ("NATS JetStream", Nats, lambda: environment_or_path("NATS_SERVER", "nats-server")),
    ("Redis Streams", Redis, lambda: environment_or_path("REDIS_SERVER", "redis-server")),
    ("RabbitMQ", Rabbit, lambda: environment_or_path(
        "RABBITMQ_SERVER", "/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")),
    ("Apache Kafka", Kafka, apache_kafka.libs),
)


class Contestant:
    """One way to publish: a name, the client's command, and what it measured by shape."""

    def __init__(self, name, program, *words):
        self.name = name
        self.program = program
        self.words = words
        self.rate = {}
        self.results = {}
        self.error = None

    def publish(self, shape, records):
        record_bytes, in_flight = shape
        if self.program == "produce_bench":
            tail = (1, record_bytes, records, 0, in_flight, 0, 0)
        else:
            tail = (record_bytes, records, in_flight)
        done = harness.run(f"tests/bench/{self.program}", *self.words, *tail, seconds=120)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stderr}")
        result = json.loads(done.stdout)
        self.rate[shape] = result["records"] / result["seconds"]
        return result

    def run(self, shape, seconds):
        """One round of about `seconds`; the rate of the round before says how many records."""
        if shape not in self.rate:
            self.publish(shape, FIRST_RECORDS if shape[1] < 64 else 10 * FIRST_RECORDS)
        records = int(self.rate[shape] * seconds)
        result = self.publish(shape, min(RECORDS_MAX, max(4 * shape[1], 50, records)))
        result["rate"] = result["records"] / result["seconds"]
        self.results.setdefault(shape, []).append(result)

    def median(self, shape, what):
        return statistics.median(result[what] for result in self.results[shape])


def contestants_of(server):
    """The ways in which a running server is measured."""
    port = server.port
    if isinstance(server, Nats):
        return [Contestant("NATS JetStream", "peer_bench", "nats", port, "bench")]
    if isinstance(server, Redis):
        return [Contestant("Redis Streams", "peer_bench", "redis", port, "bench")]
    if isinstance(server, Rabbit):
        return [Contestant("RabbitMQ, classic queue", "peer_bench", "rabbitmq", port, "classic"),
                Contestant("RabbitMQ, quorum queue", "peer_bench", "rabbitmq-quorum", port,
                           "quorum")]
    address = f"127.0.0.1:{port}"
    return [Contestant("Kafka, flush.messages=1", "produce_bench", address, "every"),
            Contestant("Kafka, default (no fsync)", "produce_bench", address, "default")]


def version_of(server, program):
    """What the server calls itself, for the heading of the table."""
    if isinstance(server, Kafka):
        return apache_kafka.version(program)
    if isinstance(server, Rabbit):
        log = "".join(path.read_text(errors="replace")
                      for path in (server.folder / "log").glob("*.log"))
        found = re.search(r"Starting RabbitMQ (\S+)", log)
    else:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"v=?(\d[\d.]+)", done.stdout)
    return found[1] if found else "of unknown version"


def start_servers(folder, wanted):
    servers, contestants = [], []
    for name, kind, find in SERVERS:
        if wanted and kind.__name__.lower() not in wanted:
            continue
        place = find()
        if not place:
            print(f"- {name}: not installed")
            continue
        server = kind(folder / kind.__name__.lower())
        servers.append(server)
        try:
            server.start(place)
        except (RuntimeError, AssertionError) as error:
            print(f"- {name}: did not start: {error}")
            continue
        print(f"- {name} {version_of(server, place)}", flush=True)
        contestants += contestants_of(server)
    return servers, contestants


def size(record_bytes):
    return f"{record_bytes // 1024} KiB" if record_bytes >= 1024 else f"{record_bytes} B"


def print_table(contestants, shapes):
    ours = contestants[0]
    print("\n| record | in flight | server | records/s | MB/s | p50 ms | p99 ms | p99.9 ms "
          "| Sluice is faster by | its p50 / Sluice's |")
    print("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for shape in shapes:
        for one in contestants:
            if one.error:
                continue
            rate, p50 = one.median(shape, "rate"), one.median(shape, "p50_us")
            delays = [one.median(shape, name) / 1000 for name in ("p50_us", "p99_us", "p999_us")]
            print(f"| {size(shape[0])} | {shape[1]} | {one.name} | {rate:,.0f} "
                  f"| {rate * shape[0] / 1e6:.1f} | "
                  + " | ".join(f"{delay:.2f}" for delay in delays)
                  + f" | {ours.median(shape, 'rate') / rate:.2f} ×"
                  f" | {p50 / max(1, ours.median(shape, 'p50_us')):.2f} |")


def measure(contestants, shapes, rounds, seconds):
    for shape, _ in itertools.product(shapes, range(rounds)):
        for one in contestants:
            if one.error:
                continue
            try:
                one.run(shape, seconds)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                one.error = str(error)
                print(f"- {one.name}: left out, it failed at {size(shape[0])}, {shape[1]} in "
                      f"flight: {one.error}", flush=True)


def parse(words):
    parser = argparse.ArgumentParser(prog="peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.6, help="of one round of one server")
    parser.add_argument("--bytes", type=int, nargs="+", default=RECORD_BYTES)
    parser.add_argument("--in-flight", type=int, nargs="+", default=IN_FLIGHT)
    parser.add_argument("--only", nargs="+",
                        choices=[kind.__name__.lower() for _, kind, _ in SERVERS],
                        help="leave the other servers out")
    return parser.parse_args(words)


def main(words):
    asked = parse(words)
    shapes = list(itertools.product(asked.bytes, asked.in_flight))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-peers.") as name:
        folder = pathlib.Path(name)
        broker = Broker(folder / "sluice").start().wait_ready()
        broker.create_topic("bench", 1)
        servers = []
        try:
            servers, peers = start_servers(folder, asked.only)
            contestants = [Contestant("Sluice", "produce_bench", broker.listen, "bench"), *peers]
            measure(contestants, shapes, asked.rounds, asked.seconds)
        finally:
            for server in servers:
                server.stop()
        broker.finish()
    print(f"\nDurable publish, one publisher, one partition or queue; medians of {asked.rounds} "
          f"rounds of {asked.seconds:g} s each, in turns; {time.monotonic() - began:.0f} s in all.")
    print_table(contestants, shapes)


if __name__ == "__main__":
    main(sys.argv[1:])
