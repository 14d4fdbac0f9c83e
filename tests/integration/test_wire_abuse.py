"""Hostile bytes: an error code or a closed connection, and a broker that serves everyone else."""

import random
import struct

import pytest

import harness
from kafka_bytes import (API_VERSIONS, CORRUPT_MESSAGE, METADATA, PRODUCE, UNSUPPORTED_VERSION, Raw,
                         batch, frame, produce, produce_error, request)

ROUNDS = 60 if harness.SANITIZED else 300


@pytest.fixture
def healthy(broker):
    """After the test the same process still answers."""
    pid = broker.process.pid
    yield broker
    assert broker.alive() and broker.process.pid == pid, broker.log()
    assert broker.is_ready()
    with Raw(broker) as raw:
        reply = raw.send(request(API_VERSIONS, 0, correlation=77)).reply()
    assert struct.unpack_from(">ih", reply) == (77, 0)


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\xff\xff",
    b"\xff" * 4096, b"\0" * 4096])
def test_garbage_is_closed(healthy, garbage):
    with Raw(healthy) as raw:
        assert raw.send(garbage).is_closed()


@pytest.mark.parametrize("size", [-1, -(2**31), 2**31 - 1, 2**30])
def test_impossible_frame_size_is_closed(healthy, size):
    with Raw(healthy) as raw:
        assert raw.send(struct.pack(">i", size) + b"abc").is_closed()


def test_half_a_request_disturbs_nobody(healthy):
    whole = request(METADATA, 1, struct.pack(">i", -1))
    for end in range(1, len(whole)):
        with Raw(healthy) as raw:
            raw.send(whole[:end])
    idle = [Raw(healthy).send(whole[:end]) for end in range(1, len(whole))]
    with Raw(healthy) as raw:
        assert raw.send(whole).reply()
    for raw in idle:
        raw.socket.close()


def test_a_request_in_single_bytes_is_answered(healthy):
    with Raw(healthy) as raw:
        for byte in request(API_VERSIONS, 0, correlation=5):
            raw.send(bytes([byte]))
        assert struct.unpack_from(">i", raw.reply())[0] == 5


@pytest.mark.parametrize("key", [-1, 999, 32767])
def test_unknown_api_is_closed(healthy, key):
    with Raw(healthy) as raw:
        assert raw.send(request(key, 0)).is_closed()


def test_unknown_version_of_api_versions_names_ours(healthy):
    with Raw(healthy) as raw:
        reply = raw.send(request(API_VERSIONS, 99, b"\0", correlation=9)).reply()
    correlation, error, count = struct.unpack_from(">ihi", reply)
    assert (correlation, error) == (9, UNSUPPORTED_VERSION)
    assert count >= 1 and len(reply) == 10 + 6 * count


@pytest.mark.parametrize("key,version", [(PRODUCE, 99), (METADATA, 99), (METADATA, -1)])
def test_unknown_version_is_refused(healthy, key, version):
    with Raw(healthy) as raw:
        reply = raw.send(request(key, version, b"\0" * 40)).reply()
    assert reply is None or struct.unpack_from(">i", reply)[0] == 1


def test_wrong_checksum_is_named_and_nothing_is_stored(healthy):
    healthy.create_topic("checked")
    with Raw(healthy) as raw:
        reply = raw.send(produce("checked", batch([b"a"], crc=12345))).reply()
        assert produce_error(reply) == CORRUPT_MESSAGE
        assert produce_error(raw.send(produce("checked", batch([b"good"]))).reply()) == 0
    assert [message.value() for message in healthy.read_topic("checked")] == [b"good"]


@pytest.mark.parametrize("wrong", [
    {"count": 5}, {"count": -1}, {"count": 2**31 - 1}, {"last_offset_delta": 7},
    {"last_offset_delta": -1}, {"length": 1}, {"length": -1}, {"length": 2**31 - 1}, {"magic": 9},
    {"magic": 0}, {"records": b""}, {"records": b"\xff" * 30}, {"attributes": 7}])
def test_a_lying_batch_is_refused(healthy, wrong):
    healthy.create_topic("strict")
    with Raw(healthy) as raw:
        reply = raw.send(produce("strict", batch([b"value"], **wrong))).reply()
        assert reply is None or produce_error(reply) != 0, "a batch that lies was stored"
    with Raw(healthy) as raw:
        assert produce_error(raw.send(produce("strict", batch([b"good"]))).reply()) == 0
    assert [message.value() for message in healthy.read_topic("strict")] == [b"good"]


def test_an_oversized_batch_is_refused(healthy):
    healthy.create_topic("small")
    with Raw(healthy) as raw:
        reply = raw.send(produce("small", batch([b"x" * 3_000_000]))).reply()
        assert reply is None or produce_error(reply) == 10
    assert healthy.read_topic("small") == []


def test_counts_beyond_the_frame(healthy):
    """An array of two thousand million elements in a frame of some bytes."""
    for key, version in ((PRODUCE, 3), (METADATA, 1), (1, 4), (2, 1), (8, 2), (9, 1), (11, 0)):
        for count in (2**31 - 1, -2, 65536):
            with Raw(healthy) as raw:
                raw.send(request(key, version, struct.pack(">i", count) * 8)).reply()


def test_random_bodies(healthy):
    source = random.Random(20240601)
    for _ in range(ROUNDS):
        key, version = source.randrange(0, 62), source.randrange(0, 14)
        body = source.randbytes(source.randrange(0, 200))
        with Raw(healthy) as raw:
            raw.socket.settimeout(0.2 * harness.PATIENCE)
            raw.send(request(key, version, body))
            try:
                raw.reply()
            except TimeoutError:
                pass  # a valid long poll, by chance


def test_mutated_requests(healthy):
    """Requests that were right, with one byte changed."""
    source = random.Random(7)
    healthy.create_topic("mutated")
    whole = produce("mutated", batch([b"one", b"two", b"three"]))
    for _ in range(ROUNDS):
        changed = bytearray(whole)
        changed[source.randrange(4, len(changed))] ^= 1 << source.randrange(8)
        with Raw(healthy) as raw:
            raw.socket.settimeout(0.2 * harness.PATIENCE)
            try:
                raw.send(bytes(changed)).reply()
            except TimeoutError:
                pass  # acks=0 by chance: no reply
    for message in healthy.read_topic("mutated"):
        assert message.value() in (b"one", b"two", b"three")


def test_pipelined_requests_are_answered_in_order(healthy):
    with Raw(healthy) as raw:
        count = 500
        raw.send(b"".join(request(API_VERSIONS, 0, correlation=n) for n in range(count)))
        got = [struct.unpack_from(">i", raw.reply())[0] for _ in range(count)]
    assert got == list(range(count))


def test_a_peer_that_never_reads_is_bounded(healthy):
    """Back-pressure: the broker stops reading from a peer that does not take its replies."""
    healthy.create_topic("full", 50)
    before = healthy.memory_kib()
    with Raw(healthy) as raw:
        raw.socket.settimeout(2 * harness.PATIENCE)
        ask = request(METADATA, 1, struct.pack(">i", -1)) * 2000
        sent = 0
        try:
            while sent < 200:
                raw.socket.sendall(ask)
                sent += 1
        except TimeoutError:
            pass
        assert sent < 200, "everything was read from a peer that reads nothing"
        with Raw(healthy) as other:
            assert other.send(request(API_VERSIONS, 0)).reply()
        assert healthy.memory_kib() - before < (200 if harness.SANITIZED else 64) * 1024


def test_many_connections_come_and_go(healthy):
    for _ in range(5):
        crowd = [Raw(healthy) for _ in range(200)]
        for raw in crowd[::2]:
            raw.send(request(API_VERSIONS, 0))
        for raw in crowd:
            raw.socket.close()
    with Raw(healthy) as raw:
        assert raw.send(frame(struct.pack(">hhih", API_VERSIONS, 0, 3, -1))).reply()
