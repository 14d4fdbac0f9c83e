"""An orders database that goes back in time: restored from a backup that was made in the middle of
a sale, or the one of a server that took over without the last transactions. What was sold, paid,
called off and owed back since is read from the log again; what waited in the old outbox is sent a
second time and counts once, and the shop's own system hears nothing but what it has heard."""

import pytest

from crash_shop import answered, check_positions, settle
from customers import SECRET, cancel, pay
from database_servers import ALL, Mariadb, Postgresql, kind_name
from harness import eventually, sale

STOCK = 40


class Story:
    """What customers do, in two chapters; between them the database is copied."""

    def __init__(self, parts):
        self.parts = parts
        self.orders, self.expected = {}, {}

    def order(self, user):
        reply = answered(lambda: self.parts.frontend.order("rush", user))
        assert reply.status == 202, reply
        self.orders[user] = reply.json["order_id"]
        self.expected[user] = ("placed", "")

    def pay(self, user):
        reply = answered(lambda: pay(self.parts, self.orders[user], payment=f"of-{user}"))
        assert reply.status == 200, reply
        ended = self.expected[user][0] == "cancelled"
        self.expected[user] = ("cancelled", "refund_due") if ended else ("paid", "")

    def cancel(self, user):
        assert answered(lambda: cancel(self.parts, self.orders[user], user)).status == 200
        self.expected[user] = ("cancelled", "")

    def first_chapter(self):
        for n in range(12):
            self.order(f"early-{n}")
        for n in range(3):
            self.pay(f"early-{n}")
        for n in range(3, 6):
            self.cancel(f"early-{n}")
        self.pay("early-3")

    def second_chapter(self):
        for n in range(12):
            self.order(f"later-{n}")
        self.pay("early-4")  # owed back
        for user in ("early-6", "later-0", "later-1"):
            self.pay(user)
        for user in ("early-7", "later-2", "later-3"):
            self.cancel(user)
        self.pay("later-2")  # owed back

    def is_told(self):
        rows = {user: (state, reason) for user, state, reason in
                self.parts.worker.rows("user_id, state, reason")}
        return rows == self.expected

    def check(self):
        eventually(self.is_told, 30, "every row is as it should be")
        settle(self.parts)
        ledger = check_positions(self.parts)
        assert len(self.parts.worker.rows()) == len(self.orders) == len(ledger.orders)
        assert ledger.available["rush"] == STOCK - sum(
            state in ("placed", "paid") for state, _ in self.expected.values())


def told(system, story):
    """Which deliveries the shop's own system has taken, when no more are to come."""
    eventually(lambda: not story.parts.worker.query("select id from webhook_deliveries"), 20,
               "all is delivered")
    return {request.id for request in system.taken}


@pytest.fixture
def shop(pipeline, home, system):
    return Story(pipeline([sale("rush", STOCK)], worker=home.worker, idle=True,
                          frontend_options={"payment_secret": SECRET, "partitions": 1},
                          worker_options={"group_instance_id": "one", "session_timeout": "6s",
                                          **system.options}))


@pytest.mark.parametrize("home", ALL, ids=kind_name, indirect=True)
def test_a_backup_of_the_middle_of_the_sale(shop, home, system, tmp_path):
    """Made between a transaction and its outcomes, restored while no worker runs."""
    worker = shop.parts.worker
    shop.first_chapter()
    worker.arm("worker-committed", "kill").start()
    worker.wait_for_fail_point()
    waiting = worker.query("select source_offset from outbox")
    assert len(waiting) == 12, "the backup has outcomes that are not on the log"
    home.backup(tmp_path / "backup")
    worker.start()
    shop.second_chapter()
    shop.check()
    heard = told(system, shop)
    worker.sigterm()
    home.restore(tmp_path / "backup")
    assert worker.query("select source_offset from outbox") == waiting
    assert len(worker.rows()) == 12
    worker.start()
    shop.check()
    assert shop.parts.ledger().counts["placed"] == 24 + 12 + 12  # from the outbox, and read again
    assert told(system, shop) == heard
    times = system.orders()
    assert all(times[shop.orders[f"later-{n}"]] > 1 for n in range(12)), times


@pytest.mark.parametrize("home", [Postgresql, Mariadb], ids=kind_name, indirect=True)
@pytest.mark.parametrize("quiet", [True, False], ids=["nobody orders", "orders go on"])
def test_a_server_without_the_last_transactions(shop, home, quiet):
    """As after a fail-over to a replica that was behind; the worker runs."""
    worker, server = shop.parts.worker, home.server
    worker.start()
    shop.first_chapter()
    eventually(shop.is_told, 30, "the first chapter is in the database")
    server.kill9()
    server.keep_files()
    server.start()
    shop.second_chapter()
    shop.check()
    server.kill9()
    server.go_back()
    server.start()
    if not quiet:
        shop.order("latest")
    shop.check()
