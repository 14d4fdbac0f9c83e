"""Kafka requests made by hand, right and wrong, for the tests of hostile bytes."""

import struct

import harness

PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18
UNSUPPORTED_VERSION, CORRUPT_MESSAGE = 35, 2


def make_crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def frame(body):
    return struct.pack(">i", len(body)) + body


def request(key, version, body=b"", correlation=1, client="raw"):
    """A request with the non-flexible header (v1)."""
    return frame(struct.pack(">hhi", key, version, correlation) + text(client) + body)


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def record(offset_delta, value):
    body = b"\0" + varint(0) + varint(offset_delta) + varint(-1) + varint(len(value)) + value + \
        varint(0)
    return varint(len(body)) + body


def batch(values, **wrong):
    """A record batch of format 2; `wrong` replaces header fields."""
    records = b"".join(record(n, value) for n, value in enumerate(values))
    tail = struct.pack(">hiqqqhii", wrong.get("attributes", 0),
                       wrong.get("last_offset_delta", len(values) - 1), 1, 1, -1, -1, -1,
                       wrong.get("count", len(values))) + wrong.get("records", records)
    crc = wrong.get("crc", crc32c(tail))
    length = wrong.get("length", len(tail) + 9)
    return struct.pack(">qiib", wrong.get("base_offset", 0), length, 0,
                       wrong.get("magic", 2)) + struct.pack(">I", crc) + tail


def produce(topic, records, partition=0, acks=-1):
    """A Produce v3 request of one batch."""
    body = struct.pack(">hhii", -1, acks, 5000, 1) + text(topic) + \
        struct.pack(">iii", 1, partition, len(records)) + records
    return request(PRODUCE, 3, body)


class Raw:
    """A bare connection to the broker."""

    def __init__(self, broker):
        self.socket = harness.connect(broker.listen, 10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the broker may close before it has read all of it
        return self

    def _read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                return None
            data += piece
        return data

    def reply(self):
        """The next reply's bytes after its length, or None when the broker closed."""
        try:
            head = self._read(4)
            return None if head is None else self._read(struct.unpack(">i", head)[0])
        except ConnectionError:
            return None

    def is_closed(self):
        return self.reply() is None


def produce_error(reply):
    """The error code in a Produce v3 reply for one partition."""
    name_length = struct.unpack_from(">h", reply, 8)[0]
    return struct.unpack_from(">h", reply, 10 + name_length + 4 + 4)[0]


def set_config(broker, topic, name, value):
    """IncrementalAlterConfigs v0 of one name: librdkafka of Debian 12 does not know it yet."""
    body = struct.pack(">ib", 1, 2) + text(topic) + struct.pack(">i", 1) + text(name) + b"\0" + \
        text(value) + b"\0"
    with Raw(broker) as raw:
        reply = raw.send(request(44, 0, body)).reply()
    assert struct.unpack_from(">h", reply, 12)[0] == 0, reply


def delete_records(broker, topic, partition, before):
    """DeleteRecords v1: the partition begins at the offset `before` from now on."""
    body = struct.pack(">i", 1) + text(topic) + struct.pack(">iiqi", 1, partition, before, 5000)
    with Raw(broker) as raw:
        reply = raw.send(request(21, 1, body)).reply()
    assert reply.endswith(struct.pack(">iqh", partition, before, 0)), reply
