"""HTTP in bytes: what http.client would never send, and every answer that came back."""

import socket

import harness

CLOSE = b"GET /v1/time?last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


class Answer:
    """One answer of a connection. `head_only`: it is to a HEAD."""

    def __init__(self, text, head_only=False):
        head, separator, rest = text.partition(b"\r\n\r\n")
        assert separator, f"half an answer: {text!r}"
        lines = head.decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        self.status = int(status)
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in self.headers, f"{name} twice: {head!r}"
            self.headers[name.lower()] = value
        has_body = self.status >= 200 and self.status not in (204, 304) and not head_only
        size = int(self.headers["content-length"]) if has_body else 0
        assert len(rest) >= size, f"{len(rest)} of {size} bytes of a body"
        self.body, self.rest = rest[:size], rest[size:]

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:200]!r}"


class RawHttp:
    """A connection that sends bytes as they are."""

    def __init__(self, address):
        self.socket = harness.connect(address, 5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, piece=None):
        """All bytes, or as many pieces of that size; what the server does not want is not sent."""
        try:
            for at in range(0, len(data), piece or len(data)):
                self.socket.sendall(data[at:at + (piece or len(data))])
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def until_closed(self):
        """All bytes up to the end that the server makes."""
        received = b""
        while piece := self.socket.recv(1 << 16):
            received += piece
        return received

    def answers(self, methods=()):
        """The answers up to the server's end; `methods` of the requests, where one is HEAD."""
        text, found = self.until_closed(), []
        while text:
            finals = sum(1 for answer in found if answer.status >= 200)
            head_only = finals < len(methods) and methods[finals] == "HEAD"
            found.append(Answer(text, head_only))
            text = found[-1].rest
        return found


def talk(address, data, piece=None, methods=()):
    """The answers to these bytes. The server must end the connection."""
    with RawHttp(address) as raw:
        return raw.send(data, piece).answers(methods)
