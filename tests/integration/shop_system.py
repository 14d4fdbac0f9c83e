"""A shop's own system: an HTTP server that takes the worker's deliveries and checks each."""

import base64
import collections
import http.server
import json
import os
import pathlib
import re
import ssl
import threading
import time

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/webhook.md"


def documented_verify():
    """The function that docs/webhook.md gives to the shop's developer."""
    namespace = {}
    exec(re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)[1],
         namespace)
    return namespace["verify"]


def new_secret(folder, name="secret"):
    """A secret, and the file that has it."""
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    path = pathlib.Path(folder) / name
    path.write_text(secret + "\n", encoding="ascii")
    return secret, path


class Request:
    """One that was genuine."""

    def __init__(self, headers, body):
        self.at = time.monotonic()
        self.headers, self.body = headers, body
        self.id = headers["webhook-id"]
        self.event = json.loads(body)
        self.order = self.event["data"]["order_id"]
        self.type = self.event["type"]


class ShopSystem:
    """`answer(request)` says (status, headers) of each; it may block. By default all is well."""

    def __init__(self, secret, certificate=None):
        self.secret, self.certificate = secret, certificate
        self.answer = lambda request: (200, {})
        self.requests, self.taken, self.forged = [], [], []
        self.flood = b""  # sent behind each answer, again and again
        self.most_at_a_time = self.under_way = 0
        self.lock = threading.Lock()
        self.port = 0
        self.server = None

    def start(self):
        shop = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = shop.take(self.headers, body)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if shop.flood:
                    self.close_connection = True
                    while True:  # until the other side has had enough
                        self.wfile.write(shop.flood)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass  # a worker that was killed

        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self):
        """Nobody listens any more; connections that stand are closed with the next request."""
        self.server.shutdown()
        self.server.server_close()
        self.server = None

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/hooks?shop=1"

    def take(self, headers, body):
        with self.lock:
            if self.server is None:
                return 503, {"Connection": "close"}
        try:
            documented_verify()(self.secret, headers, body)
            assert headers["Idempotency-Key"] == headers["webhook-id"]
            assert headers["Content-Type"] == "application/json"
        except (ValueError, AssertionError) as error:
            with self.lock:
                self.forged.append((error, dict(headers)))
            return 401, {}
        request = Request(headers, body)
        with self.lock:
            self.requests.append(request)
            self.under_way += 1
            self.most_at_a_time = max(self.most_at_a_time, self.under_way)
        try:
            status, more = self.answer(request)
        finally:
            with self.lock:
                self.under_way -= 1
        if status // 100 == 2:
            with self.lock:
                self.taken.append(request)
        return status, more

    def facts(self, order):
        """What was taken of an order, in the order of its coming, repeats once."""
        with self.lock:
            types = [request.type for request in self.taken if request.order == order]
        return list(dict.fromkeys(types))

    def attempts(self, delivery):
        with self.lock:
            return [request for request in self.requests if request.id == delivery]

    def orders(self, kind="order.placed"):
        """How often each order's fact was taken."""
        with self.lock:
            return collections.Counter(r.order for r in self.taken if r.type == kind)
