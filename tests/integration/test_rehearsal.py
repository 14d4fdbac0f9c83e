"""The rehearsal: two sales at once under their crowds, with everything that may happen to a sale,
and kill -9 of every daemon in the middle. In the end the audit says that I1 to I5 hold."""

import concurrent.futures
import hashlib
import hmac
import json
import os
import threading
import time

import pytest

import harness
from crowd import ENDLESS, Crowd
from harness import eventually, run, sale

SALES = {"phone": 400, "book": 800}  # units at first
USERS = 40_000
# Answers of both crowds from the end of one step to the next one.
BETWEEN = int(os.environ.get("SLUICE_REHEARSAL_REQUESTS",
                             "150000" if harness.SANITIZED else "300000")) // 16
SECRET = "the provider's secret"
TOKEN = "0123456789abcdef-of-the-tests"
WINDOW = "4s"
PATIENCE = 180


class Customers(threading.Thread):
    """Of the orders that a crowd got, one in four is called off, two are paid, one is forgotten."""

    def __init__(self, parts, crowds):
        super().__init__(daemon=True)
        self.parts, self.crowds = parts, crowds
        self.seen = set()
        self.done = {"paid": 0, "cancelled": 0, "refused": 0, "forgotten": 0}
        self.counting = threading.Lock()
        self.over = threading.Event()

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            while True:
                last = self.over.is_set()
                got = {order for crowd in self.crowds for order, _ in crowd.answers_202()}
                list(pool.map(self.end, sorted(got - self.seen)))  # raises what they raise
                self.seen |= got
                if last:
                    return
                self.over.wait(0.05)

    def end(self, order):
        what = int(hashlib.sha256(order.encode()).hexdigest(), 16) % 4
        if what == 0:
            return self.count(None, "forgotten")
        ask = self.cancel if what == 1 else self.pay
        return eventually(lambda: ask(order), PATIENCE, f"an answer about {order}", every=0.05)

    def cancel(self, order):
        status = self.parts.frontend.http().get(f"/v1/orders/{order}")
        if status.status == 404:  # it was pending, and is settled as not reserved
            return self.count(status, "cancelled")
        if status.status != 200:
            return False
        reply = self.parts.frontend.http().request(
            "DELETE", f"/v1/orders/{order}", headers={"X-User-Id": status.json["user"]})
        return self.count(reply, "cancelled")

    def pay(self, order):
        path, now = f"/v1/orders/{order}/payment", int(time.time())
        body = json.dumps({"payment_id": f"of-{order}", "amount": 9900, "currency": "CNY"})
        signed = hmac.new(SECRET.encode(), f"{now}.{path}.{body}".encode(), hashlib.sha256)
        return self.count(self.parts.frontend.http().request(
            "POST", path, body, {"Sluice-Signature": f"t={now},v1={signed.hexdigest()}"}), "paid")

    def count(self, reply, done):
        """False: to be asked again."""
        if reply is not None and reply.status in (500, 503, 504):
            return False
        with self.counting:
            self.done[done if reply is None or reply.status == 200 else "refused"] += 1
        return True


def change(parts, *words):
    """sluicectl sale …, again until it is done; with its key it counts once."""
    key = f"{'-'.join(map(str, words))}-{time.monotonic_ns()}"

    def tried():
        done = run("sluicectl", "sale", *words, "--frontend", parts.frontend.admin, "--token",
                   TOKEN, "--key", key, "-b", parts.broker.listen)
        return done.returncode == 0

    eventually(tried, PATIENCE, f"sale {words}", every=0.1)


def kill(parts, daemon):
    def killed():
        daemon.kill9()
        print(f"kill -9 {daemon.program}", flush=True)
        daemon.start()
        eventually(parts.frontend.is_ready, PATIENCE, "the frontend serves again")
    return killed


def script(parts):
    """What happens, one after the other under the crowds."""
    def change_of(*words):
        return lambda: change(parts, *words)

    return [
        change_of("restock", "phone", 300),
        kill(parts, parts.broker),
        change_of("pause", "book"),
        change_of("resume", "book"),
        kill(parts, parts.worker),
        change_of("restock", "book", 500),
        change_of("pause", "phone"),
        kill(parts, parts.frontend),
        change_of("resume", "phone"),
        change_of("restock", "phone", 300),
        kill(parts, parts.broker),
        change_of("restock", "book", 500),
        kill(parts, parts.worker),
        kill(parts, parts.frontend),
        change_of("restock", "phone", 200),
    ]


def audit(parts, accepted):
    done = run("sluicectl", "sale", "audit", "-b", parts.broker.listen, "--json", "--database",
               parts.worker.options["database"], "--frontend", parts.frontend.listen,
               "--accepted", accepted, seconds=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.chaos
def test_two_sales_with_everything_that_may_happen(pipeline, tmp_path):
    parts = pipeline([sale(name, stock, payment_window=WINDOW) for name, stock in SALES.items()],
                     frontend_options={"payment_secret": SECRET, "admin_token": TOKEN})
    crowds = [Crowd(parts.frontend, tmp_path / name, name, USERS, ENDLESS, 8, threads=1)
              for name in SALES]
    customers = Customers(parts, crowds)
    customers.start()
    for step in [*script(parts), lambda: None]:
        due = sum(crowd.answers() for crowd in crowds) + BETWEEN
        eventually(lambda due=due: sum(crowd.answers() for crowd in crowds) >= due, 300,
                   f"{due} answers", every=0.01)
        step()
    results = [crowd.end() for crowd in crowds]
    customers.over.set()
    customers.join(PATIENCE * harness.PATIENCE)
    print(results, customers.done, flush=True)
    assert not customers.is_alive()
    assert all(result["other"] == 0 for result in results), results

    accepted = tmp_path / "accepted"
    accepted.write_text("".join(f"{order}\n" for crowd in crowds for order in
                                {order for order, state in crowd.answers_202()
                                 if state != "pending"}), encoding="ascii")
    status, report = eventually(
        lambda: (lambda found: found if found[1]["verdict"] != "in motion" else None)(
            audit(parts, accepted)), PATIENCE, "everything has come to rest", every=0.5)
    print(json.dumps(report), flush=True)
    assert status == 0, report
    assert [one["verdict"] for one in report["invariants"]] == ["holds"] * 5
    for found in report["sales"]:
        assert found["released"] > 0, "nothing was called off or expired"
        assert found["granted"] > SALES[found["sale"]], "nothing was restocked"
    assert customers.done["paid"] > 0 and customers.done["cancelled"] > 0
    check_expiry(parts)
    status, report = audit(parts, accepted)
    assert status == 0, report


def check_expiry(parts):
    """What is not paid in time is called off: by the log, all of it and none too early."""
    eventually(lambda: not parts.worker.rows(where="state = 'placed'"), PATIENCE,
               "every order is paid or called off", every=0.2)
    deadlines, unpaid, expired = {}, set(), 0
    for message in parts.broker.read_topic(harness.ORDERS_TOPIC):
        event = json.loads(message.value())
        order = event.get("order")
        if event["type"] == "reserve":
            deadlines.setdefault(order, event["deadline"])
            unpaid.add(order)
        elif event["type"] in ("paid", "cancelled", "rejected"):
            unpaid.discard(order)
        elif event["type"] == "expired":
            early = deadlines[order] - message.timestamp()[1]
            assert early <= 0, f"order {order} was called off {early} ms before its deadline"
            expired += order in unpaid
            unpaid.discard(order)
    assert expired > 0, "nobody forgot to pay"
    assert not unpaid, f"{len(unpaid)} orders are not paid and not called off: {list(unpaid)[:5]}"
