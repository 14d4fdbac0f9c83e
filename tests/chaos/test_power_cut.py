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
    """A broker whose machine can lose its power. Directory entries survive; contents surely only as
    far as they were synced, and by chance a piece of what came after."""

    def __init__(self, folder, lying=False):
        super().__init__(folder, {"segment_bytes": "1MiB"})
        self.chance = random.Random(7)
        self.data = self.folder / "data"
        self.journal = self.folder / "synced"
        self.environment = {"LD_PRELOAD": str(harness.BUILD / "tests/chaos/synced_sizes.so"),
                            "SYNCED_SIZES": str(self.journal),
                            "SYNCED_SIZES_LIE": "1" if lying else "0"}

    def cut_power(self):
        self.kill9()
        synced = {}
        if self.journal.exists():
            for line in self.journal.read_text(encoding="ascii").splitlines():
                inode, size = map(int, line.split())
                synced[inode] = size
        lost = 0
        for path in filter(pathlib.Path.is_file, self.data.rglob("*")):
            here = path.stat()
            keep = synced.get(here.st_ino, 0)
            if here.st_size > keep:
                if keep > 0 and self.chance.random() < 0.5:
                    keep = self.chance.randint(keep, here.st_size)
                lost += here.st_size - keep
                os.truncate(path, keep)
        return lost


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
    assert lost > 0, "the cuts took nothing away: they test nothing"
    assert not sender.failed
    assert len(sender.acknowledged) == sender.sent
    check_log(broker.read_topic("kept", 60), sender, PARTITIONS)


def test_a_disk_that_lies_is_found(tmp_path, daemons):
    """The check above can fail: with syncs that do nothing, what was acknowledged does not stay."""
    broker = daemons(FragileBroker(tmp_path / "broker", lying=True)).start().wait_ready()
    broker.create_topic("kept", PARTITIONS)
    sender = Sender(broker, "kept", PARTITIONS)
    with pytest.raises(AssertionError):
        load_and_cut(broker, sender, 1)
        check_log(broker.read_topic("kept", 60), sender, PARTITIONS)
    if broker.alive():
        broker.kill9()
    broker.expected_dead = True  # it may have refused to start, and should
