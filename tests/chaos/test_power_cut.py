"""Power cuts under load: what was acknowledged is there, though all that was not synced is gone."""

import os
import pathlib
import random

import pytest

import harness
from harness import eventually
from test_durability import Sender, check_log

CUTS = int(os.environ.get("SLUICE_POWER_CUTS", "5" if harness.SANITIZED else "20"))
RECORDS = 3_000
PARTITIONS = 4


class FragileBroker(harness.Broker):
    """A broker whose machine can lose its power. Of contents, surely only what was synced is left,
    and by chance a piece of what came after; of a directory's changes those that were synced, and
    by chance the first of the others."""

    def __init__(self, folder, lies_of=""):
        super().__init__(folder, {"segment_bytes": "1MiB"})
        self.chance = random.Random(7)
        self.data = self.folder / "data"
        self.attic = self.folder / "attic"
        self.journal = self.folder / "journal"
        self.synced, self.names = {}, {}  # inode -> size, path -> inode
        self.environment = {"LD_PRELOAD": str(harness.BUILD / "tests/chaos/power_cut.so"),
                            "POWER_CUT_JOURNAL": str(self.journal),
                            "POWER_CUT_DATA": str(self.data),
                            "POWER_CUT_ATTIC": str(self.attic),
                            "POWER_CUT_LIE": lies_of}

    def start(self):
        self.attic.mkdir(exist_ok=True)
        self.journal.unlink(missing_ok=True)
        self.names = {str(path): path.stat().st_ino for path in files_in(self.data)}
        self.synced = {path.stat().st_ino: path.stat().st_size for path in files_in(self.data)}
        return super().start()

    def cut_power(self):
        self.kill9()
        self.read_journal()
        stored = {path.stat().st_ino: path for path in files_in(self.attic)}
        stored.update((path.stat().st_ino, path) for path in files_in(self.data))
        there, lost = {}, 0
        for path, inode in self.names.items():
            contents = stored[inode].read_bytes()
            there[path] = self.left_of(contents, self.synced.get(inode, 0))
            lost += len(contents) - len(there[path])
        for path in files_in(self.data) + files_in(self.attic):
            path.unlink()
        for path, contents in there.items():
            pathlib.Path(path).write_bytes(contents)
        return lost

    def left_of(self, contents, synced):
        keep = min(synced, len(contents))
        if keep > 0 and self.chance.random() < 0.5:
            keep = self.chance.randint(keep, len(contents))
        return contents[:keep]

    def read_journal(self):
        """What is surely there, and of the changes after that a first part."""
        pending = {}
        for line in self.journal.read_text(encoding="utf-8").splitlines():
            what, *words = line.split(" ")
            if what == "sync":
                self.synced[int(words[0])] = int(words[1])
            elif what == "directory":
                for change in pending.pop(words[0].rstrip("/"), []):
                    self.apply(*change)
            else:
                pending.setdefault(os.path.dirname(words[-1] if what == "rename" else words[0]),
                                   []).append((what, *words))
        for changes in pending.values():
            kept = self.chance.choice((0, self.chance.randint(0, len(changes))))
            for change in changes[:kept]:
                self.apply(*change)

    def apply(self, what, path, other=None):
        if what == "create":
            self.names[path] = int(other)
        elif what == "remove":
            self.names.pop(path, None)
        elif path in self.names:
            self.names[other] = self.names.pop(path)


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def load_and_cut(broker, sender, cuts):
    lost = 0
    for _ in range(cuts):
        more = sender.acknowledge_more(RECORDS // 10)
        sender.send(RECORDS)
        eventually(more, 60, "some records are acknowledged")
        lost += broker.cut_power()
        broker.start().wait_ready()
    sender.producer.flush(120)
    return lost


@pytest.mark.chaos
def test_nothing_acknowledged_is_lost_with_the_power(tmp_path, daemons):
    broker = daemons(FragileBroker(tmp_path / "broker")).start().wait_ready()
    broker.create_topic("kept", PARTITIONS)
    sender = Sender(broker, "kept", PARTITIONS)
    lost = load_and_cut(broker, sender, CUTS)
    for _ in range(9 * CUTS):  # whether a cut meets unsynced bytes is chance
        lost = lost or load_and_cut(broker, sender, 1)
    assert lost > 0, "the cuts took nothing away: they test nothing"
    assert not sender.failed
    assert len(sender.acknowledged) == sender.sent
    check_log(broker.read_topic("kept", 60), sender, PARTITIONS)


@pytest.mark.parametrize("lies_of", ["all", "directories"])
def test_a_disk_that_lies_is_found(tmp_path, daemons, lies_of):
    """The check above can fail: with syncs that do nothing, what was acknowledged does not stay."""
    broker = daemons(FragileBroker(tmp_path / "broker", lies_of)).start().wait_ready()
    broker.create_topic("kept", PARTITIONS)
    sender = Sender(broker, "kept", PARTITIONS)
    with pytest.raises(AssertionError):
        load_and_cut(broker, sender, 1)
        check_log(broker.read_topic("kept", 60), sender, PARTITIONS)
    if broker.alive():
        broker.kill9()
    broker.expected_dead = True  # it may have refused to start, and should
