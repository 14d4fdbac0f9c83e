"""The rehearsal: two sales at once under their crowds, with everything that may happen to a sale,
and kill -9 of every daemon in the middle. In the end the audit says that I1 to I5 hold."""

import json
import os
import time

import pytest

import harness
from crowd import ENDLESS, Crowd
from customers import PATIENCE, SECRET, Customers
from harness import audit, eventually, run, sale

SALES = {"phone": 400, "book": 800}  # units at first
USERS = 40_000
# Answers of both crowds from the end of one step to the next one.
BETWEEN = int(os.environ.get("SLUICE_REHEARSAL_REQUESTS",
                             "150000" if harness.SANITIZED else "300000")) // 16
TOKEN = "0123456789abcdef-of-the-tests"
WINDOW = "4s"


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


@pytest.mark.chaos
def test_two_sales_with_everything_that_may_happen(pipeline, tmp_path):
    parts = pipeline([sale(name, stock, payment_window=WINDOW) for name, stock in SALES.items()],
                     frontend_options={"payment_secret": SECRET, "admin_token": TOKEN})
    crowds = [Crowd(parts.frontend, tmp_path / name, name, USERS, ENDLESS, 8, threads=1)
              for name in SALES]
    customers = Customers(parts, lambda: {order for crowd in crowds
                                          for order, _ in crowd.answers_202()})
    customers.start()
    for step in [*script(parts), lambda: None]:
        due = sum(crowd.answers() for crowd in crowds) + BETWEEN
        eventually(lambda due=due: sum(crowd.answers() for crowd in crowds) >= due, 300,
                   f"{due} answers", every=0.01)
        step()
    results = [crowd.end() for crowd in crowds]
    customers.finish()
    print(results, customers.done, flush=True)
    assert all(result["other"] == 0 for result in results), results

    accepted = tmp_path / "accepted"
    accepted.write_text("".join(f"{order}\n" for crowd in crowds for order in
                                {order for order, state in crowd.answers_202()
                                 if state != "pending"}), encoding="ascii")
    status, report = eventually(
        lambda: (lambda found: found if found[1]["verdict"] != "in motion" else None)(
            audit(parts, "--accepted", accepted)),
        PATIENCE, "everything has come to rest", every=0.5)
    print(json.dumps(report), flush=True)
    assert status == 0, report
    assert [one["verdict"] for one in report["invariants"]] == ["holds"] * 5
    for found in report["sales"]:
        assert found["released"] > 0, "nothing was called off or expired"
        assert found["granted"] > SALES[found["sale"]], "nothing was restocked"
    assert customers.done["paid"] > 0 and customers.done["cancelled"] > 0
    check_expiry(parts)
    status, report = audit(parts, "--accepted", accepted)
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
