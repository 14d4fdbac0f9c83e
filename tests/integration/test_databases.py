"""Orders in PostgreSQL and MariaDB: what SQLite promises, through kill -9 of the server."""

import json
import os
import pathlib
import subprocess

import pytest

import database_servers
import harness
from database_servers import ServerHome, ServerWorker, kind_name
from harness import audit, eventually, sale

ORDERS = 60 if harness.SANITIZED else 300


KINDS = [database_servers.Postgresql, database_servers.Mariadb]


@pytest.fixture(params=KINDS, ids=kind_name)
def server(request, servers):
    return servers(request.param)


@pytest.fixture
def shop(server, pipeline):
    """shop(stock, …): the three daemons, the worker on a new database of the server."""
    home = ServerHome(server)

    def start(stock, tables=None, **options):
        if tables:
            server.sql(tables, home.database)
        return pipeline([sale("demo", stock)], worker=home.worker, worker_options=options)

    return start


def test_the_order_store_keeps_its_promises(server):
    done = subprocess.run([harness.BUILD / "tests/unit/worker/unit_order_store"],
                          env={**os.environ,
                               "SLUICE_TEST_DATABASE": server.url(server.maintenance)},
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_order_goes_the_whole_way(shop):
    parts = shop(10)
    order = parts.frontend.order("demo", "o'hara").json["order_id"]
    eventually(lambda: parts.frontend.state(order) == "placed")
    assert parts.worker.rows() == [(order, "o'hara", "placed")]
    assert not any(database_servers.PASSWORD in line or database_servers.PASSWORD_IN_URL in line
                   for line in parts.worker.lines)


def test_every_order_has_one_row_through_kills_of_the_server(server, shop):
    parts = shop(ORDERS)
    worker = parts.worker
    accepted = set()
    connection = parts.frontend.http()
    for number in range(ORDERS):
        reply = parts.frontend.order("demo", f"user-{number}", connection=connection)
        assert reply.status == 202, reply
        accepted.add(reply.json["order_id"])
        if number == ORDERS // 3:
            server.kill9()
        if number == ORDERS // 2:
            server.start()
    server.kill9()
    server.start()
    eventually(lambda: len(worker.rows()) == ORDERS, 60, "every order has its row")
    assert {row[0] for row in worker.rows(where="state = 'placed'")} == accepted
    eventually(lambda: sum(order["state"] == "placed" for order in
                           parts.ledger().orders.values()) == ORDERS, 60,
               "every outcome is on the log")


def test_two_workers_share_one_database(server, tmp_path, daemons, shop):
    parts = shop(ORDERS)
    worker = parts.worker
    second = daemons(ServerWorker(tmp_path / "second", parts.broker, server, worker.name)).start()
    connection = parts.frontend.http()
    for number in range(ORDERS):
        assert parts.frontend.order("demo", f"user-{number}", connection=connection).status == 202
        if number == ORDERS // 2:
            second.kill9()
    eventually(lambda: len(worker.rows(where="state = 'placed'")) == ORDERS, 60)


def test_the_audit_reads_them(server, shop):
    parts = shop(10)
    orders = [parts.frontend.order("demo", f"user-{number}").json["order_id"]
              for number in range(3)]
    eventually(lambda: audit(parts)[1]["verdict"] == "at rest", 60)
    assert audit(parts)[1]["sales"][0]["rows"] == 3
    server.sql(f"delete from orders where order_id = '{orders[1]}'", parts.worker.name)
    status, report = audit(parts)
    assert status == 1
    assert [one["order"] for one in report["invariants"][2]["shown"]] == [orders[1]]


def left(server, worker):
    return int(server.sql("select count(*) from webhook_deliveries", worker.name)[0][0])


def test_the_shop_hears_of_every_order_through_kills(server, shop, system):
    """… of the database server and of the worker, with a shop that often fails."""
    system.answer = lambda request: (503 if len(system.requests) % 5 == 0 else 200, {})
    parts = shop(ORDERS, **system.options, **harness.NAMED)
    worker, frontend = parts.worker, parts.frontend
    orders = []
    connection = frontend.http()
    for number in range(ORDERS):
        reply = frontend.order("demo", f"用户-{number}".encode().decode("latin-1"),
                               connection=connection)
        orders.append(reply.json["order_id"])
        if number == ORDERS // 3:
            server.kill9()
        if number == ORDERS // 2:
            server.start()
    worker.kill9()
    worker.start()
    reply = frontend.http().request("DELETE", f"/v1/orders/{orders[-1]}", headers={
        "X-User-Id": f"用户-{ORDERS - 1}".encode().decode("latin-1")})
    assert reply.status == 200
    eventually(lambda: set(system.orders()) == set(orders), 60, "every order was told of")
    eventually(lambda: system.facts(orders[-1]) == ["order.placed", "order.cancelled"])
    eventually(lambda: left(server, worker) == 0, what="what was delivered is gone")
    assert {request.event["data"]["user"] for request in system.taken} == {
        f"用户-{number}" for number in range(ORDERS)}


def test_tables_of_version_1_are_taken_over(server, shop, system):
    """Made by a program of that version. Its log is another, so its positions say nothing here."""
    tables = pathlib.Path(__file__).parent / "orders_v1" / f"{server.name.lower()}.sql"
    empty = "delete from {}log_positions;".format("public." if server.scheme != "mysql" else "")
    parts = shop(5, tables.read_text(encoding="utf-8") + empty, **system.options)
    worker, frontend = parts.worker, parts.frontend
    order = frontend.order("demo", "cid").json["order_id"]
    eventually(lambda: system.facts(order) == ["order.placed"])
    assert server.sql("select version from sluice_schema", worker.name) == [["3"]]
    assert {row[1] for row in worker.rows()} == {"ann", "bob", "cid"}
    eventually(lambda: left(server, worker) == 0)


def test_parked_deliveries_are_shown_and_sent_again(server, shop, system):
    system.answer = lambda request: (410, {})
    parts = shop(5, **system.options)
    worker, frontend = parts.worker, parts.frontend
    order = frontend.order("demo", "ann").json["order_id"]
    url = server.url(worker.name)

    def parked():
        done = harness.run("sluicectl", "webhook", "list", "--parked", "--database", url, "-o",
                           "json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["id"] for line in done.stdout.splitlines()]

    eventually(lambda: parked() == [f"{order}-placed"], 30)
    system.answer = lambda request: (200, {})
    done = harness.run("sluicectl", "webhook", "redeliver", f"{order}-placed", "--database", url)
    assert done.returncode == 0, done.stderr
    eventually(lambda: system.facts(order) == ["order.placed"] and left(server, worker) == 0, 30)
