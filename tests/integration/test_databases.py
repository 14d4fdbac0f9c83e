"""Orders in PostgreSQL and MariaDB: what SQLite promises, through kill -9 of the server."""

import json
import os
import pathlib
import subprocess

import pytest

import database_servers
import harness
import shop_system
from harness import eventually, sale

ORDERS = 60 if harness.SANITIZED else 300


@pytest.fixture(scope="module", params=[database_servers.Postgresql, database_servers.Mariadb],
                ids=lambda kind: kind.name)
def server(request, tmp_path_factory):
    started = request.param(tmp_path_factory.mktemp("server") / request.param.name).start()
    yield started
    started.stop()


class ServerWorker(harness.Worker):
    """A worker whose orders are in a database of a server."""

    def __init__(self, folder, broker, server, database, options=None):
        super().__init__(folder, broker, {"database": server.url(database), **(options or {})})
        self.server, self.name = server, database

    def rows(self, columns="order_id, user_id, state", where="1 = 1"):
        try:
            return [tuple(row) for row in
                    self.server.sql(f"select {columns} from orders where {where}", self.name)]
        except OSError:  # no table yet
            return []


@pytest.fixture
def shop(server, tmp_path, daemons, request):
    """shop(stock, …): broker, frontend, and a worker on a new database of the server."""
    name = f"shop{abs(hash(request.node.name)) % 1_000_000}"
    server.create(name)

    def start(stock, tables=None, **options):
        if tables:
            server.sql(tables, name)
        broker = daemons(harness.Broker(tmp_path / "broker")).start().wait_ready()
        worker = daemons(ServerWorker(tmp_path / "worker", broker, server, name,
                                      options)).start()
        frontend = daemons(harness.Frontend(tmp_path / "frontend", broker, [sale("demo", stock)]))
        frontend.start()
        worker.wait_ready()
        frontend.wait_ready()
        return broker, worker, frontend

    return start


def test_the_order_store_keeps_its_promises(server):
    done = subprocess.run([harness.BUILD / "tests/unit/worker/unit_order_store"],
                          env={**os.environ,
                               "SLUICE_TEST_DATABASE": server.url(server.maintenance)},
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_order_goes_the_whole_way(shop):
    _, worker, frontend = shop(10)
    order = frontend.order("demo", "o'hara").json["order_id"]
    eventually(lambda: frontend.state(order) == "placed")
    assert worker.rows() == [(order, "o'hara", "placed")]
    assert not any(database_servers.PASSWORD in line or database_servers.PASSWORD_IN_URL in line
                   for line in worker.lines)


def test_every_order_has_one_row_through_kills_of_the_server(server, shop):
    broker, worker, frontend = shop(ORDERS)
    accepted = set()
    connection = frontend.http()
    for number in range(ORDERS):
        reply = frontend.order("demo", f"user-{number}", connection=connection)
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
    eventually(lambda: sum(order["state"] == "placed" for order in harness.Ledger(
        broker.read_topic(harness.ORDERS_TOPIC)).orders.values()) == ORDERS, 60,
        "every outcome is on the log")


def test_two_workers_share_one_database(server, tmp_path, daemons, shop):
    broker, worker, frontend = shop(ORDERS)
    second = daemons(ServerWorker(tmp_path / "second", broker, server, worker.name)).start()
    connection = frontend.http()
    for number in range(ORDERS):
        assert frontend.order("demo", f"user-{number}", connection=connection).status == 202
        if number == ORDERS // 2:
            second.kill9()
    eventually(lambda: len(worker.rows(where="state = 'placed'")) == ORDERS, 60)


def test_the_audit_reads_them(server, shop):
    broker, worker, frontend = shop(10)
    orders = [frontend.order("demo", f"user-{number}").json["order_id"] for number in range(3)]

    def audit():
        done = harness.run("sluicectl", "sale", "audit", "-b", broker.listen, "--frontend",
                           frontend.listen, "--database", server.url(worker.name), "--json")
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)

    eventually(lambda: audit()[1]["verdict"] == "at rest", 60)
    assert audit()[1]["sales"][0]["rows"] == 3
    server.sql(f"delete from orders where order_id = '{orders[1]}'", worker.name)
    status, report = audit()
    assert status == 1
    assert [one["order"] for one in report["invariants"][2]["shown"]] == [orders[1]]


@pytest.fixture
def system(tmp_path):
    """The shop's own system, and the options of a worker that tells it."""
    secret, path = shop_system.new_secret(tmp_path)
    listening = shop_system.ShopSystem(secret).start()
    listening.options = {"webhook_url": listening.url, "webhook_secret_files": path,
                         "webhook_retry_max_delay": "200ms"}
    yield listening
    listening.stop()
    assert not listening.forged


def left(server, worker):
    return int(server.sql("select count(*) from webhook_deliveries", worker.name)[0][0])


def test_the_shop_hears_of_every_order_through_kills(server, shop, system):
    """… of the database server and of the worker, with a shop that often fails."""
    system.answer = lambda request: (503 if len(system.requests) % 5 == 0 else 200, {})
    _, worker, frontend = shop(ORDERS, **system.options)
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
    _, worker, frontend = shop(5, tables.read_text(encoding="utf-8") + empty, **system.options)
    order = frontend.order("demo", "cid").json["order_id"]
    eventually(lambda: system.facts(order) == ["order.placed"])
    assert server.sql("select version from sluice_schema", worker.name) == [["2"]]
    assert {row[1] for row in worker.rows()} == {"ann", "bob", "cid"}
    eventually(lambda: left(server, worker) == 0)


def test_parked_deliveries_are_shown_and_sent_again(server, shop, system):
    system.answer = lambda request: (410, {})
    _, worker, frontend = shop(5, **system.options)
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
