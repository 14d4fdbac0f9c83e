"""What becomes of an order on the real daemons: cancelled, paid, waited for; through kill -9."""

import concurrent.futures
import datetime
import json
import time

import harness
from customers import SECRET, cancel, pay
from harness import eventually, sale

def row_of(parts, order):
    rows = parts.worker.rows("state, reason", f"order_id = '{order}'")
    return rows[0] if rows else None


def open_pipeline(pipeline, stock):
    return pipeline([sale("rush", stock)], frontend_options={"payment_secret": SECRET},
                    worker_options=harness.NAMED)


def test_a_cancelled_unit_is_sold_again(pipeline):
    parts = open_pipeline(pipeline, 1)
    order = parts.frontend.order("rush", "ann").json["order_id"]
    assert parts.frontend.order("rush", "bob").status == 409
    parts.worker.kill9()
    reply = cancel(parts, order, "ann")
    assert reply.status == 200 and reply.json["state"] == "cancelled"
    again = parts.frontend.order("rush", "bob").json["order_id"]
    parts.worker.start().wait_ready()
    eventually(lambda: row_of(parts, order) == ("cancelled", ""), what="ann's row is cancelled")
    eventually(lambda: row_of(parts, again) == ("placed", ""), what="bob's row is placed")
    parts.frontend.kill9()
    parts.frontend.start().wait_ready()
    assert parts.frontend.state(order) == "cancelled"
    assert parts.frontend.order("rush", "cid").status == 409
    ledger = parts.ledger()
    assert ledger.available == {"rush": 0} and set(ledger.holding("rush")) == {again}


def test_a_payment_counts_once_and_too_late_is_owed_back(pipeline):
    parts = open_pipeline(pipeline, 5)
    order = parts.frontend.order("rush", "ann").json["order_id"]
    assert pay(parts, order).json["state"] == "paid"
    parts.frontend.kill9()
    parts.frontend.start().wait_ready()
    again = pay(parts, order)
    assert again.status == 200 and again.headers["Idempotency-Replayed"] == "true"
    assert pay(parts, order, payment="p2").status == 409
    assert cancel(parts, order, "ann").status == 409
    eventually(lambda: row_of(parts, order) == ("paid", ""), what="the row is paid")
    late = parts.frontend.order("rush", "bob").json["order_id"]
    assert cancel(parts, late, "bob").status == 200
    assert pay(parts, late).json["refund_due"] is True
    eventually(lambda: row_of(parts, late) == ("cancelled", "refund_due"), what="it is in the row")
    assert parts.ledger().counts["paid"] == 2


def test_cancelled_and_paid_at_once_is_one_of_the_two(pipeline):
    parts = open_pipeline(pipeline, 40)
    orders = {f"user-{n}": parts.frontend.order("rush", f"user-{n}").json["order_id"]
              for n in range(40)}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        cancels = [pool.submit(cancel, parts, order, user) for user, order in orders.items()]
        payments = [pool.submit(pay, parts, order) for order in orders.values()]
        cancelled = [reply.result() for reply in cancels]
        paid = [reply.result() for reply in payments]
    for cancellation, payment in zip(cancelled, paid):
        if cancellation.status == 200:
            assert payment.json["state"] == "cancelled" and payment.json["refund_due"]
        else:
            assert cancellation.json["code"] == "already-paid"
            assert payment.json["state"] == "paid" and "refund_due" not in payment.json
    free = sum(reply.status == 200 for reply in cancelled)
    assert parts.ledger().available["rush"] == free
    assert parts.frontend.http().get("/v1/sales/rush").json["available"] == free
    eventually(lambda: len(parts.worker.rows(where="state = 'cancelled'")) == free and
               len(parts.worker.rows(where="state = 'paid'")) == 40 - free,
               what="the rows say the same")


def until_due(order):
    """Returns at the moment of the order's deadline, by this machine's clock."""
    due = datetime.datetime.fromisoformat(order["expires_at"]).timestamp()
    eventually(lambda: time.time() >= due, what="the deadline passes")


def test_what_is_not_paid_in_time_is_sold_again(pipeline):
    parts = pipeline([sale("rush", 1, payment_window="1500ms")],
                     frontend_options={"payment_secret": SECRET})
    order = parts.frontend.order("rush", "ann").json
    late = order["order_id"]
    eventually(lambda: row_of(parts, late) == ("expired", ""), what="the row is expired")
    eventually(lambda: parts.frontend.state(late) == "expired", what="the frontend has read it")
    until_due(order)
    expired = [message for message in parts.broker.read_topic(harness.ORDERS_TOPIC)
               if json.loads(message.value())["type"] == "expired"]
    due = datetime.datetime.fromisoformat(order["expires_at"]).timestamp()
    assert expired and all(message.timestamp()[1] >= int(due * 1000) for message in expired)
    again = parts.frontend.order("rush", "bob").json["order_id"]
    assert pay(parts, again).json["state"] == "paid"
    assert pay(parts, late).json["refund_due"] is True
    eventually(lambda: row_of(parts, late) == ("expired", "refund_due"), what="it is in the row")
    ledger = parts.ledger()
    assert ledger.available == {"rush": 0} and set(ledger.holding("rush")) == {again}


def test_what_fell_due_while_nobody_worked_expires_at_the_start(pipeline):
    parts = pipeline([sale("rush", 20, payment_window="1s")],
                     frontend_options={"payment_secret": SECRET}, worker_options=harness.NAMED)
    parts.worker.kill9()
    orders = [parts.frontend.order("rush", f"user-{n}").json for n in range(20)]
    for order in orders[:5]:
        assert pay(parts, order["order_id"]).json["state"] == "paid"
    until_due(orders[-1])
    parts.broker.kill9()
    parts.broker.start().wait_ready()
    parts.worker.start().wait_ready()
    eventually(lambda: len(parts.worker.rows(where="state = 'expired'")) == 15 and
               len(parts.worker.rows(where="state = 'paid'")) == 5,
               what="all that was not paid is expired")
    eventually(lambda: parts.frontend.http().get("/v1/sales/rush").json["available"] == 15,
               what="the units are free")
    assert parts.ledger().available == {"rush": 15}


def test_waiting_for_the_row(pipeline):
    parts = open_pipeline(pipeline, 5)
    parts.worker.kill9()
    order = parts.frontend.order("rush", "ann").json["order_id"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(parts.frontend.http().get, f"/v1/orders/{order}",
                              **{"Prefer": "wait=30"})
        parts.worker.start().wait_ready()
        reply = waiting.result()
    assert reply.status == 200 and reply.json["state"] == "placed"
    assert reply.headers["Preference-Applied"] == "wait"
    mine = parts.frontend.http().get("/v1/orders?sale=rush", **{"X-User-Id": "ann"})
    assert [one["order_id"] for one in mine.json["orders"]] == [order]


class Events:
    """A connection that receives server-sent events."""

    def __init__(self, parts, path, **headers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket = harness.connect(parts.frontend.listen, 20)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.last_id = None

    def next(self):
        """The data of the next event; None at the end."""
        for line in self.lines:
            if line.startswith("id: "):
                self.last_id = line[4:].strip()
            if line.startswith("data: "):
                return json.loads(line[6:])
        return None

    def until(self, name, value):
        """How many events come until one has that member."""
        for count in range(1, 10_000):
            event = self.next()
            assert event is not None, f"ended before {name} was {value}"
            if event[name] == value:
                return count
        raise AssertionError(f"{name} was never {value}")


def test_events_of_an_order_and_of_the_stock(pipeline):
    parts = open_pipeline(pipeline, 300)
    stock = Events(parts, "/v1/sales/rush/events")
    assert stock.next()["available"] == 300
    order = parts.frontend.order("rush", "ann").json["order_id"]
    events = Events(parts, f"/v1/orders/{order}/events")
    events.until("state", "placed")
    seen = events.last_id
    assert pay(parts, order).status == 200
    events.until("state", "paid")
    assert int(events.last_id) > int(seen)
    again = Events(parts, f"/v1/orders/{order}/events", **{"Last-Event-ID": seen})
    assert again.next()["state"] == "paid"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        statuses = list(pool.map(
            lambda n: parts.frontend.order("rush", f"user-{n}").status, range(299)))
        seconds = time.monotonic() - began
    assert statuses == [202] * 299
    assert stock.until("available", 0) <= 4 * seconds + 4
    # A stop ends them at once, instead of waiting for clients that never go.
    assert parts.frontend.sigterm() < harness.STOP_SECONDS * harness.PATIENCE
    assert events.next() is None and stock.next() is None
