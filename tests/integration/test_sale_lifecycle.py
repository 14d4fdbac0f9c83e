"""The life of a sale on the real daemons: by the admin API and sluicectl, through kill -9."""

import concurrent.futures
import datetime
import json
import os
import time

import harness
from harness import eventually, sale

TOKEN = "0123456789abcdef-of-the-tests"


def admin(parts, method, path, body=None, **headers):
    return parts.frontend.administer(method, path, body, **headers)


def ctl(parts, *words, ok=True):
    """sluicectl sale …, its answer as an object."""
    os.environ["SLUICE_ADMIN_TOKEN"] = TOKEN
    os.environ["SLUICE_FRONTEND_ADMIN"] = parts.frontend.admin
    done = harness.run("sluicectl", "-b", parts.broker.listen, "sale", *words, "-o", "json")
    assert (done.returncode == 0) == ok, f"sale {words}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout) if ok else done.stderr


def rfc3339(unix_ms):
    at = datetime.datetime.fromtimestamp(unix_ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}Z"


def events(parts, sale_name, kind):
    """The ledger's events of one type, in their order."""
    found = [json.loads(message.value()) for message in parts.broker.read_topic(
        harness.ORDERS_TOPIC)]
    return [event for event in found if event["type"] == kind and event["sale"] == sale_name]


def open_pipeline(pipeline, sales=()):
    return pipeline(list(sales), frontend_options={"admin_token": TOKEN})


def check_stock(parts, sale_name):
    """At rest: I1 to I5, and the export adds up to what the frontend shows."""
    eventually(lambda: parts.ledger().available[sale_name] ==
               parts.frontend.http().get(f"/v1/sales/{sale_name}").json["available"],
               what="the frontend's stock is the log's")
    ledger = parts.ledger()
    holding = ledger.holding(sale_name)
    held = sum(order["quantity"] for order in holding.values())
    assert held + ledger.available[sale_name] == ledger.granted[sale_name]
    eventually(lambda: {row[0] for row in parts.worker.rows(
        where=f"sale = '{sale_name}' and state = 'placed'")} == set(holding),
        what="every order has its row")
    done = harness.run("sluicectl", "-b", parts.broker.listen, "sale", "export", sale_name)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(row["stock_delta"] for row in rows) == ledger.available[sale_name]
    assert all(row["available"] >= 0 for row in rows)
    return ledger


def test_from_draft_to_settled(pipeline):
    parts = open_pipeline(pipeline)
    made = ctl(parts, "create", "phone", "--stock", "3", "--draft", "--title", "A phone")
    assert (made["status"], made["revision"]) == ("draft", 1)
    assert parts.frontend.order("phone", "ann").status == 404
    ctl(parts, "publish", "phone")
    first = parts.frontend.order("phone", "ann")
    assert first.status == 202
    ctl(parts, "pause", "phone")
    refused = parts.frontend.order("phone", "bob")
    assert refused.status == 409 and refused.json["code"] == "sale-paused"
    parts.frontend.kill9()
    parts.frontend.start().wait_ready()
    assert parts.frontend.order("phone", "bob").json["code"] == "sale-paused"
    assert "is at revision 3" in ctl(parts, "resume", "phone", "--revision", "1", ok=False)
    revision = ctl(parts, "show", "phone")["revision"]
    ctl(parts, "resume", "phone", "--revision", revision)
    assert parts.frontend.order("phone", "bob").status == 202
    assert ctl(parts, "list")[0]["state"] == "open"
    ctl(parts, "close", "phone", "--yes")
    parts.frontend.kill9()
    parts.frontend.start().wait_ready()
    ended = parts.frontend.order("phone", "cid")
    assert ended.status == 410 and ended.json["code"] == "sale-ended"
    again = parts.frontend.order("phone", "ann")
    assert again.status == 202 and again.headers["Idempotency-Replayed"] == "true"
    assert "closed" in ctl(parts, "restock", "phone", "5", ok=False)
    eventually(lambda: ctl(parts, "show", "phone")["state"] == "settled", what="settled")
    assert check_stock(parts, "phone").available["phone"] == 1


def test_sluicectl_has_a_flag_for_each_field_of_a_sale(pipeline):
    parts = open_pipeline(pipeline)
    created = {"title": "A phone", "unit_price": 7, "currency": "EUR", "per_user_limit": 3,
               "starts_at": "2100-01-01T00:00:00.000Z", "ends_at": "2100-01-02T00:00:00.000Z",
               "payment_window_ms": 60000, "purchase_token": "required", "proof_of_work": 5,
               "waiting_room_rate": 9}
    changed = {**created, "title": "Another", "unit_price": 8, "per_user_limit": 4,
               "starts_at": "2100-01-01T01:00:00.000Z", "ends_at": "2100-01-02T01:00:00.000Z",
               "payment_window_ms": 90000, "proof_of_work": 6, "waiting_room_rate": 0}

    def flags(fields):
        for name, value in fields.items():
            if name == "payment_window_ms":
                name, value = "payment_window", f"{value}ms"
            yield from (f"--{name.replace('_', '-')}", str(value))

    fixed = {"id", "status", "revision", "granted"}
    for words, fields in ((("create", "phone", "--stock", "3"), created),
                          (("update", "phone"), changed)):
        done = ctl(parts, *words, *flags(fields))
        assert done.keys() - fixed == fields.keys(), "a field without a flag"
        assert {name: done[name] for name in fields} == fields
    shown = ctl(parts, "show", "phone")
    assert shown["waiting_room_rate"] == 0 and shown["proof_of_work"] == 6


def test_start_and_end_to_the_millisecond(pipeline):
    parts = open_pipeline(pipeline)
    starts = int(time.time() * 1000) + 1_000
    ends = starts + 1_000
    reply = admin(parts, "POST", "/v1/sales", {
        "id": "flash", "stock": 100_000, "starts_at": rfc3339(starts), "ends_at": rfc3339(ends)})
    assert reply.status == 201, reply
    early = parts.frontend.order("flash", "early")
    assert early.status == 409 and early.json["code"] == "sale-not-started"
    assert early.json["starts_at"] == rfc3339(starts) and int(early.headers["Retry-After"]) >= 1

    def buy(buyer):
        """Orders without a pause from before the start to the end."""
        connection, seen, number = parts.frontend.http(), [], 0
        while not seen or seen[-1] != "sale-ended":
            reply = parts.frontend.order("flash", f"user-{buyer}-{number}", connection=connection)
            seen.append(reply.json.get("code", reply.status))
            number += reply.status == 202
        return seen

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(buy, range(4)))
    for codes in seen:
        assert set(codes) == {"sale-not-started", 202, "sale-ended"}, set(codes)
        assert codes == sorted(codes, key=["sale-not-started", 202, "sale-ended"].index)
    reserves = events(parts, "flash", "reserve")
    assert len(reserves) == sum(code == 202 for codes in seen for code in codes)
    assert all(starts <= event["reserved_at"] < ends for event in reserves)
    assert not events(parts, "flash", "rejected")


def test_a_restock_reopens_and_nothing_is_sold_twice(pipeline):
    parts = open_pipeline(pipeline, [sale("rush", 20)])

    def order(number):
        return parts.frontend.order("rush", f"user-{number}").status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(order, range(60))) == [202] * 20 + [409] * 40
        shown = parts.frontend.http().get("/v1/sales/rush").json
        assert shown["state"] == "sold_out" and shown["sold_out"]
        assert ctl(parts, "restock", "rush", "5", "--key", "van-1")["granted"] == 25
        assert sorted(pool.map(order, range(100, 110))) == [202] * 5 + [409] * 5
        # Its answer is lost with the frontend; asking again grants nothing more.
        parts.frontend.kill9()
        parts.frontend.start().wait_ready()
        assert ctl(parts, "restock", "rush", "5", "--key", "van-1")["granted"] == 25
        assert "another request" in ctl(parts, "restock", "rush", "6", "--key", "van-1", ok=False)
        assert order(200) == 409
        assert ctl(parts, "restock", "rush", "15", "--key", "van-2")["granted"] == 40
        assert sorted(pool.map(order, range(300, 330))) == [202] * 15 + [409] * 15
    ledger = check_stock(parts, "rush")
    assert ledger.granted == {"rush": 40} and ledger.available == {"rush": 0}
    assert len(ledger.holding("rush")) == 40 and not ledger.void


def test_a_pause_in_the_rush_is_exact(pipeline):
    """Behind the pause's record on the log there is no reserve, whatever was under way."""
    parts = open_pipeline(pipeline, [sale("rush", 100_000)])

    def buy(buyer):
        connection, number = parts.frontend.http(), 0
        while True:
            reply = parts.frontend.order("rush", f"user-{buyer}-{number}", connection=connection)
            if reply.status == 409:
                return reply.json["code"], number
            # A user who is told of the change again and again runs into his rate limit.
            assert reply.status == 202 or \
                reply.json["code"] in ("sale-changing", "rate-limited"), reply
            number += reply.status == 202

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        buyers = [pool.submit(buy, number) for number in range(4)]
        eventually(lambda: parts.frontend.http().get("/v1/sales/rush").json["available"] < 99_900)
        reply = admin(parts, "POST", "/v1/sales/rush/pause", **{"If-Match": "*"})
        assert reply.status == 200 and reply.json["status"] == "paused"
        results = [buyer.result() for buyer in buyers]
    assert {code for code, _ in results} == {"sale-paused"}
    paused, reserves = False, 0
    for message in parts.broker.read_topic(harness.ORDERS_TOPIC):
        event = json.loads(message.value())
        paused = paused or (event["type"] == "sale" and event.get("paused", False))
        reserves += event["type"] == "reserve"
        assert not (paused and event["type"] == "reserve"), event
    assert paused and reserves == sum(number for _, number in results)


def test_who_may_change_a_sale(pipeline):
    parts = open_pipeline(pipeline, [sale("demo", 5)])
    http = harness.Http(parts.frontend.admin)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        reply = http.request("POST", "/v1/sales/demo/close", headers={"If-Match": "*", **headers})
        assert reply.status == 401 and reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert admin(parts, "POST", "/v1/sales/demo/close").status == 428
    stale = admin(parts, "POST", "/v1/sales/demo/close", **{"If-Match": '"7"'})
    assert stale.status == 412 and stale.headers["ETag"] == '"1"'
    assert http.get("/readyz").status == 200
    assert parts.frontend.order("demo", "ann").status == 202
    # On the shop's listener there is no admin API.
    reply = parts.frontend.http().request("POST", "/v1/sales/demo/close",
                                          headers={"Authorization": f"Bearer {TOKEN}"})
    assert reply.status == 404
