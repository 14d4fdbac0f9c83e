"""sluicectl sale audit over real daemons: what it says of a sale that is well, and of damage."""

import http.server
import json
import sqlite3
import threading

import pytest

import harness
from harness import audit, eventually, kcat, sale

STOCK = 20


def broken(report):
    return {one["id"] for one in report["invariants"] if one["verdict"] == "broken"}


def offences(report, invariant):
    return next(one["shown"] for one in report["invariants"] if one["id"] == invariant)


@pytest.fixture
def shop(pipeline):
    """Two sales; in `rush` 12 of 20 units are sold, one order is called off; all is placed."""
    parts = pipeline([sale("rush", STOCK), sale("other", 5)])
    connection = parts.frontend.http()
    parts.orders = [parts.frontend.order("rush", f"user-{number}", connection=connection)
                    .json["order_id"] for number in range(12)]
    parts.frontend.order("other", "somebody", connection=connection)
    eventually(lambda: len(parts.worker.rows(where="state = 'placed'")) == 13, 60)
    called_off = connection.request("DELETE", f"/v1/orders/{parts.orders[0]}",
                                    headers={"X-User-Id": "user-0"})
    assert called_off.status == 200, called_off
    eventually(lambda: audit(parts)[1]["verdict"] == "at rest", 60, "everything is placed")
    return parts


def change(parts, statement):
    with sqlite3.connect(parts.worker.database, timeout=20) as database:
        database.executescript(statement)


def test_a_sale_that_is_well(shop, tmp_path):
    accepted = tmp_path / "accepted"
    accepted.write_text("\n".join(shop.orders) + "\n", encoding="ascii")
    status, report = audit(shop, "--accepted", accepted)
    assert status == 0 and report["verdict"] == "at rest"
    assert [one["verdict"] for one in report["invariants"]] == ["holds"] * 5
    rush = next(one for one in report["sales"] if one["sale"] == "rush")
    assert rush["granted"] == STOCK and rush["held"] == 11 and rush["available"] == 9
    assert rush["frontend_available"] == 9 and rush["rows"] == 12 and rush["released"] == 1
    status, report = audit(shop, "other")
    assert status == 0 and [one["sale"] for one in report["sales"]] == ["other"]


def test_a_promise_that_the_log_does_not_have(shop, tmp_path):
    accepted = tmp_path / "accepted"
    accepted.write_text("a" * 26 + "\n", encoding="ascii")
    status, report = audit(shop, "--accepted", accepted)
    assert status == 1 and broken(report) == {"I2"}


def test_orders_that_no_worker_has_read_are_in_motion(shop):
    shop.worker.sigterm()
    shop.frontend.order("rush", "patient")
    status, report = audit(shop)
    assert status == 0 and report["verdict"] == "in motion"
    assert report["in_motion"]["unread"] == 1
    shop.worker.start()
    eventually(lambda: audit(shop)[1]["verdict"] == "at rest", 60)


@pytest.mark.parametrize("damage, invariants", [
    ("delete from orders where order_id = '{order}'", {"I3", "I5"}),
    ("update orders set quantity = 2 where order_id = '{order}'", {"I3", "I5"}),
    ("update orders set state = 'paid' where order_id = '{order}'", {"I3"}),
    ("update orders set state = 'cancelled' where order_id = '{order}'", {"I3", "I5"}),
    ("insert into orders select 'aaaaaaaaaaaaaaaaaaaaaaaaaa', sale, user_id, quantity, unit_price,"
     "currency, state, reason, reserved_at, deadline, placed_at, log_partition, log_offset from "
     "orders where order_id = '{order}'", {"I3", "I5"}),
], ids=["deleted", "changed", "paid", "freed", "made up"])
def test_damaged_rows(shop, damage, invariants):
    order = shop.orders[3]
    change(shop, damage.format(order=order))
    status, report = audit(shop)
    assert status == 1 and report["verdict"] == "broken" and broken(report) == invariants
    named = {one["order"] for one in offences(report, "I3")}
    assert named == {"a" * 26 if "aaaa" in damage else order}
    # What is wrong with one sale is not wrong with another.
    assert audit(shop, "other")[0] == 0


def test_a_row_that_is_there_twice(shop):
    """As after a restore that lost the primary key and was run again."""
    with sqlite3.connect(shop.worker.database, timeout=20) as database:
        made = database.execute("select sql from sqlite_master where name = 'orders'").fetchone()[0]
        without_key = made.replace("orders", "more", 1).replace(" PRIMARY KEY", "")
        database.executescript(
            f"{without_key}; insert into more select * from orders; drop table orders;"
            "alter table more rename to orders;"
            f"insert into orders select * from orders where order_id = '{shop.orders[3]}'")
    status, report = audit(shop)
    assert status == 1 and broken(report) == {"I3", "I5"}
    assert [(one["order"], one["what"]) for one in offences(report, "I3")] == [
        (shop.orders[3], "has a further row")]


def test_a_reserve_of_more_than_there_is(shop):
    """By a writer that does not look at the stock, under the epoch of the frontend."""
    mine = json.loads(next(message.value() for message in
                           shop.broker.read_topic(harness.ORDERS_TOPIC)
                           if json.loads(message.value()).get("order") == shop.orders[5]))
    mine.update(order="b" * 25 + "a", user="greedy", quantity=STOCK)
    home = next(message.partition() for message in shop.broker.read_topic(harness.ORDERS_TOPIC)
                if message.key() == shop.orders[5].encode())
    kcat(shop.broker, "-P", "-t", harness.ORDERS_TOPIC, "-p", home, "-K", "\t",
         stdin=f"{mine['order']}\t{json.dumps(mine)}\n")
    eventually(lambda: audit(shop)[1]["in_motion"]["unread"] == 0, 60, "the worker has read it")
    status, report = audit(shop)
    assert status == 1 and broken(report) == {"I1"}
    assert offences(report, "I1")[0]["order"] == mine["order"]


def test_what_cannot_be_checked_exits_2(shop):
    assert audit(shop, "nosuchsale")[0] == 2
    assert audit(shop, "--database", "sqlite:/no/such/file", database=False)[0] == 2
    assert audit(shop, "--database", "oracle:x", database=False)[0] == 2
    assert audit(shop, "--frontend", "127.0.0.1:1", frontend=False)[0] == 2
    assert audit(shop, "--accepted", "/no/such/file")[0] == 2
    shop.broker.kill9()
    assert audit(shop)[0] == 2
    shop.broker.start()


class LyingFrontend(http.server.BaseHTTPRequestHandler):
    """Has one unit less than it should, for ever."""

    def do_GET(self):
        body = b'{"available": 8}\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_frontend_that_says_something_else(shop):
    status, report = audit(shop, "rush", database=False)
    assert status == 0
    assert {one["id"]: one["verdict"] for one in report["invariants"]} == {
        "I1": "holds", "I2": "unchecked", "I3": "unchecked", "I4": "holds", "I5": "holds"}
    with http.server.HTTPServer(("127.0.0.1", 0), LyingFrontend) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status, report = audit(shop, "rush", "--frontend", f"127.0.0.1:{server.server_port}",
                               database=False, frontend=False)
        server.shutdown()
    assert status == 1 and broken(report) == {"I5"}
    assert offences(report, "I5")[0]["what"] == "the frontend has 8 units free, the log says 9"
