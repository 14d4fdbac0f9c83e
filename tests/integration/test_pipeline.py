"""One order from HTTP through the broker into the database, and every other answer."""

import http.client
import pathlib
import re
import shlex
import socket
import subprocess

import pytest

import harness
from harness import eventually, sale
from kafka_bytes import delete_records


def problem(reply, status, code=None):
    """The reply is an RFC 9457 problem with this status (and code)."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"].startswith("application/problem+json"), reply.headers
    body = reply.json
    assert body["status"] == status and body["title"] and body["type"] and body["code"], body
    if code:
        assert body["code"] == code, body
    return body


def available(frontend, name):
    return frontend.http().get(f"/v1/sales/{name}").json["available"]


def test_one_order_goes_the_whole_way(pipeline):
    parts = pipeline([sale("demo", 10)])
    reply = parts.frontend.order("demo", "alice")
    assert reply.status == 202
    order = reply.json["order_id"]
    assert reply.headers["Location"] == f"/v1/orders/{order}"
    assert reply.json["state"] == "queued" and reply.headers["Retry-After"]
    eventually(lambda: parts.frontend.state(order) == "placed", what="the order is placed")
    assert parts.worker.rows() == [(order, "alice", "placed")]
    ledger = parts.ledger()
    assert set(ledger.orders) == {order} and ledger.orders[order]["state"] == "placed"
    assert ledger.available == {"demo": 9} and available(parts.frontend, "demo") == 9
    shown = harness.run("sluicectl", "--bootstrap-servers", parts.broker.listen, "-o", "json",
                        "order", "show", order)
    assert shown.returncode == 0 and order in shown.stdout, shown


def test_the_order_that_the_readme_places(pipeline):
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    command = re.search(r"^curl -i localhost:8080/v1/sales/demo/orders .*$", readme, re.M)[0]
    parts = pipeline([sale("demo", 10)])
    command = shlex.split(command.replace("localhost:8080", parts.frontend.listen))
    answer = subprocess.run([*command, "-s", "-m", "20"], capture_output=True, text=True,
                            check=True)
    assert answer.stdout.startswith("HTTP/1.1 202 "), answer.stdout


def test_a_placed_order_outlives_every_process(pipeline):
    parts = pipeline([sale("demo", 5)])
    order = parts.frontend.order("demo", "alice").json["order_id"]
    eventually(lambda: parts.frontend.state(order) == "placed")
    for daemon in (parts.frontend, parts.worker, parts.broker):
        daemon.sigterm()
    for daemon in (parts.broker, parts.worker, parts.frontend):
        daemon.start()
    parts.frontend.wait_ready()
    eventually(lambda: parts.frontend.state(order) == "placed")
    assert available(parts.frontend, "demo") == 4
    assert parts.worker.rows() == [(order, "alice", "placed")]


def test_a_topic_that_drops_records_is_warned_of(broker, tmp_path, daemons):
    """As an operator may have made it, with the defaults of a Kafka cluster."""
    broker.create_topic(harness.ORDERS_TOPIC, 4, {"retention.ms": "604800000"})
    frontend = daemons(harness.Frontend(tmp_path / "frontend", broker, [sale("demo", 1)])).start()
    frontend.wait_for_line(r"may drop records.*: retention.ms=604800000")
    frontend.wait_ready()


@pytest.mark.parametrize("snapshots", [True, False], ids=["with snapshots", "without"])
def test_nothing_is_sold_from_a_log_that_lost_its_head(pipeline, snapshots):
    options = {"partitions": 1, "snapshot_records": 1, **({} if snapshots else {"data_dir": ""})}
    parts = pipeline([sale("demo", 5)], frontend_options=options)
    frontend = parts.frontend
    order = frontend.order("demo", "alice").json["order_id"]
    eventually(lambda: frontend.state(order) == "placed")
    frontend.kill9()
    delete_records(parts.broker, harness.ORDERS_TOPIC, 0, 2)  # the epoch and the sale
    frontend.start()
    assert frontend.process.wait(60) == 1
    frontend.expected_dead = True
    assert "begins at offset 2 instead of 0" in frontend.log(), frontend.log()


def test_a_lost_database_is_rebuilt_from_the_log(pipeline):
    parts = pipeline([sale("demo", 5)], worker_options=harness.NAMED)
    order = parts.frontend.order("demo", "alice").json["order_id"]
    eventually(lambda: parts.worker.rows() == [(order, "alice", "placed")])
    parts.worker.kill9()
    for leftover in parts.worker.folder.glob("orders.db*"):
        leftover.unlink()
    parts.worker.start()
    eventually(lambda: parts.worker.rows() == [(order, "alice", "placed")], 60)


def test_replay_by_key_and_by_user(pipeline):
    parts = pipeline([sale("demo", 10, per_user_limit=3)])
    first = parts.frontend.order("demo", "alice", key="k-1")
    again = parts.frontend.order("demo", "alice", key="k-1")
    assert first.status == again.status == 202
    assert first.json["order_id"] == again.json["order_id"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert parts.frontend.order("demo", "alice", key="k-2").json["order_id"] != \
        first.json["order_id"]
    assert parts.frontend.order("demo", "bob", key="k-1").json["order_id"] != first.json["order_id"]
    problem(parts.frontend.order("demo", "alice", key="k-1", quantity=2), 422)
    assert available(parts.frontend, "demo") == 7


def test_replay_after_a_crash_finds_the_order(pipeline):
    parts = pipeline([sale("demo", 10)])
    first = parts.frontend.order("demo", "alice", key="k")
    parts.frontend.kill9()
    parts.frontend.start().wait_ready()
    again = parts.frontend.order("demo", "alice", key="k")
    assert again.status == 202 and again.json["order_id"] == first.json["order_id"]
    assert available(parts.frontend, "demo") == 9


def test_limit_and_sold_out(pipeline):
    parts = pipeline([sale("demo", 3, per_user_limit=2)])
    assert parts.frontend.order("demo", "alice", key="1").status == 202
    assert parts.frontend.order("demo", "alice", key="2").status == 202
    limit = problem(parts.frontend.order("demo", "alice", key="3"), 409)
    assert parts.frontend.order("demo", "bob", key="1").status == 202
    sold_out = problem(parts.frontend.order("demo", "carol", key="1"), 409)
    assert limit["type"] != sold_out["type"] and limit["code"] != sold_out["code"]
    eventually(lambda: len(parts.worker.rows(where="state = 'placed'")) == 3)
    assert parts.ledger().available == {"demo": 0}


def test_sales_that_are_not_open(pipeline):
    parts = pipeline([sale("later", 1, starts_at="2099-01-01T00:00:00Z"),
                      sale("over", 1, ends_at="2001-01-01T00:00:00Z"), sale("demo", 1)])
    later = problem(parts.frontend.order("later", "alice"), 409)
    assert "start" in later["code"]
    problem(parts.frontend.order("over", "alice"), 410)
    problem(parts.frontend.order("none", "alice"), 404)
    problem(parts.frontend.http().get("/v1/orders/aaaaaaaaaaaaaaaaaaaaaaaaaa"), 404)
    problem(parts.frontend.http().get("/v1/sales/none"), 404)
    problem(parts.frontend.http().get("/nothing/here"), 404)


BAD_BODIES = [b"{", b" ", b"[]", b"null", b'{"quantity":"one"}', b'{"quantity":0}',
              b'{"quantity":-1}', b'{"quantity":1.5}', b'{"quantity":99999999999999999999}',
              b"\xff\xfe", b"[" * 5000, b'{"quantity":1}x']


def test_bad_requests(pipeline):
    parts = pipeline([sale("demo", 5)])
    connection = parts.frontend.http()
    path = "/v1/sales/demo/orders"
    for body in BAD_BODIES:
        reply = connection.request("POST", path, body, {"X-User-Id": "alice"})
        assert reply.status in (400, 409, 422), (body, reply)
        problem(reply, reply.status)
    nobody = connection.request("POST", path, {"quantity": 1})
    assert nobody.status in (400, 401), nobody
    problem(nobody, nobody.status)
    for user in ("x" * 1000, ""):
        reply = connection.request("POST", path, {"quantity": 1}, {"X-User-Id": user})
        assert 400 <= reply.status < 500, (user[:5], reply)
    for method in ("DELETE", "PUT", "PATCH"):
        reply = connection.request(method, path)
        problem(reply, 405)
        assert "POST" in reply.headers["Allow"]
    assert available(parts.frontend, "demo") == 5, "a refused request took a unit"
    assert parts.frontend.order("demo", "alice", connection=connection).status == 202


def raw_http(frontend, data):
    """Status line of what the frontend answers to these bytes; b'' when it only closes."""
    with harness.connect(frontend.listen) as connection:
        try:
            connection.sendall(data)
            return connection.makefile("rb").readline()
        except ConnectionError:
            return b""


def test_hostile_http(pipeline):
    parts = pipeline([sale("demo", 5)])
    post = b"POST /v1/sales/demo/orders HTTP/1.1\r\nHost: x\r\nX-User-Id: eve\r\n"
    cases = ((b"\x16\x03\x01\0\xa5\x01\0\0", (b"400", b"")),
             (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", (b"414", b"431", b"400", b"")),
             (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", (b"431", b"400", b"")),
             (post + b"Content-Length: 100000000\r\n\r\n", (b"413", b"")),
             (post + b"Content-Length: -1\r\n\r\n", (b"400", b"")),
             (post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", (b"400", b"")),
             (post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (b"400", b"")))
    for data, allowed in cases:
        line = raw_http(parts.frontend, data)
        status = line.split()[1] if line else b""
        assert status in allowed, (data[:60], line)
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n" \
        b"5\r\n{\"qua\r\n9\r\nntity\":1}\r\n0\r\n\r\n"
    assert raw_http(parts.frontend, chunked).split()[1] == b"202"
    half = harness.connect(parts.frontend.listen)
    half.sendall(post[:30])
    assert parts.frontend.order("demo", "frank").status == 202
    half.close()


def test_pipelined_requests_are_answered_in_order(pipeline):
    parts = pipeline([sale("demo", 5)])
    one = b"GET /v1/sales/demo HTTP/1.1\r\nHost: x\r\n\r\n"
    other = b"GET /v1/sales/none HTTP/1.1\r\nHost: x\r\n\r\n"
    with harness.connect(parts.frontend.listen) as connection:
        connection.sendall((one + other) * 20)
        answers = connection.makefile("rb")
        got = []
        for _ in range(40):
            got.append(int(answers.readline().split()[1]))
            headers = http.client.parse_headers(answers)
            answers.read(int(headers["Content-Length"]))
    assert got == [200, 404] * 20


def test_an_order_without_a_body_is_one_unit(pipeline):
    parts = pipeline([sale("demo", 5)])
    reply = parts.frontend.http().request("POST", "/v1/sales/demo/orders", b"",
                                          {"X-User-Id": "alice"})
    assert reply.status == 202 and reply.json["quantity"] == 1
    assert available(parts.frontend, "demo") == 4


def test_reading_endpoints(pipeline):
    parts = pipeline([sale("demo", 5), sale("other", 2)])
    web = parts.frontend.http()
    listed = web.get("/v1/sales")
    assert listed.status == 200 and b"demo" in listed.body and b"other" in listed.body
    one = web.get("/v1/sales/demo")
    assert one.status == 200 and one.json["available"] == 5
    assert web.get("/v1/time").status == 200
    order = parts.frontend.order("demo", "alice").json["order_id"]
    eventually(lambda: parts.frontend.state(order) == "placed")
    shown = web.get(f"/v1/orders/{order}")
    tag = shown.headers["ETag"]
    assert tag and web.get(f"/v1/orders/{order}", **{"If-None-Match": tag}).status == 304
    assert web.get("/v1/orders/%00..%2f").status in (400, 404)
    for daemon in (parts.broker, parts.frontend, parts.worker):
        metrics = harness.Http(daemon.admin).get("/metrics")
        assert metrics.status == 200 and b"# TYPE" in metrics.body


@pytest.mark.chaos
def test_a_broker_that_is_down_reserves_nothing(pipeline):
    parts = pipeline([sale("demo", 10)])
    assert parts.frontend.order("demo", "alice").status == 202
    parts.broker.kill9()
    # Requests in the moment of the crash may be pending; from then on it is a plain 503.
    pending = []

    def refused():
        reply = parts.frontend.order("demo", f"user-{len(pending)}")
        pending.append(reply.status == 202)
        return reply.status == 503 and problem(reply, 503)

    eventually(refused, 60, "503 while the broker is down")
    assert parts.frontend.order("demo", "zoe").headers["Retry-After"]
    parts.broker.start().wait_ready()
    eventually(lambda: parts.frontend.order("demo", "zoe").status == 202, 60,
               "the same user gets through when the broker is back")
    eventually(lambda: parts.ledger().available["demo"] == available(parts.frontend, "demo"), 60,
               "the frontend's stock is the log's")
    assert parts.ledger().available["demo"] >= 8 - sum(pending)
    users = [order["user"] for order in parts.ledger().orders.values()]
    eventually(lambda: len(parts.worker.rows()) == len(users), 60, "every reserve has its row")
    assert len(users) == len(set(users))


def test_stop_finishes_what_is_in_flight(pipeline):
    parts = pipeline([sale("demo", 50)])
    sockets = []
    for n in range(50):
        connection = harness.connect(parts.frontend.listen)
        body = b'{"quantity":1}'
        connection.sendall(b"POST /v1/sales/demo/orders HTTP/1.1\r\nHost: x\r\nX-User-Id: u%d\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (n, len(body), body))
        sockets.append(connection)
    assert parts.frontend.sigterm() < harness.STOP_SECONDS * harness.PATIENCE
    answers = []
    for connection in sockets:
        try:
            answers.append(connection.makefile("rb").readline())
        except (ConnectionError, socket.timeout):
            answers.append(b"")
        connection.close()
    accepted = sum(b" 202 " in line for line in answers)
    eventually(lambda: len(parts.worker.rows()) >= accepted, what="every 202 has its row")
