"""HTTP/1.1 that proxies and attackers cannot confuse (RFC 9110, 9112): a real frontend, raw bytes.

What could be read in two ways is refused and ends the connection: whatever stands behind it in the
stream is never answered as a request. What is well-formed is answered, and the connection goes on.
"""

import random

import pytest

import harness
from raw_http import CLOSE, RawHttp, talk

SMUGGLED = b"GET /v1/time?smuggled HTTP/1.1\r\nHost: h\r\n\r\n" + CLOSE


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One frontend for all; at the end it must be the same process and stop cleanly."""
    folder = tmp_path_factory.mktemp("conformance")
    broker = harness.Broker(folder / "broker").start().wait_ready()
    frontend = harness.Frontend(folder / "frontend", broker, [harness.sale("demo", 1000)],
                                {"header_timeout": "2s", "body_timeout": "2s"})
    frontend.start().wait_ready()
    yield frontend
    frontend.finish()
    broker.finish()


def get(headers=b"Host: h\r\n", target=b"/v1/time", version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def post(headers, body=b"", target=b"/v1/time"):
    """To a resource without POST: 405 says that it was read as one request, with its body."""
    return get(b"Host: h\r\n" + headers, target, method=b"POST") + body


def chunked(chunks, trailer=b"\r\n"):
    return post(b"Transfer-Encoding: chunked\r\n", chunks + trailer)


LENGTH = b"Content-Length: "
ENCODING = b"Transfer-Encoding: "
# what: (bytes, the statuses that are right). All of it is malformed, or more than is allowed.
REFUSED = {
    # Which bytes are the body? (RFC 9112 section 6.3)
    "length and chunked": (post(LENGTH + b"5\r\n" + ENCODING + b"chunked\r\n", b"0\r\n\r\n"), 400),
    "chunked and length": (post(ENCODING + b"chunked\r\n" + LENGTH + b"5\r\n", b"0\r\n\r\n"), 400),
    "length and chunked in capitals": (
        post(LENGTH + b"5\r\nTRANSFER-ENCODING: CHUNKED\r\n", b"0\r\n\r\n"), 400),
    "two lengths": (post(LENGTH + b"3\r\n" + LENGTH + b"44\r\n", b"abc"), 400),
    "two equal lengths": (post(LENGTH + b"3\r\n" + LENGTH + b"3\r\n", b"abc"), 400),
    "a list of lengths": (post(LENGTH + b"3, 44\r\n", b"abc"), 400),
    "a list of equal lengths": (post(LENGTH + b"3,3\r\n", b"abc"), 400),
    "a negative length": (post(LENGTH + b"-1\r\n"), 400),
    "a signed length": (post(LENGTH + b"+3\r\n", b"abc"), 400),
    "a hexadecimal length": (post(LENGTH + b"0x3\r\n", b"abc"), 400),
    "a fractional length": (post(LENGTH + b"3.0\r\n", b"abc"), 400),
    "an exponent in a length": (post(LENGTH + b"3e0\r\n", b"abc"), 400),
    "a length with a separator": (post(LENGTH + b"1_0\r\n", b"a" * 10), 400),
    "a length with a space": (post(LENGTH + b"1 0\r\n", b"a" * 10), 400),
    "a length with a letter behind": (post(LENGTH + b"3a\r\n", b"abc"), 400),
    "an empty length": (post(b"Content-Length:\r\n", b"abc"), 400),
    "a length in other digits": (post(LENGTH + "３\r\n".encode(), b"abc"), 400),
    "a length of 2^64": (post(LENGTH + b"18446744073709551616\r\n"), (400, 413)),
    "a length of 2^64 and 3": (post(LENGTH + b"18446744073709551619\r\n", b"abc"), (400, 413)),
    "a length of 2^63": (post(LENGTH + b"9223372036854775808\r\n"), (400, 413)),
    "two encodings": (post(ENCODING + b"chunked\r\n" + ENCODING + b"identity\r\n", b"0\r\n\r\n"),
                      (400, 501)),
    "chunked twice in two lines": (
        post(ENCODING + b"chunked\r\n" + ENCODING + b"chunked\r\n", b"0\r\n\r\n"), (400, 501)),
    "chunked twice in one line": (post(ENCODING + b"chunked, chunked\r\n", b"0\r\n\r\n"), 400),
    "chunked is not the last": (post(ENCODING + b"chunked, gzip\r\n", b"0\r\n\r\n"), 400),
    "an encoding of ours to come": (post(ENCODING + b"gzip, chunked\r\n", b"0\r\n\r\n"), 501),
    "an unknown encoding": (post(ENCODING + b"xchunked\r\n", b"0\r\n\r\n"), (400, 501)),
    "identity": (post(ENCODING + b"identity\r\n"), (400, 501)),
    "an empty encoding": (post(b"Transfer-Encoding:\r\n", b"0\r\n\r\n"), (400, 501)),
    "chunked in quotes": (post(ENCODING + b'"chunked"\r\n', b"0\r\n\r\n"), (400, 501)),
    "chunked with a parameter": (post(ENCODING + b"chunked;q=1\r\n", b"0\r\n\r\n"), (400, 501)),
    "chunked behind a vertical tab": (post(ENCODING + b"\x0bchunked\r\n", b"0\r\n\r\n"), 400),
    "chunked behind a NUL": (post(ENCODING + b"\0chunked\r\n", b"0\r\n\r\n"), 400),
    "chunked in HTTP/1.0": (
        get(ENCODING + b"chunked\r\n", version=b"HTTP/1.0", method=b"POST") + b"0\r\n\r\n", 400),
    # Names and lines (sections 2.2, 5)
    "a space before the colon of a length": (post(b"Content-Length : 3\r\n", b"abc"), 400),
    "a tab before the colon of an encoding": (
        post(b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"), 400),
    "a space before the colon of the host": (get(b"Host : h\r\n"), 400),
    "a space before a name": (get(b"Host: h\r\n Content-Length: 3\r\n"), 400),
    "a space before the first name": (get(b" Host: h\r\n"), 400),
    "a folded line": (get(b"Host: h\r\nX: a\r\n b\r\n"), 400),
    "a folded encoding": (post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), 400),
    "a folded length": (post(b"Content-Length:\r\n\t3\r\n", b"abc"), 400),
    "a fold of nothing": (get(b"Host: h\r\nX: a\r\n \r\n"), 400),
    "bare line feeds": (b"GET /v1/time HTTP/1.1\nHost: h\n\n", 400),
    "a bare line feed behind the request line": (b"GET /v1/time HTTP/1.1\nHost: h\r\n\r\n", 400),
    "a bare line feed behind a header": (get(b"Host: h\nX: y\r\n"), 400),
    "a bare line feed at the end": (b"GET /v1/time HTTP/1.1\r\nHost: h\r\n\n", 400),
    "a bare line feed hides a length": (post(b"X: y\nContent-Length: 3\r\n", b"abc"), 400),
    "a bare line feed before the request": (b"\n" + get(), 400),
    "a bare carriage return in a value": (get(b"Host: h\r\nX: a\rb\r\n"), 400),
    "a bare carriage return hides a length": (post(b"X: y\rContent-Length: 3\r\n", b"abc"), 400),
    "a bare carriage return in a name": (get(b"Host: h\r\nX\rY: b\r\n"), 400),
    "a bare carriage return at the end": (b"GET /v1/time HTTP/1.1\r\nHost: h\r\n\r\r\n", 400),
    "two carriage returns": (get(b"Host: h\r\r\n"), 400),
    "a header without a colon": (get(b"Host: h\r\nX\r\n"), 400),
    "a header without a name": (get(b"Host: h\r\n: y\r\n"), 400),
    "a name with a space": (get(b"Host: h\r\nX Y: z\r\n"), 400),
    "a name with brackets": (get(b"Host: h\r\nX[]: z\r\n"), 400),
    "a name with a high byte": (get(b"Host: h\r\nX\xe9: z\r\n"), 400),
    "a name with a NUL": (get(b"Host: h\r\nX\0: z\r\n"), 400),
    "a value with a NUL": (get(b"Host: h\r\nX: a\0b\r\n"), 400),
    "a value with a DEL": (get(b"Host: h\r\nX: a\x7fb\r\n"), 400),
    **{f"a value with the control {byte:#04x}": (
        get(b"Host: h\r\nX: a" + bytes([byte]) + b"\r\n"), 400)
       for byte in (0x01, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f)},
    # Chunks (section 7.1)
    "a chunk without a size": (chunked(b"\r\nabc\r\n0\r\n"), 400),
    "a chunk size that is no number": (chunked(b"x\r\nabc\r\n0\r\n"), 400),
    "a chunk size with a prefix": (chunked(b"0x3\r\nabc\r\n0\r\n"), 400),
    "a negative chunk size": (chunked(b"-3\r\nabc\r\n0\r\n"), 400),
    "a signed chunk size": (chunked(b"+3\r\nabc\r\n0\r\n"), 400),
    "a space before a chunk size": (chunked(b" 3\r\nabc\r\n0\r\n"), 400),
    "a chunk size of 2^64": (chunked(b"10000000000000000\r\nabc\r\n0\r\n"), (400, 413)),
    "a chunk size of 2^64 and 3": (chunked(b"10000000000000003\r\nabc\r\n0\r\n"), (400, 413)),
    "a chunk size of 2^64 - 1": (chunked(b"ffffffffffffffff\r\nabc\r\n0\r\n"), 413),
    "a chunk size of 2^31": (chunked(b"80000000\r\nabc\r\n0\r\n"), 413),
    "a chunk longer than it says": (chunked(b"3\r\nabcd\r\n0\r\n"), 400),
    "a chunk shorter than it says": (chunked(b"5\r\nabc\r\n0\r\n"), 400),
    "a bare line feed behind a chunk size": (chunked(b"3\nabc\r\n0\r\n"), 400),
    "a bare line feed behind a chunk": (chunked(b"3\r\nabc\n0\r\n"), 400),
    "a bare carriage return behind a chunk size": (chunked(b"3\rabc\r\n0\r\n"), 400),
    "a bare line feed in a chunk extension": (chunked(b"3;a\nb\r\nabc\r\n0\r\n"), 400),
    "a bare carriage return in a chunk extension": (chunked(b"3;a\rb\r\nabc\r\n0\r\n"), 400),
    "a NUL in a chunk extension": (chunked(b"3;a=\0\r\nabc\r\n0\r\n"), 400),
    "a bare line feed behind the last chunk": (chunked(b"3\r\nabc\r\n0\n"), 400),
    "a bare line feed at the end of the chunks": (chunked(b"3\r\nabc\r\n0\r\n", b"\n"), 400),
    # Valid, and sent by nobody: llhttp takes quotes in the first extension only.
    "a second chunk extension in quotes": (chunked(b'3;a=b;c="d"\r\nabc\r\n0\r\n'), 400),
    "an endless chunk extension": (chunked(b"3;" + b"x" * 600_000), 413),
    # Trailers (section 7.1.2)
    "a trailer with a bare line feed": (chunked(b"0\r\n", b"X: a\n\r\n"), 400),
    "a trailer that ends with a bare line feed": (chunked(b"0\r\n", b"X: a\r\n\n"), 400),
    "a trailer with a bare carriage return": (chunked(b"0\r\n", b"X: a\rb\r\n\r\n"), 400),
    "a folded trailer": (chunked(b"0\r\n", b"X: a\r\n b\r\n\r\n"), 400),
    "a trailer with a NUL": (chunked(b"0\r\n", b"X: a\0\r\n\r\n"), 400),
    "a trailer without a colon": (chunked(b"0\r\n", b"X\r\n\r\n"), 400),
    "a trailer with a space before the colon": (chunked(b"0\r\n", b"X : a\r\n\r\n"), 400),
    "a trailer without a name": (chunked(b"0\r\n", b": a\r\n\r\n"), 400),
    "a trailer that is an encoding": (
        chunked(b"0\r\n", b"Transfer-Encoding: identity\r\n\r\n"), 400),
    "trailers without an end": (chunked(b"0\r\n", b"X: y\r\n" * 100_000), (413, 431)),
    # The host (section 3.2)
    "no host": (get(b""), 400),
    "two hosts": (get(b"Host: h\r\nHost: h\r\n"), 400),
    "two different hosts": (get(b"Host: h\r\nhost: other\r\n"), 400),
    "a host with a path": (get(b"Host: h/x\r\n"), 400),
    "a host with a user": (get(b"Host: user@h\r\n"), 400),
    "a host with a space": (get(b"Host: h x\r\n"), 400),
    "a host with quotes": (get(b'Host: "h"\r\n'), 400),
    "a host with two ports": (get(b"Host: h:80:90\r\n"), 400),
    "a host with a port of letters": (get(b"Host: h:http\r\n"), 400),
    "a host with half a bracket": (get(b"Host: [::1\r\n"), 400),
    "a host with a high byte": (get(b"Host: h\xff\r\n"), 400),
    # The request line (section 3)
    "HTTP/0.9": (b"GET /v1/time\r\n", 400),
    "HTTP/0.9 in name": (get(version=b"HTTP/0.9"), (400, 505)),
    "HTTP/1.2": (get(version=b"HTTP/1.2"), (400, 505)),
    "HTTP/2.0": (get(version=b"HTTP/2.0"), 505),
    "HTTP/2's own preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    "HTTP/1.10": (get(version=b"HTTP/1.10"), 400),
    "HTTP/01.1": (get(version=b"HTTP/01.1"), 400),
    "HTTP/1,1": (get(version=b"HTTP/1,1"), 400),
    "HTTP/1": (get(version=b"HTTP/1"), 400),
    "http/1.1": (get(version=b"http/1.1"), 400),
    "RTSP/1.0": (get(version=b"RTSP/1.0"), 400),
    "ICE/1.0": (get(version=b"ICE/1.0", method=b"SOURCE"), 400),
    "a space behind the version": (get(version=b"HTTP/1.1 "), 400),
    "something behind the version": (get(version=b"HTTP/1.1 x"), 400),
    "two spaces behind the method": (get(target=b" /v1/time"), 400),
    "two spaces behind the target": (get(version=b" HTTP/1.1"), 400),
    "a tab behind the method": (b"GET\t/v1/time HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a tab behind the target": (b"GET /v1/time\tHTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a space before the method": (b" " + get(), 400),
    "a method in lower case": (get(method=b"get"), (400, 501)),
    "a method of no standard": (get(method=b"FROB"), (400, 501)),
    "no method": (b"/v1/time HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "TLS to the plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a tunnel": (get(target=b"h:443", method=b"CONNECT"), (400, 405, 501)),
    "a tunnel to a path": (get(method=b"CONNECT"), (400, 405, 501)),
    "a tunnel with a body": (
        get(b"Host: h\r\n" + LENGTH + b"3\r\n", b"h:443", method=b"CONNECT") + b"abc",
        (400, 405, 501)),
    "a target that is a host": (get(target=b"h:80"), 400),
    "an asterisk for GET": (get(target=b"*"), 400),
    "a target without a slash": (get(target=b"v1/time"), 400),
    "a target that is a query": (get(target=b"?v1/time"), 400),
    "a target with a fragment": (get(target=b"/v1/time#x"), 400),
    "a target with a NUL": (get(target=b"/v1/ti\0me"), 400),
    "a target with a control": (get(target=b"/v1/\x01time"), 400),
    "a target with a DEL": (get(target=b"/v1/\x7ftime"), 400),
    "a target with a high byte": (get(target=b"/v1/\xc3\xa9"), 400),
    "a target with a space": (get(target=b"/v1/ time"), 400),
    "a target with a broken escape": (get(target=b"/v1/time%zz"), 400),
    "a target that ends in an escape": (get(target=b"/v1/time%2"), 400),
    "an absolute target without a host": (get(target=b"http:///v1/time"), 400),
    "an absolute target with a user": (get(target=b"http://user@h/v1/time"), 400),
    "an absolute target of another scheme": (get(target=b"ftp://h/v1/time"), 400),
    # Limits
    "a long target": (get(target=b"/" + b"a" * 8192), 414),
    "an endless target": (b"GET /" + b"a" * 100_000, 414),
    "many headers": (get(b"Host: h\r\n" + b"X: y\r\n" * 65), 431),
    "a large header": (get(b"Host: h\r\nX: " + b"y" * 17_000 + b"\r\n"), 431),
    "an endless header name": (b"GET / HTTP/1.1\r\n" + b"x" * 100_000, 431),
    "endless empty lines": (b"\r\n" * 50_000, (400, 431)),
    "a large body": (post(LENGTH + b"65537\r\n", b"a" * 65_537), 413),
    "a large body in chunks": (chunked(b"fff\r\n" + b"a" * 4095 + b"\r\n" + b"10000\r\n"), 413),
    "a body in the smallest chunks": (chunked(b"1\r\na\r\n" * 70_000 + b"0\r\n"), 413),
    "a large body that waits for its 100": (
        post(b"Expect: 100-continue\r\n" + LENGTH + b"65537\r\n"), 413),
    "another expectation": (post(b"Expect: 200-ok\r\n" + LENGTH + b"3\r\n", b"abc"), 417),
}


def check_refusal(answers, right):
    assert len(answers) == 1, f"bytes behind a refused request were answered: {answers}"
    answer = answers[0]
    assert answer.status in (right if isinstance(right, tuple) else (right,)), answer
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/problem+json"
    assert f'"status":{answer.status},"code":'.encode() in answer.body


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_http_or_can_be_read_in_two_ways_ends_the_connection(shop, what):
    data, right = REFUSED[what]
    check_refusal(talk(shop.listen, data + SMUGGLED), right)


@pytest.mark.parametrize("what", [what for what, (data, _) in REFUSED.items() if len(data) < 300])
def test_in_single_bytes_it_is_refused_as_well(shop, what):
    data, right = REFUSED[what]
    check_refusal(talk(shop.listen, data + SMUGGLED, piece=1), right)


# what: (bytes, status). Well-formed: the connection goes on behind it.
ANSWERED = {
    "a plain GET": (get(), 200),
    "a query": (get(target=b"/v1/time?a=b&c"), 200),
    "an empty query": (get(target=b"/v1/time?"), 200),
    "an empty host": (get(b"Host:\r\n"), 200),
    "a host with a port": (get(b"Host: h:8080\r\n"), 200),
    "an IPv6 host": (get(b"Host: [2001:db8::1]:8080\r\n"), 200),
    "no space behind the colon": (get(b"Host:h\r\n"), 200),
    "white space around a value": (get(b"Host: \t h \t\r\n"), 200),
    "a tab in a value": (get(b"Host: h\r\nX: a\tb\r\n"), 200),
    "high bytes in a value": (get("Host: h\r\nX: 秒杀\r\n".encode()), 200),
    "an empty value": (get(b"Host: h\r\nX:\r\n"), 200),
    "names in any case": (get(b"hOsT: h\r\n"), 200),
    "every character of a name": (get(b"Host: h\r\n!#$%&'*+-.^_`|~09aZ: x\r\n"), 200),
    "an empty line before the request": (b"\r\n" + get(), 200),
    "an absolute target": (get(target=b"http://h/v1/time"), 200),
    "an absolute target wins over the host": (get(b"Host: other\r\n", b"http://h/v1/time"), 200),
    "an absolute target without a path": (get(target=b"http://h"), 200),
    "an absolute target in capitals": (get(target=b"HTTP://h:80/v1/time"), 200),
    "https in an absolute target": (get(target=b"https://h/v1/time?x"), 200),
    "the server's options": (get(target=b"*", method=b"OPTIONS"), 204),
    "the options of a resource": (get(method=b"OPTIONS"), 204),
    "an upgrade to h2c": (
        get(b"Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), 200),
    "an upgrade to a WebSocket": (
        get(b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 200),
    "an upgrade with a body": (
        post(b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", b"abc"), 405),
    "a body of nothing": (post(LENGTH + b"0\r\n"), 405),
    "a body": (post(LENGTH + b"3\r\n", b"abc"), 405),
    "a body that looks like a request": (
        post(LENGTH + str(len(SMUGGLED)).encode() + b"\r\n", SMUGGLED), 405),
    "a length with zeros in front": (post(LENGTH + b"003\r\n", b"abc"), 405),
    "a GET with a body": (get(b"Host: h\r\n" + LENGTH + b"3\r\n") + b"abc", 200),
    "chunks": (chunked(b"3\r\nabc\r\n0\r\n"), 405),
    "chunks that look like a request": (
        chunked(b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n"), 405),
    "chunked in capitals": (post(ENCODING + b"CHUNKED\r\n", b"3\r\nabc\r\n0\r\n\r\n"), 405),
    "a chunk size with zeros in front": (chunked(b"0000000000000000003\r\nabc\r\n000\r\n"), 405),
    "a chunk size in capitals": (chunked(b"A\r\n0123456789\r\n0\r\n"), 405),
    "chunk extensions": (chunked(b"3;a;b=c\r\nabc\r\n0;last\r\n"), 405),
    "trailers": (chunked(b"3\r\nabc\r\n0\r\n", b"X: y\r\nZ:\r\n\r\n"), 405),
    "a chunk extension in quotes": (chunked(b'3;a="b c"\r\nabc\r\n0\r\n'), 405),
    "a trailer that is a length": (chunked(b"0\r\n", b"Content-Length: 60\r\n\r\n"), 405),
    "a trailer that is a host": (chunked(b"0\r\n", b"Host: x\r\n\r\n"), 405),
    "a chunked GET": (
        get(b"Host: h\r\n" + ENCODING + b"chunked\r\n") + b"1\r\na\r\n0\r\n\r\n", 200),
    "the longest target": (get(target=b"/" + b"a" * 8191), 404),
    "the most headers": (get(b"Host: h\r\n" + b"X: y\r\n" * 63), 200),
    "the largest body": (post(LENGTH + b"65536\r\n", b"a" * 65_536), 405),
}


@pytest.mark.parametrize("piece", [None, 1], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("what", ANSWERED)
def test_what_is_well_formed_is_answered_and_the_connection_goes_on(shop, what, piece):
    data, status = ANSWERED[what]
    if piece and len(data) > 10_000:
        piece = 1009
    answers = talk(shop.listen, data + CLOSE, piece)
    assert [answer.status for answer in answers] == [status, 200], answers
    assert "connection" not in answers[0].headers
    assert answers[1].headers["connection"] == "close"


# Paths are compared as they are: nothing is decoded, joined or taken away, so that no proxy's view
# of them can lead to another resource.
PATHS = {
    "/v1/time": 200,
    "/v1/time/": 404,
    "//v1/time": 404,
    "/v1//time": 404,
    "/v1/./time": 404,
    "/v1/x/../time": 404,
    "/v1/%2e%2e/v1/time": 404,
    "/v1%2ftime": 404,
    "/v1%2Ftime": 404,
    "/v1/time%00": 404,
    "/v1/time%0d%0aX:%20y": 404,
    "/v1/time%20": 404,
    "/v1/time;a=b": 404,
    "/v1/time%3fx": 404,
    "/v1/time%23x": 404,
    "/V1/TIME": 404,
    "/v1/sales/demo": 200,
    "/v1/sales/demo%00": 404,
    "/v1/sales/demo%2forders": 404,
    "/v1/sales/..%2fsales%2fdemo": 404,
    "/v1/sales/%2e": 404,
    "/v1/sales/..": 404,
    "/v1/sales/": 404,
    "/assets/x/..%2f..%2fetc%2fpasswd": 404,
    "/assets/x/../../etc/passwd": 404,
    "/assets/x/page.html": 404,
    "/assets/x/%2e%2e": 404,
    "/v1/time?/../..%00%2f": 200,
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_means_what_it_says(shop, path):
    first, last = talk(shop.listen, get(target=path.encode()) + CLOSE)
    assert (first.status, last.status) == (PATHS[path], 200)


def test_the_admin_listener_is_as_strict(shop):
    for what, (data, right) in REFUSED.items():
        answers = talk(shop.admin, data + SMUGGLED)
        assert len(answers) == 1, (what, answers)
        assert answers[0].status in (right if isinstance(right, tuple) else (right,)), what


def test_http_1_0_ends_unless_it_asks_to_go_on(shop):
    plain = get(b"", version=b"HTTP/1.0")
    answers = talk(shop.listen, plain + SMUGGLED)
    assert [answer.status for answer in answers] == [200]
    assert answers[0].headers["connection"] == "close"
    kept = get(b"Connection: keep-alive\r\n", version=b"HTTP/1.0")
    answers = talk(shop.listen, kept + kept + plain + SMUGGLED)
    assert [answer.headers["connection"] for answer in answers] == ["keep-alive"] * 2 + ["close"]


def test_close_is_close_in_any_list_and_case(shop):
    for value in (b"close", b"CLOSE", b"x, close", b"close, keep-alive", b"keep-alive,Close"):
        answers = talk(shop.listen, get(b"Host: h\r\nConnection: " + value + b"\r\n") + SMUGGLED)
        assert [answer.status for answer in answers] == [200], value


def test_head_is_get_without_the_body(shop):
    head = get(method=b"HEAD", target=b"/v1/sales/none")
    answers = talk(shop.listen, head + get(target=b"/v1/sales/none") + CLOSE,
                   methods=("HEAD", "GET", "GET"))
    assert [answer.status for answer in answers] == [404, 404, 200]
    assert answers[0].body == b"" and answers[0].headers == answers[1].headers


@pytest.mark.parametrize("what, data, status", [
    ("malformed", get(b"Host: h\r\nHost: h\r\n", method=b"HEAD"), 400),
    ("too long", get(target=b"/" + b"a" * 8192, method=b"HEAD"), 414),
    ("too large", get(b"Host: h\r\nX: " + b"y" * 17_000 + b"\r\n", method=b"HEAD"), 431)],
    ids=["malformed", "too long", "too large"])
def test_a_refused_head_has_no_body_either(shop, what, data, status):
    answers = talk(shop.listen, get(method=b"HEAD") + data + SMUGGLED, methods=("HEAD", "HEAD"))
    assert [answer.status for answer in answers] == [200, status], what


def test_a_client_that_waits_for_100_continue(shop):
    head = post(b"Expect: 100-continue\r\n" + LENGTH + b"3\r\n")
    with RawHttp(shop.listen) as raw:
        raw.send(head)
        assert raw.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert [one.status for one in raw.send(b"abc" + CLOSE).answers()] == [405, 200]
    with RawHttp(shop.listen) as raw:  # whoever does not wait gets none
        assert [one.status for one in raw.send(head + b"abc" + CLOSE).answers()] == [405, 200]
    old = get(b"Expect: 100-continue\r\n" + LENGTH + b"3\r\n", version=b"HTTP/1.0", method=b"POST")
    with RawHttp(shop.listen) as raw:  # HTTP/1.0 has no interim answers
        assert [one.status for one in raw.send(old + b"abc").answers()] == [405]


def test_pipelined_requests_are_answered_in_order(shop):
    sales = [f"/v1/sales/no-{number}" if number % 3 else "/v1/time" for number in range(300)]
    data = b"".join(get(target=path.encode()) for path in sales)
    for piece in (None, 97):
        answers = talk(shop.listen, data + CLOSE, piece)
        assert [answer.status for answer in answers] == \
            [404 if path != "/v1/time" else 200 for path in sales] + [200]


def test_a_slow_answer_keeps_its_place(shop):
    """An order waits for the disk; what is asked behind it waits for the order."""
    order = get(b"Host: h\r\nX-User-Id: ann\r\n" + LENGTH + b"0\r\n", b"/v1/sales/demo/orders",
                method=b"POST")
    statuses = [answer.status for answer in talk(shop.listen, (order + get()) * 5 + CLOSE)]
    assert statuses == [202, 200] * 5 + [200]


def test_random_changes_of_good_requests(shop):
    """Never more answers than requests, always a known status, and the process lives."""
    source = random.Random(20241111)
    good = [data for data, _ in ANSWERED.values() if len(data) < 300]
    for _ in range(100 if harness.SANITIZED else 500):
        data = bytearray(source.choice(good))
        for _ in range(source.randrange(1, 4)):
            at = source.randrange(len(data))
            data[at:at + source.randrange(2)] = source.randbytes(source.randrange(2))
        with RawHttp(shop.listen) as raw:
            raw.send(bytes(data)).socket.shutdown(1)
            answers = raw.answers(methods=("HEAD",) if data.startswith(b"HEAD ") else ())
        assert len(answers) <= 2 and all(answer.status in (100, 200, 204, 400, 404, 405, 413, 414,
                                                           417, 431, 501, 505)
                                         for answer in answers), (bytes(data), answers)
    assert shop.is_ready()
