"""Backups of a broker under load, restored after it is gone; damage seen by the real programs."""

import json
import pathlib
import shutil
import threading
import time

import confluent_kafka
import pytest

import harness
from harness import Broker, eventually, run

TOPIC = "kept"
PARTITIONS = 4
RECORD_BYTES = 2_000


@pytest.fixture
def broker(tmp_path, daemons):
    """One that makes backups, with segments so small that there are table files."""
    return daemons(Broker(tmp_path / "broker", {
        "backup_dir": tmp_path / "backups", "segment_bytes": "1MiB",
        "disk_reserve_bytes": 0})).start().wait_ready()


class Load:
    """Produces from a thread of its own until it is stopped; remembers what was acknowledged."""

    def __init__(self, broker):
        self.producer = broker.producer(enable_idempotence=True, linger_ms=1)
        self.acknowledged = {}
        self.latencies = []
        self.failed = []
        self.stopping = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        number = 0
        while not self.stopping:
            for _ in range(20):
                value = b"%012d" % number + b"x" * RECORD_BYTES
                self.producer.produce(TOPIC, value, partition=number % PARTITIONS,
                                      on_delivery=self._delivered(time.monotonic()))
                number += 1
            self.producer.flush(60)

    def _delivered(self, sent):
        def delivered(error, message):
            if error is not None:
                self.failed.append(error)
                return
            self.latencies.append((time.monotonic(), time.monotonic() - sent))
            self.acknowledged[message.partition(), message.offset()] = message.value()
        return delivered

    def acknowledge(self, count):
        goal = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) >= goal, 120, f"{count} more records")

    def stop(self):
        self.stopping = True
        self.thread.join()
        assert not self.failed, self.failed[:3]


def ctl(*words, status=0, seconds=60):
    done = run("sluicectl", *words, seconds=seconds)
    assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def ctl_json(*words, **more):
    return json.loads(ctl(*words, "-o", "json", **more).stdout)


def commit(broker, group, offset):
    consumer = confluent_kafka.Consumer(broker.client_options(group_id=group))
    consumer.commit(offsets=[confluent_kafka.TopicPartition(TOPIC, 0, offset)], asynchronous=False)
    consumer.close()


def committed(broker, group):
    consumer = confluent_kafka.Consumer(broker.client_options(group_id=group))
    found = consumer.committed([confluent_kafka.TopicPartition(TOPIC, 0)], 20 * harness.PATIENCE)
    consumer.close()
    return found[0].offset


def read(broker):
    return {(message.partition(), message.offset()): message.value()
            for message in broker.read_topic(TOPIC, 90)}


def includes(found, expected):
    for place, value in expected.items():
        assert found.get(place) == value, f"{place} was acknowledged before the backup"


def test_backups_under_load_come_back(broker, tmp_path, daemons):
    broker.create_topic(TOPIC, PARTITIONS)
    load = Load(broker)
    load.acknowledge(3_000)
    commit(broker, "readers", 17)
    before = dict(load.acknowledged)
    first = ctl_json("backup", "create", "--admin", broker.admin)
    load.acknowledge(200)
    second = ctl_json("backup", "create", "--admin", broker.admin)
    load.acknowledge(100)
    load.stop()
    assert first["id"] == 1 and second["id"] == 2
    assert first["bytes"] > 3_000 * RECORD_BYTES * 0.9
    assert first["created_at"].endswith("Z") and first["took_ms"] >= 0
    # Not more than the first, which may hold logs beside the tables that were made of them.
    assert second["bytes"] > 3_200 * RECORD_BYTES * 0.9
    assert second["bytes"] - second["new_bytes"] > 1 << 20, "tables are shared with the first"
    listed = ctl_json("backup", "list", "--admin", broker.admin)
    assert [backup["id"] for backup in listed] == [1, 2]
    broker.kill9()
    backups = tmp_path / "backups"
    assert ctl_json("backup", "list", "--backup-dir", backups) == listed
    assert ctl_json("verify", "--backup-dir", backups, "--backup", "1")["clean"]
    assert ctl_json("verify", "--backup-dir", backups)["clean"]
    checked = ctl_json("verify", broker.options["data_dir"])
    assert checked["clean"] and checked["findings"] == []
    assert checked["counts"]["records"] >= len(load.acknowledged)
    for name, words, expected in (("newest", (), load.acknowledged),
                                  ("oldest", ("--backup", "1"), before)):
        data = tmp_path / name / "data"
        restored = ctl_json("restore", "--backup-dir", backups, "--data-dir", data, *words)
        assert restored["id"] == (1 if words else 2)
        assert ctl_json("verify", data)["findings"] == []
        again = daemons(Broker(tmp_path / name)).start().wait_ready()
        found = read(again)
        includes(found, before)
        assert found.items() <= load.acknowledged.items() or expected is before
        assert committed(again, "readers") == 17
        produced = again.producer()
        produced.produce(TOPIC, b"goes on", partition=0)
        assert produced.flush(20 * harness.PATIENCE) == 0
        again.sigterm()
        assert ctl_json("verify", data)["clean"]


def test_a_backup_does_not_hold_up_producers(broker):
    broker.create_topic(TOPIC, PARTITIONS)
    load = Load(broker)
    load.acknowledge(3_000)
    began = time.monotonic()
    for _ in range(3):
        ctl("backup", "create", "--admin", broker.admin)
    ended = time.monotonic()
    load.acknowledge(200)
    load.stop()
    during = sorted(took for at, took in load.latencies if began <= at <= ended)
    quiet = sorted(took for at, took in load.latencies if at < began)
    assert during, "nothing was acknowledged while a backup was made"
    for name, times in (("before", quiet), ("during", during)):
        print(f"{name}: p50 {times[len(times) // 2] * 1000:.1f} ms, "
              f"p99 {times[int(len(times) * .99)] * 1000:.1f} ms, n {len(times)}")
    assert during[-1] < 2 * harness.PATIENCE


def test_backups_are_deleted(broker, tmp_path):
    broker.create_topic(TOPIC)
    for _ in range(3):
        ctl("backup", "create", "--admin", broker.admin)
    asked = ctl("backup", "delete", "2", "--admin", broker.admin, status=1)
    assert "--yes" in asked.stderr
    ctl("backup", "delete", "2", "--yes", "--admin", broker.admin)
    missing = ctl("backup", "delete", "2", "--yes", "--admin", broker.admin, status=1)
    assert "2" in missing.stderr
    left = ctl_json("backup", "list", "--admin", broker.admin)
    assert [backup["id"] for backup in left] == [1, 3]
    table = ctl("backup", "list", "--backup-dir", tmp_path / "backups").stdout
    assert table.split()[:4] == ["BACKUP", "CREATED", "SIZE", "FILES"]
    gone = ctl("restore", "--backup-dir", tmp_path / "backups", "--backup", "2", "--data-dir",
               tmp_path / "new", status=1)
    assert "backup 2 is not in" in gone.stderr
    assert not (tmp_path / "new").exists()


def test_refusals_say_why(tmp_path, daemons):
    broker = daemons(Broker(tmp_path / "broker")).start().wait_ready()
    assert "backup_dir" in ctl("backup", "create", "--admin", broker.admin, status=1).stderr
    assert ctl_json("backup", "list", "--admin", broker.admin) == []
    data = broker.options["data_dir"]
    held = ctl("verify", data, status=1)
    assert "in use" in held.stderr and str(data) in held.stderr
    assert "127.0.0.1:1" in ctl("backup", "list", "--admin", "127.0.0.1:1", status=1).stderr
    assert ctl("verify", status=2).stderr
    assert "no backups" in ctl("restore", "--backup-dir", tmp_path / "none", "--data-dir",
                               tmp_path / "new", status=1).stderr
    assert "data_dir" in ctl("verify", tmp_path / "none", status=1).stderr
    assert not (tmp_path / "none").exists()


def test_restore_wants_an_empty_place_and_a_whole_backup(broker, tmp_path):
    broker.create_topic(TOPIC)
    harness.kcat(broker, "-P", "-t", TOPIC, stdin="a\nb\n")
    ctl("backup", "create", "--admin", broker.admin)
    backups = tmp_path / "backups"
    data = broker.options["data_dir"]
    full = ctl("restore", "--backup-dir", backups, "--data-dir", data, status=1)
    assert "not empty" in full.stderr
    log = max(backups.rglob("*.log"), key=lambda path: path.stat().st_size)
    damage(log, log.stat().st_size // 2)
    new = tmp_path / "new"
    refused = ctl("restore", "--backup-dir", backups, "--data-dir", new, status=1)
    assert "orruption" in refused.stderr
    assert not new.exists()
    found = ctl("verify", "--backup-dir", backups, "-o", "json", status=1)
    assert not json.loads(found.stdout)["clean"]


def test_a_broker_that_stops_gives_its_backup_up(tmp_path, daemons):
    broker = daemons(Broker(tmp_path / "broker", {
        "backup_dir": tmp_path / "backups", "backup_rate": "1MiB",
        "disk_reserve_bytes": 0})).start().wait_ready()
    broker.create_topic(TOPIC)
    producer = broker.producer()
    for _ in range(40):
        producer.produce(TOPIC, b"x" * 900_000)
    assert producer.flush(60) == 0
    results = []
    asking = threading.Thread(target=lambda: results.append(
        run("sluicectl", "backup", "create", "--admin", broker.admin, seconds=120)))
    asking.start()
    eventually(lambda: broker_running(broker), 30, "the backup is under way")
    assert "another backup" in ctl("backup", "create", "--admin", broker.admin, status=1).stderr
    assert broker.sigterm() < harness.STOP_SECONDS * harness.PATIENCE
    asking.join()
    assert results[0].returncode == 1
    assert ctl_json("backup", "list", "--backup-dir", tmp_path / "backups") == []
    broker.start().wait_ready()


def broker_running(broker):
    reply = harness.Http(broker.admin).get("/v1/backups")
    return reply.status == 200 and reply.json["running"]


def damage(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 4]))


def fill(broker, records=3_000):
    broker.create_topic(TOPIC, PARTITIONS)
    load = Load(broker)
    load.acknowledge(records)
    load.stop()
    return load


def files_of(broker, suffix):
    """Those with something in them, oldest first."""
    folder = pathlib.Path(broker.options["data_dir"]) / "db"
    return sorted(path for path in folder.glob(f"*{suffix}") if path.stat().st_size > 0)


@pytest.mark.parametrize("kind", ["log", "manifest", "current", "acknowledged"])
def test_damage_stops_the_start(broker, kind):
    fill(broker, 300)
    eventually(lambda: (pathlib.Path(broker.options["data_dir"]) / "acknowledged").exists())
    broker.kill9()
    data = pathlib.Path(broker.options["data_dir"])
    path = {"log": lambda: files_of(broker, ".log")[-1],
            "manifest": lambda: next((data / "db").glob("MANIFEST-*")),
            "current": lambda: data / "db" / "CURRENT",
            "acknowledged": lambda: data / "acknowledged"}[kind]()
    whole = path.read_bytes()
    damage(path, len(whole) // 2)
    done = run(*broker.command())
    assert done.returncode == 1
    assert path.name in done.stderr and "damaged" in done.stderr, done.stderr
    assert "sluicectl verify" in done.stderr
    found = ctl("verify", data, status=1)
    assert path.name in found.stdout, found.stdout
    path.write_bytes(whole)  # the refused start has changed nothing
    assert ctl_json("verify", data)["findings"] == []
    broker.start().wait_ready()


def test_damaged_records_are_reported_not_served(broker):
    load = fill(broker)
    broker.sigterm()
    broker.options["block_cache_bytes"] = "1MiB"
    tables = [path for path in files_of(broker, ".sst") if path.stat().st_size > 500_000]
    table = tables[0]
    damage(table, 200_000)
    found = ctl("verify", broker.options["data_dir"], status=1)
    assert table.name in found.stdout and f"topic {TOPIC} partition" in found.stdout, found.stdout
    broker.start().wait_ready()
    assert harness.Http(broker.admin).get("/healthz").status == 200
    errors, messages = read_around_damage(broker)
    assert errors, "the damage was met"
    for place, value in messages.items():
        assert load.acknowledged.get(place, value) == value
    health = harness.Http(broker.admin).get("/healthz")
    assert health.status == 503
    assert table.name in health.body.decode() and TOPIC in health.body.decode()
    assert harness.Http(broker.admin).get("/readyz").status == 200
    metrics = harness.Http(broker.admin).get("/metrics").body.decode()
    assert "\nsluice_broker_damaged_reads_total 0" not in metrics
    line = broker.wait_for_line("damaged records")
    assert table.name in line and f"topic={TOPIC}" in line
    # Everything else goes on: other partitions to their ends, and appends.
    assert len({partition for partition, _ in messages}) == PARTITIONS
    producer = broker.producer()
    producer.produce(TOPIC, b"goes on", partition=errors[0])
    assert producer.flush(20 * harness.PATIENCE) == 0


def read_around_damage(broker):
    """Raw fetches, a partition at a time: what was served, and which partitions met damage."""
    errors, messages = [], {}
    for partition in range(PARTITIONS):
        consumer = confluent_kafka.Consumer(broker.client_options(
            group_id="reader", enable_auto_commit=False, enable_partition_eof=True,
            check_crcs=True))
        consumer.assign([confluent_kafka.TopicPartition(TOPIC, partition, 0)])
        quiet = time.monotonic() + 5 * harness.PATIENCE
        while time.monotonic() < quiet:
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is None:
                messages[message.partition(), message.offset()] = message.value()
                quiet = time.monotonic() + 5 * harness.PATIENCE
            elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                break
        else:
            errors.append(partition)
        consumer.close()
    return errors, messages


def test_nothing_starts_on_a_directory_without_current(broker):
    fill(broker)
    broker.sigterm()
    data = pathlib.Path(broker.options["data_dir"])
    tables = files_of(broker, ".sst")
    current = (data / "db" / "CURRENT").read_bytes()
    (data / "db" / "CURRENT").unlink()
    for _ in range(2):
        done = run(*broker.command())
        assert done.returncode == 1 and "CURRENT" in done.stderr
    assert files_of(broker, ".sst") == tables
    (data / "db" / "CURRENT").write_bytes(current)
    shutil.rmtree(data / "db")
    done = run(*broker.command())  # the mark says that there was a database
    assert done.returncode == 1 and "CURRENT" in done.stderr
    before = sorted(data.rglob("*"))
    assert "CURRENT" in ctl("verify", data, status=1).stdout
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize("records", [2, 3_000], ids=["only logs", "tables"])
def test_backups_are_verified_where_a_relative_path_leads(broker, tmp_path, monkeypatch, records):
    load = fill(broker, records)
    ctl("backup", "create", "--admin", broker.admin)
    assert bool(list((tmp_path / "backups").rglob("*.sst"))) == (records > 2)
    monkeypatch.chdir(tmp_path)
    checked = ctl_json("verify", "--backup-dir", "backups")
    assert checked["clean"] and checked["counts"]["records"] == len(load.acknowledged)
