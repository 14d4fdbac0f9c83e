"""The orders database stands still: its server's processes are stopped, while the kernel below
them accepts connections and acknowledges bytes. Nobody waits for it without end, and all of it goes
on by itself."""

import socket
import struct
import subprocess
import threading

import pytest

import harness
from crash_shop import answered, check_positions, settle
from database_servers import Mariadb, Postgresql, ServerHome, kind_name
from harness import Http, Pipeline, eventually, sale

ANSWER_SECONDS = 15  # shared/orders/watched.h
STOP_PATIENCE = 1  # shared/orders/watched_thread.h
CONNECT_SECONDS = 5
ORDERS = 20


class Shop:
    """A sale whose orders are in a server, and whose own system hears of them."""

    def __init__(self, folder, daemons, server, system, idle=False):
        self.server, self.system = server, system
        self.parts = Pipeline(folder, [sale("rush", 100)], daemons,
                              worker=ServerHome(server).worker, idle=idle,
                              worker_options={**system.options, "group_instance_id": "one",
                                              "session_timeout": "6s"})
        self.orders = []

    def sell(self, count=ORDERS):
        for number in range(len(self.orders), len(self.orders) + count):
            reply = answered(lambda: self.parts.frontend.order("rush", f"user-{number}"))
            assert reply.status == 202, reply
            self.orders.append(reply.json["order_id"])

    def url(self):
        return self.parts.worker.options["database"]

    def worker_says(self, path):
        return Http(self.parts.worker.admin).get(path)

    def waits_for_the_database(self):
        ready = self.worker_says("/readyz")
        shown = self.worker_says("/v1/worker").json
        metrics = self.worker_says("/metrics").body.decode()
        return (ready.status == 503 and b"no answer for 15 s" in ready.body
                and "database" in shown["webhook"]["last_error"]
                and "sluice_worker_transaction_retries_total 0" not in metrics)

    def all_is_placed(self):
        return len(self.parts.worker.rows(where="state = 'placed'")) == len(self.orders)

    def check_exact(self):
        settle(self.parts)
        assert {order for order, in self.parts.worker.rows("order_id")} == set(self.orders)
        ledger = check_positions(self.parts)
        assert set(ledger.orders) == set(self.orders)
        eventually(lambda: set(self.system.orders()) == set(self.orders), 20,
                   "the shop's own system has heard of every order")


class SilentPostgresql:
    """A pooler whose server does not answer: it lets everybody in, and says nothing any more."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://ann@127.0.0.1:{self.listener.getsockname()[1]}/shop"
        self.connections = []
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def message(kind, body):
        return kind + struct.pack("!I", len(body) + 4) + body

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            while True:
                first = connection.recv(4096)
                if first[4:8] != struct.pack("!I", 80877103):  # asks for TLS
                    break
                connection.sendall(b"N")
            connection.sendall(self.message(b"R", struct.pack("!I", 0)) +
                               self.message(b"S", b"server_version\x0015.0\x00") +
                               self.message(b"Z", b"I"))

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture(scope="module")
def silent():
    server = SilentPostgresql()
    yield server
    server.close()


def reader(*words):
    return subprocess.Popen([harness.BUILD / "sluicectl", *map(str, words)], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, preexec_fn=harness.die_with_parent)


def check_gives_up(process):
    out, err = process.communicate(timeout=(ANSWER_SECONDS + CONNECT_SECONDS) * harness.PATIENCE)
    assert process.returncode != 0 and not out, (process.args, out)
    assert "the orders database" in err, (process.args, err)


def test_servers_that_stand_still(servers, daemons, tmp_path, systems, silent):
    """PostgreSQL and MariaDB at the same time, because it takes as long as one waits."""
    shops = [Shop(tmp_path / kind.name, daemons, servers(kind), systems())
             for kind in (Postgresql, Mariadb)]
    for shop in shops:
        shop.sell()
    eventually(lambda: all(shop.all_is_placed() for shop in shops), 30, "orders are placed")
    readers = [reader("webhook", "list", "--database", silent.url)]
    for shop in shops:
        shop.server.stand_still()
        shop.sell()
        readers += [reader("webhook", "list", "--database", shop.url()),
                    reader("sale", "audit", "-b", shop.parts.broker.listen, "--database",
                           shop.url())]
    for shop in shops:
        eventually(shop.waits_for_the_database, ANSWER_SECONDS + CONNECT_SECONDS + 5,
                   "the worker says what it waits for", every=0.2)
        shop.parts.worker.wait_for_line("transaction failed .*no answer for 15 s")
    for process in readers:
        check_gives_up(process)
    for shop in shops:
        shop.server.go_on()
    for shop in shops:
        eventually(lambda shop=shop: shop.parts.worker.is_ready() and shop.all_is_placed(), 30,
                   "it goes on by itself")
        shop.check_exact()


@pytest.mark.parametrize("kind", [Postgresql, Mariadb], ids=kind_name)
def test_a_worker_that_waits_for_a_server_stops(servers, daemons, tmp_path, system, kind):
    """In its transaction, with connections that stand. What it was about to do is done later."""
    shop = Shop(tmp_path, daemons, servers(kind), system, idle=True)
    worker = shop.parts.worker
    shop.sell()
    worker.arm("worker-fetched", "stop").start()
    worker.wait_for_fail_point()
    shop.server.stand_still()
    worker.go_on()
    assert STOP_PATIENCE <= worker.sigterm() < harness.STOP_SECONDS * harness.PATIENCE
    shop.server.go_on()
    worker.start()
    eventually(shop.all_is_placed, 30, "what was left is placed")
    shop.check_exact()
