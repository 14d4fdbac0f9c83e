"""The sale itself: a crowd of 50,000 on 1,000 units, exact in fair weather and under kill -9."""

import collections
import os

import pytest

import harness
from crowd import Crowd
from harness import eventually, sale

STOCK, USERS = 1_000, 50_000
REQUESTS = int(os.environ.get("SLUICE_SALE_REQUESTS", "20000" if harness.SANITIZED else "200000"))


def check_exact(parts, crowd):
    """Whatever happened: as many rows as units, one a user, and a row for every 202."""
    def placed():
        return parts.worker.rows(where="state = 'placed'")

    eventually(lambda: len(placed()) >= STOCK, 60, "every unit has its row", every=0.2)
    rows = placed()
    assert len(rows) == STOCK
    assert len({order for order, _, _ in rows}) == STOCK
    per_user = collections.Counter(user for _, user, _ in rows)
    assert per_user.most_common(1)[0][1] == 1, "a user got more than the limit"
    ledger = parts.ledger()
    assert ledger.available == {"rush": 0} and ledger.granted == {"rush": STOCK}
    assert set(ledger.holding("rush")) == {order for order, _, _ in rows}
    promised = {order for order, state in crowd.answers_202() if state != "pending"}
    lost = promised - {order for order, _, _ in rows}
    assert not lost, f"{len(lost)} orders were answered 202 and have no row: {list(lost)[:5]}"
    return ledger


def test_exact_under_the_rush(pipeline, tmp_path):
    parts = pipeline([sale("rush", STOCK)])
    crowd = Crowd(parts.frontend, tmp_path / "crowd", "rush", USERS, REQUESTS, 64)
    result = crowd.result()
    print(f"\n{result} {result['answered'] / result['seconds']:.0f} answers/s")
    ledger = check_exact(parts, crowd)
    assert ledger.reserve_records == STOCK and not ledger.void
    assert result["answered"] >= REQUESTS and result["accepted"] >= STOCK
    assert result["other"] == 0 and result["unavailable"] == 0 and result["socket_errors"] == 0
    assert result["accepted"] + result["replayed"] + result["conflict"] == result["answered"]
    assert len({order for order, _ in crowd.answers_202()}) == STOCK


def top_up(parts):
    """Units that came back late (a send known to have failed) go to the next customers."""
    for number in range(STOCK):
        reply = parts.frontend.order("rush", f"late-{number}")
        if reply.status == 409:
            return
        assert reply.status == 202, reply


@pytest.mark.chaos
def test_exact_with_every_daemon_killed(pipeline, tmp_path):
    parts = pipeline([sale("rush", STOCK)])
    # Few connections: the sale lasts long enough for all three crashes to fall into it.
    crowd = Crowd(parts.frontend, tmp_path / "crowd", "rush", USERS, REQUESTS, 8)

    def sold(units):
        return lambda: len(crowd.answers_202()) >= units or crowd.has_ended()

    for units, daemon in ((200, parts.broker), (450, parts.frontend), (700, parts.worker)):
        eventually(sold(units), 120, f"{units} units sold", every=0.002)
        during = len({order for order, _ in crowd.answers_202()})
        daemon.kill9()
        print(f"\nkill -9 {daemon.program} after {during} of {STOCK} units")
        daemon.start().wait_ready(60)
        eventually(lambda: parts.frontend.is_ready(), 60, "the frontend serves again")
    result = crowd.result()
    print(f"\n{result}")
    assert result["other"] == 0, result
    eventually(lambda: parts.frontend.order("rush", "probe").status in (202, 409), 60)
    top_up(parts)
    check_exact(parts, crowd)
