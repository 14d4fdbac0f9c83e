"""What a shop must come to after whatever happened to it."""

import harness
from harness import ORDERS_TOPIC, audit, eventually


def answered(ask):
    """The reply, when the frontend has its broker again; who asks too often is told to wait."""
    return eventually(
        lambda: (lambda reply: reply if reply.status not in (429, 503) else None)(ask()), 20,
        "the log is reached", every=0.1)


def settle(parts):
    """Everything comes to rest, and the audit finds nothing wrong with it."""
    def audited():
        status, report = audit(parts, "rush")
        assert report and report["verdict"] != "in motion", report
        return status, report

    status, report = eventually(audited, 20, "everything comes to rest", every=0.1)
    assert status == 0 and report["verdict"] == "at rest", report
    assert [one["verdict"] for one in report["invariants"]] == ["holds"] * 5, report
    eventually(lambda: int(parts.worker.query("select count(*) from outbox")[0][0]) == 0, 20,
               "nothing waits in the outbox")


def check_positions(parts):
    """The database is where the log is. The ledger."""
    def caught_up():
        messages = parts.broker.read_topic(ORDERS_TOPIC)
        ends = {message.partition(): message.offset() + 1 for message in messages}
        stored = {int(partition): int(offset) for partition, offset in positions(parts.worker)}
        assert stored == ends
        return messages

    return harness.Ledger(eventually(caught_up, 20, "the database is where the log is", every=0.2))


def positions(worker):
    return worker.query("select log_partition, next_offset from log_positions")
