"""Kill -9 and standstill of frontend and broker at each point of an order's way to the log. What
comes behind it is in test_crash_points.py.

  C1  a unit taken, nothing sent          order-reserved
  C2  sent, and nobody knows whether it   order-sent
      arrived
  C3  the broker dies before it is        broker: produce-staged
      durable
  C4  durable, the answer lost            broker: produce-committed
  C5  answered before it is synced        tests/chaos/test_power_cut.py
  C6  durable, the client not answered    order-queued
  C7  a frontend stands still, another    order-reserved, stopped; tests/sim
      takes its place
  C8  open before the log is read         order-sent, order-queued; test_pipeline.py; tests/sim
  C9  the log cut below a snapshot        test_pipeline.py: the head, refused;
                                          tests/unit/frontend/ledger_snapshots_test.cc: the end
  C10 a torn tail                         tests/unit/broker/log_file_check_test.cc
"""

import concurrent.futures
import http.client

import pytest

from crash_shop import answered, check_positions, settle
from harness import Frontend, eventually, sale

STOCK = 2
KEY = "ann's first"


@pytest.fixture
def parts(pipeline):
    return pipeline([sale("rush", STOCK)], idle=True)


def order(parts, user, frontend=None, key=None):
    return (frontend or parts.frontend).order("rush", user, key=key)


def available(frontend):
    return frontend.http().get("/v1/sales/rush").json["available"]


def sell_the_rest(parts, frontend=None):
    """Whoever asks: what is left is sold, and nothing more. The orders."""
    sold = {}
    for user in ("bob", "cid", "dee"):
        reply = answered(lambda user=user: order(parts, user, frontend))
        if reply.status == 202:
            sold[user] = reply.json["order_id"]
        else:
            assert reply.status == 409, reply
    return sold


def check_exact(parts, orders):
    parts.worker.start()
    settle(parts)
    ledger = check_positions(parts)
    assert set(ledger.orders) == set(orders) and ledger.available == {"rush": 0}
    assert {found for found, in parts.worker.rows("order_id")} >= set(orders)


@pytest.mark.parametrize("point", ["order-reserved", "order-sent", "order-queued"])
def test_the_frontend_dies(parts, point):
    frontend = parts.frontend
    frontend.sigterm()
    frontend.arm(point, "kill").start().wait_ready()
    with pytest.raises((OSError, http.client.HTTPException)):
        order(parts, "ann", key=KEY)
    frontend.wait_for_fail_point()
    frontend.start().wait_ready()
    free = available(frontend)
    assert free in {"order-reserved": [STOCK], "order-sent": [STOCK, STOCK - 1],
                    "order-queued": [STOCK - 1]}[point]
    again = answered(lambda: order(parts, "ann", key=KEY))
    assert again.status == 202
    assert ("Idempotency-Replayed" in again.headers) == (free < STOCK)
    sold = sell_the_rest(parts)
    assert len(sold) == STOCK - 1
    check_exact(parts, [again.json["order_id"], *sold.values()])


@pytest.mark.parametrize("point", ["produce-staged", "produce-committed"])
def test_the_broker_dies_over_a_reserve(parts, point):
    broker = parts.broker
    broker.kill9()
    broker.arm(point, "kill").start().wait_ready()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: answered(lambda: order(parts, "ann", key=KEY)))
        broker.wait_for_fail_point()
        broker.start().wait_ready()
        reply = asking.result()
    assert reply.status == 202, reply
    eventually(lambda: parts.frontend.state(reply.json["order_id"]) == "queued", 30,
               "what was in doubt is settled")
    sold = sell_the_rest(parts)
    assert len(sold) == STOCK - 1
    check_exact(parts, [reply.json["order_id"], *sold.values()])


def test_a_frontend_that_was_taken_for_dead(parts, tmp_path, daemons):
    """Another one sells what it had taken for itself; what it sends then is void, and it ends."""
    first = parts.frontend
    first.sigterm()
    first.arm("order-reserved", "stop").start().wait_ready()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: order(parts, "ann", key=KEY))
        first.wait_for_fail_point()
        second = daemons(Frontend(tmp_path / "second", parts.broker, [sale("rush", STOCK)]))
        second.start().wait_ready()
        sold = sell_the_rest(parts, second)
        assert len(sold) == STOCK
        first.expected_dead = True
        first.go_on()
        first.wait_for_line("fenced")
        assert first.process.wait(30) != 0
        try:
            reply = asking.result()
        except (OSError, http.client.HTTPException):
            reply = None
    assert reply is None or reply.status != 202 or reply.json["state"] == "pending", reply
    parts.frontend = second
    check_exact(parts, sold.values())
