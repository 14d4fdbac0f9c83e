"""Clients that are slow, idle or too many: each is ended by a named limit, and costs little."""

import contextlib
import json
import resource
import time

import pytest

import harness
from harness import eventually
from raw_http import Answer, RawHttp

LIMITS = {"header_timeout": "1s", "body_timeout": "1s", "idle_timeout": "2s"}
GET = b"GET /v1/time HTTP/1.1\r\nHost: h\r\n\r\n"
# Descriptors for the sockets of the tests themselves.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


@pytest.fixture
def shop(tmp_path, broker, daemons):
    """shop(options) starts a frontend."""

    def start(**options):
        sales = [harness.sale("demo", 5)]
        frontend = harness.Frontend(tmp_path / "frontend", broker, sales, options)
        return daemons(frontend).start().wait_ready()

    return start


def dribble(raw, piece, seconds):
    """Sends a byte now and then until the server ends it: the answer, and how long it took."""
    began = time.monotonic()
    raw.socket.settimeout(0.1)
    while time.monotonic() < began + seconds * harness.PATIENCE:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raw.socket.send(piece)
        with contextlib.suppress(TimeoutError):
            return raw.socket.recv(4096), time.monotonic() - began
    raise AssertionError(f"nothing within {seconds} s")


@pytest.mark.parametrize("begin, piece", [
    (b"GET /", b"x"), (b"GET /v1/time HTTP/1.1\r\n", b"X: y\r\n"),
    (b"POST /v1/sales/demo/orders HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n", b"x"),
    (b"POST /v1/time HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")],
    ids=["request line", "headers", "body", "chunks"])
def test_who_dribbles_is_told_408_and_ended(shop, begin, piece):
    frontend = shop(**LIMITS)
    with RawHttp(frontend.listen) as raw:
        text, seconds = dribble(raw.send(begin), piece, 10)
        assert 0.9 < seconds
        answer = Answer(text)
        assert answer.status == 408 and answer.headers["connection"] == "close"


def test_who_says_nothing_is_ended_silently(shop):
    frontend = shop(**LIMITS)
    with RawHttp(frontend.listen) as fresh, RawHttp(frontend.listen) as used:
        used.send(GET)
        began = time.monotonic()
        assert fresh.until_closed() == b""  # by header_timeout
        fresh_seconds = time.monotonic() - began
        assert Answer(used.until_closed()).rest == b""  # by idle_timeout
        assert 0.9 < fresh_seconds and 1.9 < time.monotonic() - began


def test_one_connection_too_many_is_told_503(shop):
    frontend = shop(max_connections=50)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(RawHttp(frontend.listen)) for _ in range(50)]
        for raw in held:
            assert Answer(raw.send(GET).socket.recv(4096)).status == 200
        with RawHttp(frontend.listen) as late:
            answer, = late.answers()
        assert answer.status == 503 and json.loads(answer.body)["code"] == "too-many-connections"
        assert answer.headers["retry-after"] == "1" and answer.headers["connection"] == "close"
        assert Answer(held[0].send(GET).socket.recv(4096)).status == 200
    eventually(lambda: frontend.http().get("/v1/time").status == 200, what="there is room again")


def test_slow_clients_take_nothing_from_others(shop):
    frontend = shop(header_timeout="60s")
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(RawHttp(frontend.listen)).send(b"GET /v1/time HTTP/1.1\r\nX: ")
        assert frontend.order("demo", "ann").status == 202
        assert all(frontend.http().get("/v1/time").status == 200 for _ in range(50))


def test_an_idle_connection_costs_little_memory(shop):
    """Also with large requests and answers behind it; and more than 1,024 descriptors are there."""
    frontend = shop()
    count = 2_000
    large = (b"POST /v1/time HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000)
    before = frontend.memory_kib()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(RawHttp(frontend.listen)) for _ in range(count)]
        for raw in held:
            raw.send(large + GET + b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        for raw in held:
            raw.socket.recv(1 << 16)
        grown = frontend.memory_kib() - before
        # ASan keeps what was freed.
        assert harness.SANITIZED or grown / count < 32, f"{grown / count:.1f} KiB a connection"
        assert frontend.http().get("/v1/time").status == 200


def test_the_limit_of_open_files_is_raised(tmp_path, broker, daemons):
    class Modest(harness.Frontend):
        """Started as systems start processes, with few descriptors."""

        def command(self):
            return ["prlimit", "--nofile=300:4096", *super().command()]

    frontend = Modest(tmp_path / "frontend", broker, [harness.sale("demo", 5)])
    daemons(frontend).start().wait_ready()
    assert any("limit=4096 max_connections=20000" in line for line in frontend.lines)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(RawHttp(frontend.listen)) for _ in range(1_000)]
        for raw in held:
            assert Answer(raw.send(GET).socket.recv(4096)).status == 200
