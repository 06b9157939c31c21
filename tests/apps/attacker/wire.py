"""What an Apache child, a supervisor and a daemon process say to each other (docs/protocol.md, crates/protocol/src/supervision/control.rs), for a daemon process that
says whatever it likes."""

import array
import socket
import struct

HELLO, REQUEST, BODY, BODY_END, WANT, CLIENT_GONE, HEAD, DATA, FILE, LOG = range(1, 11)
END, ABORT, REFUSED, GO_AWAY, MEMORY, LENT, LENT_BODY = range(11, 18)
VERSION = 4
# Kinds of control messages.
BEGIN, STARTED, LOADED, READY, NOT_READY, REPLACE_ME, DRAIN, STOP, LOAD, ASK, CHANGED = range(1, 12)


def frame(kind, payload=b"", stream=1, length=None):
    return struct.pack("<IBI", len(payload) if length is None else length, kind, stream) + payload


def text(value):
    return struct.pack("<I", len(value)) + value


def head(status=200, reason=b"OK", fields=(), count=None):
    listed = b"".join(text(name) + text(value) for name, value in fields)
    count = len(fields) if count is None else count
    return frame(HEAD, struct.pack("<H", status) + text(reason) + struct.pack("<I", count) + listed)


def hello(version=VERSION, token=bytes(16), build=b"hostile", ticket=(0xFFFFFFFF, 0)):
    return frame(HELLO, struct.pack("<HQ", version, 1) + token + struct.pack("<II", *ticket) + text(build))


def answer(body, fields=(), status=200):
    """A whole response, as a process says it that keeps to the rules."""
    length = (b"Content-Length", str(len(body)).encode())
    return head(status, b"OK", [length, *fields]) + (frame(DATA, body) if body else b"") + frame(END)


def log_line(line, level=3, file=b""):
    return frame(LOG, struct.pack("<BI", level, 1) + text(file) + line)


def with_descriptors(peer, data, descriptors):
    numbers = array.array("i", [d if isinstance(d, int) else d.fileno() for d in descriptors])
    peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])


def control(kind, payload=b"", length=None):
    return struct.pack("<IB", len(payload) if length is None else length, kind) + payload


def loaded(path, group=b"", number=0):
    """The payload of LOADED: what stands for the script, what stands for its version, its names."""
    return struct.pack("<QQ", number, number) + bytes(32) + path + b"\0" + group


def record(payload):
    """The entries of a record: name to list of values."""
    found = {}
    while payload:
        name, _, payload = payload.partition(b"\0")
        (length,) = struct.unpack_from("<I", payload)
        found.setdefault(name.decode(), []).append(payload[4 : 4 + length])
        payload = payload[4 + length :]
    return found


class Reader:
    """Reads whole frames, or whole control messages, from a socket."""

    def __init__(self, peer):
        self.peer = peer

    def exactly(self, count):
        parts = []
        while count:
            part = self.peer.recv(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def frame(self):
        length, kind, _ = struct.unpack("<IBI", self.exactly(9))
        return kind, self.exactly(length)

    def message(self):
        length, kind = struct.unpack("<IB", self.exactly(5))
        return kind, self.exactly(length)


class Request:
    """What a child asks for: of its payload, the environ."""

    def __init__(self, payload):
        at = 4 + 3 * 8

        def one():
            nonlocal at
            (length,) = struct.unpack_from("<I", payload, at)
            at += 4
            if length == 0xFFFFFFFF:
                return None
            value = payload[at : at + length]
            at += length
            return value

        self.script, self.resource, self.application_group, self.callable = (one() for _ in range(4))
        (count,) = struct.unpack_from("<I", payload, at)
        at += 4
        self.environ = {}
        for _ in range(count):
            key = one()
            self.environ[key.decode("latin-1")] = one()

    def __getitem__(self, name):
        return (self.environ.get(name) or b"").decode("latin-1")
