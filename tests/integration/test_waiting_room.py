"""The waiting room on real daemons: the lot, the line, the rate, kill -9, and going home."""

import concurrent.futures
import datetime
import time

import pytest

from harness import eventually, sale

TOKEN = "0123456789abcdef-of-the-tests"


class Visitor:
    """Somebody with a browser that keeps its cookies."""

    def __init__(self, frontend, user, name="room"):
        self.frontend, self.user, self.name, self.cookie = frontend, user, name, None

    def ask(self, what):
        headers = {"X-User-Id": self.user}
        if self.cookie:
            headers["Cookie"] = self.cookie
        reply = self.frontend.http().request("POST", f"/v1/sales/{self.name}/{what}", None, headers)
        given = reply.headers["Set-Cookie"]
        if given:
            self.cookie = given.split(";")[0]
        return reply

    def join(self):
        """A place; right after a start there are none for a moment."""

        def got():
            reply = self.ask("ticket")
            return reply if reply.status == 200 else None

        return eventually(got, what=f"a place for {self.user}").json

    def position(self):
        place = self.join()
        assert place["waitTimeKnown"], place
        return place["position"] if place["inWaitingRoom"] else 0


def rfc3339(unix_seconds):
    at = datetime.datetime.fromtimestamp(unix_seconds, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def room(pipeline):
    """room(rate, …): a shop whose sale has a waiting room, or as many as there are names."""
    return lambda rate, stock=100, names=("room",): pipeline(
        [sale(name, stock, waiting_room_rate=rate) for name in names],
        frontend_options={"admin_token": TOKEN})


def early_visitors(parts):
    """Who came before a sale starts: soon on a fast machine, in time for all on a slow one."""
    for seconds in (8, 24, 72):
        name, starts = f"in-{seconds}", time.time() + seconds
        created = parts.frontend.administer("POST", "/v1/sales", {
            "id": name, "title": "Soon", "stock": 100, "unit_price": 9900,
            "waiting_room_rate": 1, "starts_at": rfc3339(starts)})
        assert created.status == 201, created
        early = [Visitor(parts.frontend, f"early-{seconds}-{n}", name) for n in range(12)]
        places = [visitor.join() for visitor in early]
        if time.time() < starts - seconds / 2:
            return early, places
    raise AssertionError("too slow a machine: the sale has started")


def test_the_early_by_lot_and_the_late_behind_them(room):
    parts = room(1)
    early, places = early_visitors(parts)
    for place in places:
        assert place["inWaitingRoom"] and not place["waitTimeKnown"] and place["position"] is None
    assert early[0].ask("orders").json["code"] == "sale-not-started"
    eventually(lambda: early[0].ask("ticket").json.get("waitTimeKnown"), 30, "the sale has begun",
               every=0.2)
    late = Visitor(parts.frontend, "late", early[0].name)
    place_of_late = late.position()
    # Those who were called have left the line; the others are before whoever came later.
    assert place_of_late > max(visitor.position() for visitor in early)
    eventually(lambda: late.ask("orders").status == 202, 30, "everybody is called in the end",
               every=0.2)


def line_after_a_kill(parts, name, length):
    """Who stands in the room's line, in the order in which they came: all before a kill -9 but the
    last one."""
    crowd = [Visitor(parts.frontend, f"{name}-{n}", name) for n in range(length)]
    for visitor in crowd:
        visitor.join()
    assert crowd[-1].ask("orders").json["code"] == "waiting-room"
    parts.frontend.kill9()
    parts.frontend.start().wait_ready()
    line = [*crowd, Visitor(parts.frontend, f"{name}-late", name)]
    line[-1].join()
    for before, behind in zip(line, line[1:]):
        # In this order, because the line moves on between two questions.
        later = behind.position()
        assert before.position() < later or later == 0
    return line


def test_kill_9_keeps_the_order_and_the_rate(room):
    rate = 1
    lengths = {"room": 16, "long-room": 80}  # on a slow machine the first is soon gone
    parts = room(rate, names=lengths)

    def stands(visitor):
        asked = time.monotonic()
        return asked, visitor.position()

    def orders_when_called(visitor):
        eventually(lambda: visitor.ask("orders").status == 202, 120, f"{visitor.user} is called",
                   every=0.5)
        return time.monotonic()

    for name, length in lengths.items():
        line = line_after_a_kill(parts, name, length)
        stood = [stands(visitor) for visitor in line]
        if stood[-1][1] > 5:
            break
    assert stood[-1][1] > 5, "too slow a machine: the line is gone"
    with concurrent.futures.ThreadPoolExecutor(len(line)) as pool:
        ordered = list(pool.map(orders_when_called, line))
    for (asked, position), at in zip(stood, ordered):
        assert at >= asked + (position - 1) / rate, "called before his turn"


def test_nobody_waits_for_what_cannot_come_back(room):
    parts = room(1, stock=1)
    ann, bob = Visitor(parts.frontend, "ann"), Visitor(parts.frontend, "bob")
    ann.join()
    bob.join()
    order = ann.ask("orders")
    assert order.status == 202, order
    assert bob.ask("ticket").status == 200  # ann may cancel
    assert bob.ask("orders").json["code"] == "sold-out"
    cancelled = parts.frontend.http().request("DELETE", order.headers["Location"], None,
                                              {"X-User-Id": "ann"})
    assert cancelled.status == 200, cancelled
    eventually(lambda: bob.ask("orders").status == 202, 30, "bob is called", every=0.2)
    done = parts.frontend.administer("POST", "/v1/sales/room/close", **{"If-Match": "*"})
    assert done.status == 200, done
    gone = ann.ask("ticket")
    assert (gone.status, gone.json["code"]) == (410, "sale-ended")
    assert ann.cookie == "sluice-ticket-room="
