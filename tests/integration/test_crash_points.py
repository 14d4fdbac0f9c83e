"""Kill -9 of worker, broker and database at each point of an order's way that leaves something
half done, by fail points (shared/base/fail_point.h), and at random ones under load. Afterwards the
audit says that I1 to I5 hold, every order has its one row and its outcome, and what came free is
sold once.

The crash points of an order behind its reserve, and where the worker, or the broker, is stopped:

  C11 fetched, not in the database       worker-fetched, store-written (before the commit)
  C12 in the database, the group does    worker-committed, worker-relayed (before the group's
      not know                           commit), worker-hinted (after); broker: offsets-staged,
                                         offsets-committed
  C13 the group knows, the database      never: check_group_is_not_ahead() at each point
      does not
  C14 two workers of one partition       worker-claimed, worker-revoked; taken_for_dead,
                                         stands_still
  C15 a record that nobody can read      test_dead_letters.py
  C16 the database is down               test_the_database_dies_meanwhile; test_databases.py
  C17 the database goes back in time     test_older_databases.py
  C18 overdue, and nobody to say so      worker-overdue; test_orders.py: fell_due
  C19 said to be expired, no row yet     worker-expired; broker: produce-staged, produce-committed
  C20 an outcome on the log that is      relay-sent, relay-acknowledged, store-forgotten; broker:
      still in the outbox                produce-committed (no answer)
  C21 paid as it expires                 test_paid_between; test_orders.py
  C22 a unit that came free is sold      sell_what_came_free() after each point, to the last unit
  C23 sold out, and not any more         the same: 409 before and after, 202 in between

A delivery to the shop's own system: webhook-sent, webhook-heard, deliveries-written (before the
commit), webhook-recorded; as the shop answers: test_webhook.py. What comes before C11 is in
test_order_crash_points.py.
"""

import json
import random

import confluent_kafka
import pytest

import harness
from crash_shop import answered, check_positions, positions, settle
from customers import SECRET, Customers, cancel, pay
from database_servers import ALL, SQLITE, Mariadb, Postgresql, kind_name
from harness import ORDERS_TOPIC, eventually, sale

STOCK = 4
WINDOW = "2s"
BUYERS = 100 if harness.SANITIZED else 400
KILLS = 6 if harness.SANITIZED else 20

# In the order in which a worker gets to them.
TRANSACTION = ["worker-claimed", "worker-fetched", "store-written", "worker-committed",
               "store-forgotten"]
RELAY = ["relay-sent", "worker-relayed", "worker-hinted", "relay-acknowledged"]
EXPIRY = ["worker-overdue", "worker-expired"]


class Shop:
    """A sale of four units, of which ann has paid one, bob has called one off; cid and dee have
    the others and do nothing. No worker has seen any of it."""

    def __init__(self, pipeline, home, window=None, partitions=1):
        more = {"payment_window": window} if window else {}
        self.parts = pipeline([sale("rush", STOCK, **more)], worker=home.worker, idle=True,
                              # With one partition the first transaction is about all orders.
                              frontend_options={"payment_secret": SECRET,
                                                "partitions": partitions},
                              # It has its partitions back at once when it is started again.
                              worker_options={"group_instance_id": "one", "session_timeout": "6s"})
        self.orders = {user: self.order(user) for user in ("ann", "bob", "cid", "dee")}
        assert self.parts.frontend.order("rush", "eve").status == 409
        self.pay("ann")
        assert cancel(self.parts, self.orders["bob"], "bob").status == 200
        self.states = {"ann": "paid", "bob": "cancelled"}
        self.states |= dict.fromkeys(("cid", "dee"), "expired" if window else "placed")

    def order(self, user):
        reply = answered(lambda: self.parts.frontend.order("rush", user))
        assert reply.status == 202, reply
        return reply.json["order_id"]

    def pay(self, user):
        reply = answered(lambda: pay(self.parts, self.orders[user], payment=f"of-{user}"))
        assert reply.status == 200 and reply.json["state"] == "paid", reply

    def sell_what_came_free(self):
        free = sum(state in ("cancelled", "expired") for state in self.states.values())
        eventually(lambda: self.parts.frontend.http().get("/v1/sales/rush").json["available"] ==
                   free, 20, f"{free} units are free")
        for number in range(free):
            user = f"late-{number}"
            self.orders[user] = self.order(user)
            self.pay(user)
            self.states[user] = "paid"
        assert self.parts.frontend.order("rush", "too-late").status == 409

    def check_exact(self):
        settle(self.parts)
        rows = sorted(self.parts.worker.rows("order_id, user_id, state"))
        assert rows == sorted((order, user, self.states[user])
                              for user, order in self.orders.items())
        ledger = check_positions(self.parts)
        assert {order: ledger.orders[order]["state"] for order in ledger.orders} == {
            order: self.states[user] for user, order in self.orders.items()}
        assert ledger.available == {"rush": 0} and not ledger.void
        return ledger


def check_group_is_not_ahead(parts):
    """What is not in the database must not be taken for done."""
    stored = {int(partition): int(offset) for partition, offset in positions(parts.worker)}
    consumer = confluent_kafka.Consumer(parts.broker.client_options(group_id="sluice-worker"))
    try:
        committed = consumer.committed(
            [confluent_kafka.TopicPartition(ORDERS_TOPIC, partition) for partition in stored],
            20 * harness.PATIENCE)
    finally:
        consumer.close()
    for found in committed:
        assert found.offset <= stored[found.partition], (found, stored)


def reach(shop, point):
    """Acknowledgements of outcomes may come in time for the transaction that the outcomes
    themselves are in. That of a dead letter comes when there is none, and its row is forgotten."""
    worker = shop.parts.worker
    if point == "store-forgotten":
        eventually(lambda: len(worker.rows()) == len(shop.orders), 30, "the orders have rows")
        producer = confluent_kafka.Producer(shop.parts.broker.client_options())
        gift = {"type": "gift", "order": "none", "sale": "rush"}
        producer.produce(ORDERS_TOPIC, json.dumps(gift), partition=0)
        assert producer.flush(20) == 0
    worker.wait_for_fail_point()


def window_of(point):
    return WINDOW if point in EXPIRY else None


def cases(points, *kinds):
    return [pytest.param(point, kind, id=f"{point}-{kind_name(kind)}")
            for kind in kinds for point in points]


@pytest.mark.parametrize("point, home", cases(TRANSACTION + RELAY + EXPIRY, SQLITE) +
                         cases(TRANSACTION, Postgresql, Mariadb), indirect=["home"])
def test_the_worker_dies(pipeline, home, point):
    shop = Shop(pipeline, home, window_of(point))
    worker = shop.parts.worker
    worker.arm(point, "kill").start()
    reach(shop, point)
    check_group_is_not_ahead(shop.parts)
    worker.start()
    shop.sell_what_came_free()
    shop.check_exact()


@pytest.mark.parametrize("point, home", cases(TRANSACTION + RELAY + EXPIRY, SQLITE),
                         indirect=["home"])
def test_the_broker_dies_meanwhile(pipeline, home, point):
    shop = Shop(pipeline, home, window_of(point))
    worker, broker = shop.parts.worker, shop.parts.broker
    worker.arm(point, "stop").start()
    reach(shop, point)
    check_group_is_not_ahead(shop.parts)
    broker.kill9()
    worker.go_on()
    broker.start().wait_ready()
    shop.sell_what_came_free()
    shop.check_exact()


@pytest.mark.parametrize("point, home", cases(TRANSACTION, Postgresql, Mariadb), indirect=["home"])
def test_the_database_dies_meanwhile(pipeline, home, point):
    shop = Shop(pipeline, home)
    worker = shop.parts.worker
    worker.arm(point, "stop").start()
    reach(shop, point)
    home.server.kill9()
    worker.go_on()
    home.server.start()
    shop.sell_what_came_free()
    shop.check_exact()


@pytest.mark.parametrize("home", [SQLITE], ids=kind_name, indirect=True)
@pytest.mark.parametrize("stop, point", [
    ("worker-committed", "produce-staged"), ("worker-committed", "produce-committed"),
    ("worker-overdue", "produce-staged"), ("worker-overdue", "produce-committed"),
    ("worker-relayed", "offsets-staged"), ("worker-relayed", "offsets-committed")])
def test_the_broker_dies_over_what_the_worker_sends(pipeline, home, stop, point):
    shop = Shop(pipeline, home, window_of(stop))
    worker, broker = shop.parts.worker, shop.parts.broker
    worker.arm(stop, "stop").start()
    worker.wait_for_fail_point()
    broker.kill9()
    broker.arm(point, "kill").start().wait_ready()
    worker.go_on()
    broker.wait_for_fail_point()
    broker.start().wait_ready()
    shop.sell_what_came_free()
    shop.check_exact()


@pytest.mark.parametrize("home", [SQLITE], ids=kind_name, indirect=True)
def test_paid_between_the_decision_and_its_record(pipeline, home):
    """The log decides, not who was first to think of it."""
    shop = Shop(pipeline, home, WINDOW)
    worker = shop.parts.worker
    worker.arm("worker-overdue", "stop").start()
    worker.wait_for_fail_point()
    for user in ("cid", "dee"):
        shop.pay(user)
        shop.states[user] = "paid"
    worker.go_on()
    shop.sell_what_came_free()
    eventually(lambda: shop.parts.ledger().counts.get("expired"), 20, "it is said nevertheless")
    shop.check_exact()


def second_worker(shop, home, tmp_path, daemons):
    return daemons(home.worker(tmp_path / "second", shop.parts.broker,
                               {"group_instance_id": "two", "session_timeout": "6s"}))


@pytest.mark.parametrize("point, home", cases(["worker-fetched"], *ALL) +
                         cases(["worker-committed"], SQLITE), indirect=["home"])
def test_a_worker_that_was_taken_for_dead(pipeline, home, point, tmp_path, daemons):
    """It goes on where it stood, when another one has long written the same."""
    shop = Shop(pipeline, home)
    first, second = shop.parts.worker, second_worker(shop, home, tmp_path, daemons)
    first.arm(point, "stop").start()
    first.wait_for_fail_point()
    second.start()
    shop.sell_what_came_free()
    eventually(lambda: len(first.rows()) == len(shop.orders), 20, "the other one places")
    first.go_on()
    if point == "worker-fetched":
        first.wait_for_line("has another owner")
    eventually(first.is_ready, 20, "the first one works again")
    shop.check_exact()


@pytest.mark.parametrize("home", [Postgresql, Mariadb], ids=kind_name, indirect=True)
def test_a_worker_stands_still_in_its_transaction(pipeline, home, tmp_path, daemons):
    """As when its machine is lost: the server takes away from it what it has locked."""
    shop = Shop(pipeline, home)
    first, second = shop.parts.worker, second_worker(shop, home, tmp_path, daemons)
    first.arm("store-written", "stop").start()
    first.wait_for_fail_point()
    assert not first.rows()
    second.start()
    shop.sell_what_came_free()
    eventually(lambda: len(first.rows()) == len(shop.orders), 20, "the other one has placed them")
    first.go_on()
    eventually(first.is_ready, 20, "the first one works again")
    shop.check_exact()


@pytest.mark.parametrize("home", [SQLITE], ids=kind_name, indirect=True)
@pytest.mark.parametrize("who, point", [("first", "worker-revoked"), ("second", "worker-claimed")])
def test_a_worker_dies_as_partitions_change_hands(pipeline, home, who, point, tmp_path,
                                                  daemons):
    shop = Shop(pipeline, home, partitions=4)
    workers = {"first": shop.parts.worker,
               "second": second_worker(shop, home, tmp_path, daemons)}
    for name, worker in workers.items():
        if name == who:
            worker.arm(point, "kill")
        worker.start()
        if name == "first":
            worker.wait_ready()
    workers[who].wait_for_fail_point()
    workers[who].start()
    shop.sell_what_came_free()
    shop.check_exact()


@pytest.mark.parametrize("point, home", cases(["webhook-sent", "webhook-heard",
                                               "deliveries-written", "webhook-recorded"], SQLITE) +
                         cases(["deliveries-written"], Postgresql, Mariadb), indirect=["home"])
def test_the_worker_dies_over_a_delivery(pipeline, home, point, system):
    """The shop's own system hears everything, an order's facts in their order, repeats with the
    same key and the same bytes."""
    parts = pipeline([sale("rush", 2)], worker=home.worker, idle=True,
                     frontend_options={"payment_secret": SECRET},
                     worker_options={**system.options, "group_instance_id": "one"})
    ann, bob = (answered(lambda user=user: parts.frontend.order("rush", user)).json["order_id"]
                for user in ("ann", "bob"))
    assert pay(parts, ann).status == 200 and cancel(parts, bob, "bob").status == 200
    parts.worker.arm(point, "kill").start()
    parts.worker.wait_for_fail_point()
    parts.worker.start()
    eventually(lambda: system.facts(ann) == ["order.placed", "order.paid"] and
               system.facts(bob) == ["order.placed", "order.cancelled"], 30, "all is heard of")
    eventually(lambda: [int(count) for count, in parts.worker.query(
        "select count(*) from webhook_deliveries")] == [0], 20, "nothing is left to be told")
    attempts = [system.attempts(f"{order}-{fact}")
                for order, facts in ((ann, ("placed", "paid")), (bob, ("placed", "cancelled")))
                for fact in facts]
    assert all(len({request.body for request in requests}) == 1 for requests in attempts)
    repeats = sum(len(requests) - 1 for requests in attempts)
    # The other order's first one may have been under way.
    least, most = {"webhook-sent": (0, 0), "webhook-recorded": (0, 1)}.get(point, (1, 2))
    assert least <= repeats <= most, attempts


@pytest.mark.chaos
@pytest.mark.parametrize("home", ALL, ids=kind_name, indirect=True)
def test_random_kills_under_load(pipeline, home):
    """Buyers one after the other; of what they get some is paid, called off, forgotten."""
    parts = pipeline([sale("rush", BUYERS, payment_window="3s")], worker=home.worker,
                     frontend_options={"payment_secret": SECRET},
                     worker_options={"group_instance_id": "one"})
    victims = [parts.worker, parts.broker] + ([home.server] if home.server else [])
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    print(f"seed {seed}")
    kills = {number: chance.choice(victims)
             for number in sorted(chance.sample(range(1, BUYERS), KILLS))}
    accepted = set()
    customers = Customers(parts, lambda: set(accepted))
    customers.start()
    for number in range(BUYERS):
        reply = answered(lambda user=f"user-{number}": parts.frontend.order("rush", user))
        assert reply.status == 202, reply
        accepted.add(reply.json["order_id"])
        if number in kills:
            kills[number].kill9()
            kills[number].start()
    customers.finish()
    eventually(lambda: len(parts.worker.rows(where="state <> 'placed'")) == BUYERS, 20,
               "what was not paid is expired")
    settle(parts)
    assert {order for order, in parts.worker.rows("order_id")} == accepted
    ledger = check_positions(parts)
    assert set(ledger.orders) == accepted
    assert {"paid", "cancelled", "expired"} <= {order["state"] for order in ledger.orders.values()}
