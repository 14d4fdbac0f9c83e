"""The webhook on the real daemons: what a shop's own system hears, through failures and kill -9."""

import json
import re
import sqlite3
import subprocess
import threading
import time

import pytest

import harness
import shop_system
from customers import SECRET, cancel, pay
from harness import Http, Worker, eventually, sale

# So that failures are got over within a test.
QUICK = {"webhook_retry_max_delay": "100ms", "webhook_timeout": "5s"}
ORDERS = 100 if harness.SANITIZED else 400


@pytest.fixture
def shop(tmp_path):
    secret, path = shop_system.new_secret(tmp_path)
    system = shop_system.ShopSystem(secret).start()
    system.secret_file = path
    yield system
    system.answer = lambda request: (200, {})
    if system.server:
        system.stop()
    assert not system.forged


@pytest.fixture
def selling(pipeline, shop):
    """selling(stock): all daemons; the worker tells the shop."""

    def start(stock=1000, **options):
        return pipeline([sale("rush", stock)], frontend_options={"payment_secret": SECRET},
                        worker_options={"webhook_url": shop.url, **QUICK,
                                        "webhook_secret_files": shop.secret_file, **options})

    return start


def buy(parts, user):
    reply = parts.frontend.order("rush", user)
    assert reply.status == 202, reply
    return reply.json["order_id"]


def buy_many(parts, count, first=0):
    connection = parts.frontend.http()
    orders = []
    for number in range(first, first + count):
        reply = parts.frontend.order("rush", f"user-{number}", connection=connection)
        assert reply.status == 202, reply
        orders.append(reply.json["order_id"])
    return orders


def webhook(worker):
    return Http(worker.admin).get("/v1/worker").json["webhook"]


def metric(worker, name):
    text = Http(worker.admin).get("/metrics").body.decode()
    return float(re.search(rf"^sluice_worker_webhook_{name} (\S+)$", text, re.M)[1])


def deliveries(worker, columns="id, state"):
    with sqlite3.connect(f"file:{worker.database}?mode=ro", uri=True, timeout=20) as database:
        return database.execute(f"select {columns} from webhook_deliveries").fetchall()


def ctl(*words):
    return harness.run("sluicectl", "webhook", *words)


def test_every_fact_of_an_order_is_told_once_in_order_and_signed(selling, shop):
    parts = selling()
    user = "张三".encode().decode("latin-1")  # as http.client wants the bytes of a header
    paid, late = buy(parts, "ann"), buy(parts, user)
    assert pay(parts, paid, payment="p-17").status == 200
    assert cancel(parts, late, user).status == 200
    assert pay(parts, late, payment="p-18").json["refund_due"] is True
    eventually(lambda: shop.facts(paid) == ["order.placed", "order.paid"])
    eventually(lambda: shop.facts(late) == ["order.placed", "order.cancelled", "order.refund_due"])
    assert len(shop.taken) == 5 and {r.id for r in shop.taken} == {
        f"{paid}-placed", f"{paid}-paid", f"{late}-placed", f"{late}-cancelled",
        f"{late}-refund_due"}
    event = shop.attempts(f"{paid}-paid")[0].event
    assert set(event) == {"type", "timestamp", "data"}
    row = parts.worker.rows("reserved_at", f"order_id = '{paid}'")[0]
    moment = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z",
                          event["data"].pop("reserved_at"))
    assert time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(row[0] // 1000)) == moment[1]
    assert event["data"] == {
        "order_id": paid, "sale": "rush", "user": "ann", "quantity": 1, "unit_price": 9900,
        "currency": "CNY", "state": "paid", "payment": "p-17", "amount": 9900}
    refund = shop.attempts(f"{late}-refund_due")[0].event["data"]
    assert refund["user"] == "张三" and refund["state"] == "cancelled"
    assert refund["payment"] == "p-18" and refund["reason"] == "refund_due"
    eventually(lambda: deliveries(parts.worker) == [], what="what was delivered is gone")
    assert metric(parts.worker, "delivered_total") == 5


def test_without_a_webhook_nothing_is_kept(pipeline):
    parts = pipeline([sale("rush", 5)])
    buy(parts, "ann")
    eventually(lambda: len(parts.worker.rows()) == 1)
    assert deliveries(parts.worker) == [] and webhook(parts.worker) is None


def test_what_fails_is_sent_again_with_its_id_and_holds_its_order(selling, shop):
    """… a new timestamp and signature each time, the same bytes; other orders pass by."""
    shop.answer = lambda request: (500 if request.order == order and len(
        shop.attempts(request.id)) < 4 else 200, {})
    parts = selling()
    order = None
    order = buy(parts, "ann")
    shop.taken.clear()
    assert pay(parts, order).status == 200
    other = buy(parts, "bob")
    eventually(lambda: shop.facts(order)[-1:] == ["order.paid"] and shop.facts(other))
    tries = shop.attempts(f"{order}-paid")
    assert len(tries) == 4 and len({request.body for request in tries}) == 1
    assert metric(parts.worker, "failed_attempts_total") >= 3
    first_of = {}
    for request in shop.requests:
        first_of.setdefault(request.type, request.at)
    assert first_of["order.paid"] >= shop.attempts(f"{order}-placed")[-1].at


def test_a_shop_that_is_down_delays_no_order_and_loses_none(selling, shop):
    parts = selling(**harness.NAMED)
    first = buy_many(parts, 3)
    eventually(lambda: set(shop.orders()) == set(first))
    shop.stop()
    orders = buy_many(parts, ORDERS, first=3)
    eventually(lambda: len(parts.worker.rows()) == ORDERS + 3, 30, "all are placed meanwhile")
    eventually(lambda: metric(parts.worker, "pending") == ORDERS, 20)
    eventually(lambda: webhook(parts.worker)["failing"] and webhook(parts.worker)["last_error"])
    assert parts.worker.is_ready()
    # Who is down is not run over: of the backlog few were tried, and one at a time.
    assert len(deliveries(parts.worker, "id")) == ORDERS
    tried = [row for row in deliveries(parts.worker, "attempts") if row[0] > 0]
    assert len(tried) < ORDERS / 2
    parts.worker.kill9()
    parts.worker.start().wait_ready()
    shop.start()
    eventually(lambda: set(shop.orders()) == set(first + orders), 60, "everything arrives")
    assert shop.most_at_a_time <= 8
    eventually(lambda: deliveries(parts.worker) == [])
    assert metric(parts.worker, "oldest_pending_seconds") >= 0


def test_kill_9_at_any_time_loses_nothing_and_repeats_keep_their_ids(selling, shop):
    shop.answer = lambda request: (200 if hash((request.id, request.at)) % 3 else 503, {})
    parts = selling(webhook_concurrency=4, **harness.NAMED)
    orders = []
    for round_number in range(4):
        orders += buy_many(parts, ORDERS // 10, first=round_number * 1000)
        eventually(lambda: len(set(shop.orders())) > round_number * ORDERS // 20, 30)
        parts.worker.kill9()
        parts.worker.start().wait_ready()
    for order in orders[:20]:
        assert pay(parts, order).status == 200
    eventually(lambda: set(shop.orders()) == set(orders), 60)
    eventually(lambda: all(shop.facts(order) == ["order.placed", "order.paid"]
                           for order in orders[:20]), 60)
    for request in shop.taken:
        assert request.id == f"{request.order}-{request.type.removeprefix('order.')}"
    eventually(lambda: deliveries(parts.worker) == [], 30)


@pytest.mark.parametrize("status", [200, 500])
def test_killed_while_the_shop_answers(selling, shop, status):
    """Nobody has heard the answer, so it is asked again, with the same id and bytes."""
    parts = selling(**harness.NAMED)

    def answer(request):
        if len(shop.attempts(request.id)) > 1:
            return 200, {}
        parts.worker.kill9()
        return status, {}

    shop.answer = answer
    order = buy(parts, "ann")
    eventually(lambda: not parts.worker.alive())
    assert deliveries(parts.worker, "id, attempts") == [(f"{order}-placed", 0)]
    parts.worker.start().wait_ready()
    eventually(lambda: deliveries(parts.worker) == [])
    first, second = shop.attempts(f"{order}-placed")
    assert first.body == second.body and shop.facts(order) == ["order.placed"]


def test_attempts_are_counted_on_after_kill_9(selling, shop):
    shop.answer = lambda request: (500, {})
    parts = selling(webhook_retry_max_delay="1d", **harness.NAMED)
    order = buy(parts, "ann")
    eventually(lambda: deliveries(parts.worker, "attempts") == [(1,)])
    parts.worker.kill9()
    first_attempt_at, = deliveries(parts.worker, "first_attempt_at")
    parts.worker.start().wait_ready()
    eventually(lambda: deliveries(parts.worker, "attempts") >= [(2,)])
    assert deliveries(parts.worker, "first_attempt_at") == [first_attempt_at]
    shop.answer = lambda request: (200, {})
    eventually(lambda: shop.facts(order) == ["order.placed"], 60)


def test_retry_after_is_respected(selling, shop):
    shop.answer = lambda request: (200, {}) if len(shop.attempts(request.id)) > 1 else (
        429, {"Retry-After": "2"})
    parts = selling()
    order = buy(parts, "ann")
    eventually(lambda: shop.facts(order) == ["order.placed"])
    first, second = shop.attempts(f"{order}-placed")
    assert second.at - first.at >= 1.9  # the wall clock's milliseconds


def test_a_slow_shop_delays_no_order(selling, shop):
    gate = threading.Event()

    def answer(_):
        gate.wait(60 * harness.PATIENCE)
        return 200, {}

    shop.answer = answer
    parts = selling(webhook_timeout="500ms", webhook_concurrency=3)
    orders = buy_many(parts, ORDERS)
    eventually(lambda: len(parts.worker.rows()) == ORDERS, 20, "they are placed")
    eventually(lambda: metric(parts.worker, "failed_attempts_total") >= 3,
               what="attempts are given up")
    assert "imed out" in deliveries(parts.worker, "max(last_error)")[0][0]
    gate.set()
    eventually(lambda: set(shop.orders()) == set(orders), 60)


def test_concurrency_is_changed_at_run_time(selling, shop):
    gate = threading.Event()

    def answer(_):
        gate.wait(60 * harness.PATIENCE)
        return 200, {}

    shop.answer = answer
    parts = selling(webhook_concurrency=2, webhook_timeout="60s")
    orders = buy_many(parts, 30)
    eventually(lambda: shop.under_way == 2)
    reply = Http(parts.worker.admin).request("PATCH", "/v1/worker", {"webhook_concurrency": 9})
    assert reply.status == 200 and reply.json["webhook"]["concurrency"] == 9
    eventually(lambda: shop.under_way == 9)
    assert webhook(parts.worker)["in_flight"] == 9 and shop.most_at_a_time == 9
    gate.set()
    eventually(lambda: set(shop.orders()) == set(orders))
    assert shop.most_at_a_time == 9
    for value in (0, 257, "5", 1.5):
        reply = Http(parts.worker.admin).request("PATCH", "/v1/worker",
                                                 {"webhook_concurrency": value})
        assert reply.status == 400 and "webhook_concurrency" in reply.json["detail"]


def test_what_is_given_up_is_parked_until_somebody_sends_it_again(selling, shop):
    answers = {"order.placed": 410}
    shop.answer = lambda request: (answers.get(request.type, 200), {})
    parts = selling(webhook_retry_for="0s")
    database = f"sqlite:{parts.worker.database}"
    order, other = buy(parts, "ann"), buy(parts, "bob")
    assert pay(parts, order).status == 200
    eventually(lambda: sorted(deliveries(parts.worker)) == sorted([
        (f"{order}-placed", "parked"), (f"{other}-placed", "parked"),
        (f"{order}-paid", "pending")]),
        what="410 is taken at its word, and what follows in the order waits behind it")
    answers["order.placed"] = 400
    done = ctl("redeliver", f"{order}-placed", "--database", database)
    assert done.returncode == 0, done.stderr
    eventually(lambda: len(shop.attempts(f"{order}-placed")) == 2)
    eventually(lambda: metric(parts.worker, "parked") == 2, what="given up after retry_for")
    listed = ctl("list", "--database", database, "--parked", "-o", "json")
    assert listed.returncode == 0, listed.stderr
    lines = {one["id"]: one for one in map(json.loads, listed.stdout.splitlines())}
    assert set(lines) == {f"{order}-placed", f"{other}-placed"}
    assert lines[f"{order}-placed"]["last_error"].startswith("400")
    shown = ctl("show", f"{order}-placed", "--database", database)
    assert shown.returncode == 0 and "parked" in shown.stdout and '"type"' in shown.stdout
    assert shop.facts(order) == []
    answers.clear()
    done = ctl("redeliver", "--all", "--database", database)
    assert done.returncode == 0 and "2" in done.stderr, done.stderr
    eventually(lambda: shop.facts(order) == ["order.placed", "order.paid"] and shop.facts(other))
    again = ctl("redeliver", f"{order}-placed", "--database", database)
    assert again.returncode == 1 and "not parked" in again.stderr


def test_redirects_are_not_followed(selling, shop):
    shop.answer = lambda request: (200, {}) if len(shop.attempts(request.id)) > 1 else (
        307, {"Location": "/elsewhere"})
    parts = selling()
    order = buy(parts, "ann")
    eventually(lambda: shop.facts(order))
    assert metric(parts.worker, "failed_attempts_total") == 1


def test_an_answer_without_end_is_cut_off(selling, shop):
    """Its status counts; the rest is not read."""
    shop.answer = lambda request: (200, {"Content-Length": str(1 << 40)})
    shop.flood = b"x" * (1 << 20)
    parts = selling()
    order = buy(parts, "ann")
    eventually(lambda: shop.facts(order))
    eventually(lambda: deliveries(parts.worker) == [])
    assert len(shop.attempts(f"{order}-placed")) == 1


def test_certificates_are_verified(pipeline, tmp_path):
    pem = tmp_path / "shop.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", pem, "-out", tmp_path / "ca.pem", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + (tmp_path / "ca.pem").read_bytes())
    secret, path = shop_system.new_secret(tmp_path)
    shop = shop_system.ShopSystem(secret, certificate=pem).start()
    parts = pipeline([sale("rush", 5)], worker_options={
        **QUICK, "webhook_url": shop.url, "webhook_secret_files": path})
    order = buy(parts, "ann")
    eventually(lambda: "certificate" in webhook(parts.worker)["last_error"])
    assert not shop.requests
    parts.worker.sigterm()
    parts.worker.options["webhook_ca_file"] = tmp_path / "ca.pem"
    parts.worker.start().wait_ready()
    eventually(lambda: shop.facts(order) == ["order.placed"])
    shop.stop()


def test_two_secrets_are_two_signatures(selling, shop, tmp_path):
    old, path = shop_system.new_secret(tmp_path, "old")
    parts = selling(webhook_secret_files=f"{path},{shop.secret_file}")
    order = buy(parts, "ann")
    eventually(lambda: shop.facts(order))
    request = shop.requests[0]
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    verify = shop_system.documented_verify()
    verify(old, request.headers, request.body)
    for secret, body, later in (("whsec_" + "A" * 44, request.body, 0),
                                (old, request.body + b" ", 0), (old, request.body, 400)):
        with pytest.raises(ValueError):
            verify(secret, request.headers, body, now=lambda after=later: time.time() + after)


def test_two_workers_share_the_deliveries_and_one_takes_over(selling, shop, daemons, tmp_path):
    parts = selling()
    other = daemons(Worker(tmp_path / "other", parts.broker, {
        **parts.worker.options, "admin_listen": "127.0.0.1:0"})).start()
    other.wait_ready()
    for worker in (parts.worker, other):
        eventually(lambda: Http(worker.admin).get("/v1/worker").json["partitions"] > 0, 60)
    orders = buy_many(parts, ORDERS // 2)
    parts.worker.kill9()
    orders += buy_many(parts, ORDERS // 2, first=ORDERS)
    for order in orders[::10]:
        assert pay(parts, order).status == 200
    eventually(lambda: set(shop.orders()) == set(orders), 90)
    eventually(lambda: all(shop.facts(order) == ["order.placed", "order.paid"]
                           for order in orders[::10]), 60)


def test_memory_does_not_grow_with_the_backlog(selling, shop):
    parts = selling()
    parts.worker.sigterm()
    parts.worker.environment["ASAN_OPTIONS"] = "quarantine_size_mb=1"  # else it keeps what is freed
    parts.worker.start().wait_ready()
    shop.stop()
    buy(parts, "first")
    eventually(lambda: webhook(parts.worker)["last_error"])
    with sqlite3.connect(parts.worker.database, timeout=20) as database:
        template = database.execute("select * from webhook_deliveries").fetchone()
        columns = len(template)
        filler = "x" * 1000
        before = parts.worker.memory_kib()
        database.executemany(
            f"insert into webhook_deliveries values ({','.join('?' * columns)})",
            [(f"fill-{n}", f"order-{n}", template[2],
              json.dumps({"type": "order.placed", "filler": filler,
                          "data": {"order_id": f"order-{n}"}}), *template[4:])
             for n in range(50_000)])
    shop.start()
    eventually(lambda: len(shop.taken) > 1_500, 60)
    assert parts.worker.memory_kib() - before < (60 if harness.SANITIZED else 20) * 1024
    eventually(lambda: webhook(parts.worker)["pending"] > 10_000)  # counted every few seconds


def test_a_database_of_version_1_is_taken_over(selling, shop, tmp_path):
    """Made by a program of that version. Its log is another, so its positions say nothing here."""
    folder = tmp_path / "worker"
    folder.mkdir()
    with sqlite3.connect(folder / "orders.db") as database:
        database.executescript(
            (harness.pathlib.Path(__file__).parent / "orders_v1/sqlite.sql").read_text())
        database.execute("delete from log_positions")
    parts = selling(**harness.NAMED)
    with sqlite3.connect(folder / "orders.db") as database:
        assert database.execute("select version from sluice_schema").fetchall() == [(3,)]
    order = buy(parts, "cid")
    eventually(lambda: shop.facts(order) == ["order.placed"])
    assert {row[1] for row in parts.worker.rows()} == {"ann", "bob", "cid"}
    parts.worker.kill9()
    parts.worker.start().wait_ready()
    assert set(shop.orders()) == {order}


@pytest.mark.parametrize("option, value, word", [
    ("webhook_url", "ftp://shop/", "http"), ("webhook_url", "http://a:b@shop/", "password"),
    ("webhook_url", "shop", "URL"), ("webhook_url", "", "webhook_url"),
    ("webhook_secret_files", "", "1 to 4"), ("webhook_secret_files", "/nowhere", "/nowhere"),
    ("webhook_secret_files", "short", "24"), ("webhook_secret_files", "plain", "whsec_"),
    ("webhook_ca_file", "/nowhere", "/nowhere"), ("webhook_concurrency", "257", "256"),
    ("webhook_timeout", "3m", "2m"), ("webhook_retry_for", "31d", "30d")])
def test_wrong_options_say_which(tmp_path, option, value, word):
    _, path = shop_system.new_secret(tmp_path)
    for name, text in (("short", "whsec_c2hvcnQ="), ("plain", "my secret")):
        (tmp_path / name).write_text(text, encoding="ascii")
    options = {"database": f"sqlite:{tmp_path}/orders.db", "webhook_url": "http://127.0.0.1:1/",
               "webhook_secret_files": path, option: tmp_path / value if value in (
                   "short", "plain") else value}
    done = harness.run("sluice-worker", *[word for name, text in options.items()
                                          for word in ("--set", f"{name}={text}")])
    assert done.returncode != 0 and option in done.stderr and word in done.stderr, done.stderr
