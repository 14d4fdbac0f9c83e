"""Customers of the order tests: they order, pay, call off, one by one or as many at once."""

import concurrent.futures
import hashlib
import hmac
import json
import threading
import time

import harness
from harness import eventually

SECRET = "the provider's secret"  # of the frontend option payment_secret
PATIENCE = 180


def pay(parts, order, amount=9900, payment="p1"):
    """A notification of the payment provider."""
    path, now = f"/v1/orders/{order}/payment", int(time.time())
    body = json.dumps({"payment_id": payment, "amount": amount, "currency": "CNY"})
    digest = hmac.new(SECRET.encode(), f"{now}.{path}.{body}".encode(), hashlib.sha256)
    return parts.frontend.http().request(
        "POST", path, body, {"Sluice-Signature": f"t={now},v1={digest.hexdigest()}"})


def cancel(parts, order, user):
    return parts.frontend.http().request("DELETE", f"/v1/orders/{order}",
                                         headers={"X-User-Id": user})


class Customers(threading.Thread):
    """Of the orders that somebody got, one in four is called off, two are paid, one is forgotten.

    `orders()` are those that there are by now.
    """

    def __init__(self, parts, orders):
        super().__init__(daemon=True)
        self.parts, self.orders = parts, orders
        self.seen = set()
        self.done = {"paid": 0, "cancelled": 0, "refused": 0, "forgotten": 0}
        self.counting = threading.Lock()
        self.over = threading.Event()

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            while True:
                last = self.over.is_set()
                got = self.orders()
                list(pool.map(self.end, sorted(got - self.seen)))  # raises what they raise
                self.seen |= got
                if last:
                    return
                self.over.wait(0.05)

    def finish(self):
        """No further orders come; returns when each has been seen to."""
        self.over.set()
        self.join(PATIENCE * harness.PATIENCE)
        assert not self.is_alive()

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
        return self.count(cancel(self.parts, order, status.json["user"]), "cancelled")

    def pay(self, order):
        return self.count(pay(self.parts, order, payment=f"of-{order}"), "paid")

    def count(self, reply, done):
        """False: to be asked again."""
        if reply is not None and reply.status in (500, 503, 504):
            return False
        with self.counting:
            self.done[done if reply is None or reply.status == 200 else "refused"] += 1
        return True
