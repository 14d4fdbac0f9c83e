"""What idle connections and slow senders take from others: latency of answers, and memory."""

import contextlib
import resource
import socket
import statistics
import threading
import time

import harness
import measuring

IDLE = 10_000
SLOW = 2_000
REQUEST = b"GET /v1/time HTTP/1.1\r\nHost: h\r\n\r\n"


class Dribbler(threading.Thread):
    """Slow loris: headers that never end, a byte of each connection in turn, all the time."""

    def __init__(self, address, count):
        super().__init__(daemon=True)
        self.address, self.count = address, count
        self.ended, self.closed, self.filled = threading.Event(), 0, threading.Event()
        self.start()

    def open(self):
        held = harness.connect(self.address)
        held.sendall(b"GET /v1/time HTTP/1.1\r\nX: ")
        held.setblocking(False)
        return held

    def run(self):
        held = [self.open() for _ in range(self.count)]
        self.filled.set()
        while not self.ended.wait(1):
            for number, one in enumerate(held):
                with contextlib.suppress(BlockingIOError):
                    one.send(b"x")
                    assert one.recv(4096).startswith(b"HTTP/1.1 408 ")
                    one.close()  # and back at once, as an attacker would be
                    self.closed += 1
                    held[number] = self.open()
        for one in held:
            one.close()

    def stop(self):
        self.ended.set()
        self.join()


def latencies(address, seconds):
    """Milliseconds of one request after another on 16 connections, sorted."""
    found, end = [], time.monotonic() + seconds
    connections = [harness.connect(address) for _ in range(16)]
    for one in connections:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while time.monotonic() < end:
        for one in connections:
            began = time.perf_counter()
            one.sendall(REQUEST)
            assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
            found.append((time.perf_counter() - began) * 1e3)
    for one in connections:
        one.close()
    return sorted(found)


def report(name, frontend):
    found = latencies(frontend.listen, measuring.seconds(5))
    at = lambda part: f"{found[int((len(found) - 1) * part)]:.3f}"  # noqa: E731
    measuring.row(name, f"{len(found):,}", f"{statistics.median(found):.3f}", at(0.99), at(0.999),
                  measuring.mib(frontend.memory_kib()))


def run(folder):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    broker = measuring.Broker(folder / "broker").start().wait_ready()
    frontend = harness.Frontend(folder / "frontend", broker, [harness.sale("demo", 1)],
                                {"header_timeout": "2s"})  # so that it is met within a round
    frontend.start().wait_ready()
    measuring.head("beside", "requests", "p50 ms", "p99", "p99.9", "resident")
    report("nobody", frontend)
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            one = stack.enter_context(harness.connect(frontend.listen))
            one.sendall(REQUEST)
            assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
        report(f"{IDLE:,} idle connections", frontend)
    report("nobody, afterwards", frontend)
    attack = Dribbler(frontend.listen, SLOW)
    attack.filled.wait()
    report(f"{SLOW:,} slow senders", frontend)
    attack.stop()
    print(f"\n{attack.closed:,} of the slow senders' connections were ended meanwhile")
    for daemon in (frontend, broker):
        daemon.finish()
