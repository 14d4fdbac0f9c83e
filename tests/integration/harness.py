"""Real daemons for the tests: on port 0 in a temporary directory, killed, restarted, checked.

Everything that knows how the daemons are configured (option names, the ready line) is in here.
"""

import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import confluent_kafka
from confluent_kafka import admin as kafka_admin

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", "build/release")).resolve()
SANITIZED = os.environ.get("SLUICE_SANITIZED", "0") == "1"
# A sanitized binary on a busy two-core machine is this much slower.
PATIENCE = 4 if SANITIZED else 1
STOP_SECONDS = 5
ORDERS_TOPIC = "seckill.orders"


def eventually(probe, seconds=15, what=None, every=0.02):
    """Polls `probe` until its result is true and returns it; the deadline is in real seconds.

    A probe may also raise AssertionError, OSError or an HTTP error while it is too early.
    """
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            result = probe()
            error = None
        except (AssertionError, OSError, http.client.HTTPException) as raised:
            result, error = None, raised
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {seconds * PATIENCE} s: {what or probe}; last: {error or result!r}")
        time.sleep(every)


def die_with_parent():
    """A test that is killed takes its daemons with it (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Reply:
    """One HTTP answer; header names are case-insensitive."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def free_port():
    """For a server of another project that cannot be told to choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Http:
    """A keep-alive connection to one server, reopened after an error."""

    def __init__(self, address, timeout=20):
        host, port = address.rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=timeout * PATIENCE)

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            self.connection.request(method, path, body, headers)
            return Reply(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def close(self):
        self.connection.close()


class Daemon:
    """One process of ours. It must end with 0 whenever it is told to stop."""

    listeners = ("listen", "admin_listen")

    def __init__(self, program, folder, options=None, yaml=""):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = {**dict.fromkeys(self.listeners, "127.0.0.1:0"), **(options or {})}
        self.config = self.folder / f"{program}.yaml"
        self.config.write_text(yaml or "{}\n", encoding="utf-8")
        self.lines = []
        self.news = threading.Condition()
        self.process = None
        self.expected_dead = False
        self.environment = {}
        self.armed = None
        self.listen = self.admin = None
        self.seconds_to_ready = None

    def command(self):
        sets = [word for name, value in self.options.items()
                for word in ("--set", f"{name}={value}")]
        return [str(BUILD / f"sluice-{self.program}"), "--config", str(self.config), *sets]

    def start(self):
        """Starts and waits for the ready line; keeps the port from the second start on."""
        began = time.monotonic()
        self.expected_dead = False
        seen = len(self.lines)
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, errors="replace",
                                        env={**os.environ, **self.environment},
                                        preexec_fn=die_with_parent)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        ready = self.wait_for_line(r"\bready\b.*listen=", after=seen, seconds=30)
        self.seconds_to_ready = time.monotonic() - began
        for name in self.listeners:
            self.options[name] = re.search(rf"\b{name}=(\S+)", ready)[1]
        self.listen = self.options.get("listen")
        self.admin = self.options.get("admin_listen", self.listen)
        return self

    def _read(self, process):
        for line in process.stderr:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()

    def wait_for_line(self, pattern, after=0, seconds=15):
        deadline = time.monotonic() + seconds * PATIENCE
        with self.news:
            while True:
                for line in self.lines[after:]:
                    if re.search(pattern, line):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self.news.wait(0.5)):
                    raise AssertionError(f"{self.program}: no line like {pattern!r}; "
                                         f"status {self.process.poll()}; log:\n{self.log()}")
                self.news.wait(min(left, 0.5))

    def log(self):
        return "\n".join(self.lines[-60:])

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill9(self):
        self.expected_dead = True
        self.process.kill()
        self.process.wait()

    def sigterm(self):
        """The promise of every daemon: exit status 0 within five seconds."""
        began = time.monotonic()
        self.expected_dead = True
        self.process.terminate()
        try:
            status = self.process.wait(STOP_SECONDS * PATIENCE)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise AssertionError(f"{self.program} did not stop:\n{self.log()}") from error
        assert status == 0, f"{self.program} ended with {status}:\n{self.log()}"
        return time.monotonic() - began

    def finish(self):
        """The end of a test: whatever still runs must stop cleanly; nothing died unasked."""
        if self.process is None or self.expected_dead:
            return
        assert self.alive(), (f"{self.program} died with {self.process.returncode}:\n{self.log()}")
        self.sigterm()

    def arm(self, point, action, passing=1):
        """The next start gets to that fail point, and ends ("kill") or stands still ("stop") there.
        """
        self.environment["SLUICE_FAIL_POINT"] = f"{point}:{passing}:{action}"
        self.armed = point, action, len(self.lines)
        return self

    def wait_for_fail_point(self, seconds=30):
        point, action, seen = self.armed
        del self.environment["SLUICE_FAIL_POINT"]
        self.wait_for_line(rf"^fail point name={point} ", after=seen, seconds=seconds)
        if action == "kill":
            self.expected_dead = True
            assert self.process.wait(5 * PATIENCE) == -signal.SIGKILL, self.log()
        else:
            status = pathlib.Path(f"/proc/{self.process.pid}/stat")
            eventually(lambda: ") T " in status.read_text(encoding="ascii"), 5,
                       f"{self.program} stands still at {point}")

    def go_on(self):
        """After "stop"."""
        self.process.send_signal(signal.SIGCONT)

    def http(self):
        return Http(self.listen)

    def is_ready(self):
        return Http(self.admin).get("/readyz").status == 200

    def wait_ready(self, seconds=30):
        eventually(self.is_ready, seconds, f"/readyz of {self.program}")
        return self

    def memory_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


class KafkaServer:
    """What any Kafka client may ask of the server at `listen`, ours or another."""

    listen = None

    def client_options(self, **more):
        return {"bootstrap.servers": self.listen, "client.id": "test",
                **{name.replace("_", "."): value for name, value in more.items()}}

    def producer(self, **more):
        return confluent_kafka.Producer(self.client_options(**{"acks": "all", **more}))

    def create_topic(self, name, partitions=1, config=None):
        client = kafka_admin.AdminClient(self.client_options())
        topic = kafka_admin.NewTopic(name, num_partitions=partitions, replication_factor=1,
                                     config=config or {})
        for future in client.create_topics([topic]).values():
            future.result(20 * PATIENCE)

    def read_topic(self, topic, seconds=30):
        """Every message of a topic, from its beginning to the ends of its partitions."""
        consumer = confluent_kafka.Consumer(self.client_options(
            group_id="reader", enable_auto_commit=False, enable_partition_eof=True,
            auto_offset_reset="earliest", fetch_wait_max_ms=10))
        try:
            found = consumer.list_topics(topic, 20 * PATIENCE).topics[topic]
            assert found.error is None, found.error
            left = set(found.partitions)
            consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0)
                             for partition in left])
            return list(self._read_until_ends(consumer, left, seconds))
        finally:
            consumer.close()

    @staticmethod
    def _read_until_ends(consumer, left, seconds):
        deadline = time.monotonic() + seconds * PATIENCE
        while left:
            assert time.monotonic() < deadline, f"partitions {left} were not read to their ends"
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    yield message
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    left.discard(message.partition())


class Broker(Daemon, KafkaServer):
    def __init__(self, folder, options=None, yaml=""):
        folder = pathlib.Path(folder)
        super().__init__("broker", folder, {"data_dir": folder / "data", **(options or {})}, yaml)


def sale(name, stock, per_user_limit=1, **more):
    """One element of the frontend's `sales` option."""
    return {"id": name, "title": f"The {name} sale", "stock": stock, "unit_price": 9900,
            "currency": "CNY", "per_user_limit": per_user_limit, **more}


# So often that restarts in tests begin with snapshots; benches have the daemons' default.
SNAPSHOT_RECORDS = 50


class Frontend(Daemon):
    def __init__(self, folder, broker, sales, options=None):
        super().__init__("frontend", folder,
                         {"bootstrap_servers": broker.listen,
                          "data_dir": pathlib.Path(folder) / "snapshots",
                          "snapshot_records": SNAPSHOT_RECORDS, **(options or {})},
                         json.dumps({"sales": sales}, indent=1) + "\n")

    def order(self, sale_name, user, key=None, quantity=1, connection=None):
        headers = {"X-User-Id": user}
        if key:
            headers["Idempotency-Key"] = key
        return (connection or self.http()).request(
            "POST", f"/v1/sales/{sale_name}/orders", {"quantity": quantity}, headers)

    def administer(self, method, path, body=None, **headers):
        """A request to the admin API. REQUIRES: the option admin_token."""
        token = self.options["admin_token"]
        return Http(self.admin).request(method, path, body,
                                        {"Authorization": f"Bearer {token}", **headers})

    def state(self, order_id):
        reply = self.http().get(f"/v1/orders/{order_id}")
        return reply.json["state"] if reply.status == 200 else None


# Of a worker that is killed and started again: it has its partitions back at once. A group whose
# members have no names waits for the session of who was killed to end.
NAMED = {"group_instance_id": "one"}


class Worker(Daemon):
    listeners = ("admin_listen",)

    def __init__(self, folder, broker, options=None):
        folder = pathlib.Path(folder)
        self.database = folder / "orders.db"
        super().__init__("worker", folder, {"bootstrap_servers": broker.listen,
                                            "database": f"sqlite:{self.database}",
                                            **(options or {})})

    def query(self, statement):
        """An empty list before the worker made the tables."""
        if not self.database.exists():
            return []
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20) as database:
            try:
                return database.execute(statement).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error) or "locked" in str(error):
                    return []
                raise

    def rows(self, columns="order_id, user_id, state", where="1 = 1"):
        """Rows of the orders table."""
        return self.query(f"select {columns} from orders where {where}")


class Pipeline:
    """Broker, worker and frontend with these sales; `keep` is the daemons fixture.

    broker: a server that runs already, in the place of our own. worker: makes the worker from what
    Worker is made from. idle: it is not started.
    """

    def __init__(self, folder, sales, keep, frontend_options=None, worker_options=None,
                 broker=None, worker=Worker, idle=False):
        folder = pathlib.Path(folder)
        self.broker = broker or keep(Broker(folder / "broker")).start().wait_ready()
        self.worker = keep(worker(folder / "worker", self.broker, worker_options))
        self.frontend = keep(Frontend(folder / "frontend", self.broker, sales, frontend_options))
        if not idle:
            self.worker.start()
        self.frontend.start()
        if not idle:
            self.worker.wait_ready()
        self.frontend.wait_ready()

    def ledger(self):
        return Ledger(self.broker.read_topic(ORDERS_TOPIC))


class Ledger:
    """An independent fold of the orders topic, from the rules of the design, not from our code."""

    def __init__(self, messages):
        self.orders = {}       # valid reserves: order -> {user, sale, quantity, state}
        self.void = {}
        self.available = {}    # by sale
        self.granted = {}
        self.reserve_records = 0
        self.counts = {}
        epochs, grants = {}, set()
        for message in messages:
            event = json.loads(message.value())
            self.counts[event["type"]] = self.counts.get(event["type"], 0) + 1
            if event["type"] == "epoch":
                partition = message.partition()
                epochs[partition] = max(event["epoch"], epochs.get(partition, 0))
            elif event["type"] == "sale":
                self._define(event, grants)
            elif event["type"] == "reserve":
                self._reserve(event, epochs.get(message.partition(), 0))
            else:
                self._outcome(event)

    def _define(self, event, grants):
        name, grant = event["sale"], (event["sale"], event.get("grant_id", "initial"))
        if grant not in grants:
            grants.add(grant)
            self.available[name] = self.available.get(name, 0) + event["stock"]
            self.granted[name] = self.granted.get(name, 0) + event["stock"]

    def _reserve(self, event, epoch):
        self.reserve_records += 1
        if event["order"] in self.orders or event["order"] in self.void:
            return
        order = {"user": event["user"], "sale": event["sale"], "quantity": event["quantity"],
                 "state": "reserved"}
        if event["epoch"] != epoch:
            self.void[event["order"]] = order
            return
        self.available[event["sale"]] -= event["quantity"]
        assert self.available[event["sale"]] >= 0, f"I1: oversold at {event}"
        self.orders[event["order"]] = order

    def _outcome(self, event):
        order = self.orders.get(event["order"])
        if order is None or order["state"] in ("rejected", "cancelled", "expired", "paid"):
            return
        if event["type"] in ("rejected", "cancelled", "expired"):
            self.available[order["sale"]] += order["quantity"]
        order["state"] = event["type"]

    def holding(self, sale_name):
        return {name: order for name, order in self.orders.items()
                if order["sale"] == sale_name and order["state"] in ("reserved", "placed", "paid")}


def run(program, *words, stdin=None, seconds=30):
    """Runs one of our programs or a system tool to its end."""
    path = BUILD / program
    command = [str(path) if path.exists() else program, *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True,
                          timeout=seconds * PATIENCE, check=False,
                          stdin=subprocess.DEVNULL if stdin is None else None)


def audit(parts, *words, database=True, frontend=True):
    """sluicectl sale audit: (exit code, report), None when nothing could be checked."""
    arguments = ["sale", "audit", *words, "-b", parts.broker.listen, "--json"]
    if database:
        arguments += ["--database", parts.worker.options["database"]]
    if frontend:
        arguments += ["--frontend", parts.frontend.listen]
    done = run("sluicectl", *arguments, seconds=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def kcat(broker, *words, stdin=None, seconds=30):
    done = run("kcat", "-b", broker.listen, *words, stdin=stdin, seconds=seconds)
    assert done.returncode == 0, f"kcat {words}: {done.stderr}\n{broker.log()}"
    return done.stdout


def connect(address, seconds=10):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), seconds * PATIENCE)
