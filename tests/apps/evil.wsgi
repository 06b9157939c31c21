"""An application that has taken its daemon process over: it finds the engine's connection to the Apache child and says what a daemon must not say.

The path names what is said and when: `/before/CASE` before there is a head, `/after/CASE` when a head and the first words of the body have gone out.
The body is read first, so that the two sides have greeted each other."""

import array
import fcntl
import os
import random
import select
import socket
import struct
import tempfile
import threading
import time

SO_ACCEPTCONN = 30
HELLO, BODY, WANT, HEAD, DATA, FILE, LOG, END, ABORT, REFUSED, GO_AWAY, MEMORY, LENT, LENT_BODY = 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
# Of memory for bodies: its head, the daemon's part, and the child's.
HEADER, PART, CHILDS = 64, 4032, 65536
F_ADD_SEALS, SEAL, SHRINK, GROW = 1033, 1, 2, 4


def frame(kind, payload=b"", stream=1, length=None):
    return struct.pack("<IBI", len(payload) if length is None else length, kind, stream) + payload


def text(value):
    return struct.pack("<I", len(value)) + value


def head(status=200, reason=b"OK", fields=(), count=None):
    listed = b"".join(text(name) + text(value) for name, value in fields)
    return frame(HEAD, struct.pack("<H", status) + text(reason) + struct.pack("<I", len(fields) if count is None else count) + listed)


def file_frame(offset, length):
    return frame(FILE, struct.pack("<QQ", offset, length))


def lent(offset, length):
    return frame(LENT, struct.pack("<II", offset, length))


def memory(size=HEADER + PART + CHILDS, seals=SEAL | SHRINK | GROW):
    file = os.memfd_create("evil", 2)
    os.truncate(file, size)
    fcntl.fcntl(file, F_ADD_SEALS, seals)
    return [file]


def opened(size):
    file = tempfile.TemporaryFile()
    file.truncate(size)
    return file


def ended(peer):
    """Whether it is the rest of a connection that the child has closed."""
    watched = select.poll()
    watched.register(peer, select.POLLRDHUP)
    return bool(watched.poll(0))


def to_child(environ):
    """The connection to the child that serves the request: connections to other children are kept, too."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if number < 1024 or not os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                continue
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(number))
            if peer.getsockopt(socket.SOL_SOCKET, SO_ACCEPTCONN):
                continue
            pid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            if pid == int(environ["mod_wsgi.server_pid"]) and not ended(peer):
                # The engine's own end never waits; this one does.
                peer.settimeout(30)
                return peer
        except OSError:
            continue
    raise RuntimeError("there is no connection to a child")


PIECES = {
    "garbage": [bytes(random.Random(7).randrange(256) for _ in range(1000))],
    "text": [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    "zeros": [bytes(1000)],
    "type-that-does-not-exist": [frame(99)],
    "frame-of-a-child": [frame(BODY, b"x")],
    "body-of-a-childs-in-memory": [frame(LENT_BODY, bytes(8))],
    "another-stream": [frame(DATA, b"x", stream=2)],
    "data-too-long": [frame(DATA, length=65537)],
    "head-too-long": [frame(HEAD, length=16 * 1024 * 1024 + 1)],
    "longest-length": [frame(DATA, length=0xFFFFFFFF)],
    "end-with-a-payload": [frame(END, b"x")],
    "want-of-three-bytes": [frame(WANT, b"xyz")],
    "second-hello": [frame(HELLO, struct.pack("<HQ", 1, 1) + bytes(16) + text(b"evil"))],
    "hello-too-long": [frame(HELLO, bytes(2000))],
    "want-too-much": [frame(WANT, struct.pack("<I", 0xFFFFFFFF))],
    "want-too-often": [frame(WANT, struct.pack("<I", 8 * 1024 * 1024)) * 3],
    "abort-for-no-reason": [frame(ABORT, b"\x63")],
    "refusal-for-no-reason": [frame(REFUSED, b"\x00")],
    "refusal": [frame(REFUSED, b"\x01")],
    "log-cut-short": [frame(LOG, b"\x03")],
    "log-of-a-long-file": [frame(LOG, b"\x03" + struct.pack("<II", 1, 0xFFFFFFFF))],
    "half-a-frame-and-the-end": [frame(DATA, b"half", length=1000), "close"],
    "nothing-and-the-end": ["close"],
    "half-a-frame-and-nothing": [frame(DATA, b"half", length=1000), "wait"],
}

BEFORE = {
    "data-before-the-head": [frame(DATA, b"x")],
    "file-before-the-head": [file_frame(0, 1)],
    "lent-before-the-head": [frame(MEMORY), lent(0, 1)],
    "end-before-the-head": [frame(END)],
    "more-headers-announced": [head(count=1_000_000)],
    "fewer-headers-announced": [head(fields=[(b"X", b"1"), (b"Y", b"2")], count=1)],
    "reason-of-no-length": [frame(HEAD, struct.pack("<HI", 200, 0xFFFFFFFF))],
    "status-0": [head(status=0)],
    "status-99": [head(status=99)],
    "status-100": [head(status=100)],
    "status-101": [head(status=101, fields=[(b"X-Injected", b"1")])],
    "status-199-and-another": [head(status=199), head(fields=[(b"X-Injected", b"1")]), frame(DATA, b"injected"), frame(END)],
    "status-1000": [head(status=1000)],
    "status-65535": [head(status=65535)],
    "reason-with-a-header": [head(reason=b"OK\r\nX-Injected: 1\r\n\r\ninjected")],
    "reason-with-nul": [head(reason=b"O\0K")],
    "name-with-a-line-break": [head(fields=[(b"X\r\nX-Injected", b"1")])],
    "name-with-a-colon": [head(fields=[(b"X-Injected: 1\r\nY", b"1")])],
    "no-name": [head(fields=[(b"", b"1")])],
    "value-with-a-line-break": [head(fields=[(b"X", b"1\r\nX-Injected: 1")])],
    "value-with-nul": [head(fields=[(b"X", b"1\0")])],
    "transfer-encoding": [head(fields=[(b"Transfer-Encoding", b"identity")])],
    "proxy-connection": [head(fields=[(b"Proxy-Connection", b"keep-alive")])],
    "more-headers-than-any-has": [head(fields=[(b"X", b"")] * 131_073)],
    "longer-headers-than-any-has": [head(fields=[(b"X", b"x" * 30_000)] * 141)],
    "two-farewells": [frame(GO_AWAY), frame(GO_AWAY)],
    "connection": [head(fields=[(b"Connection", b"X-Injected")])],
    "length-with-a-sign": [head(fields=[(b"Content-Length", b"+5")])],
    "length-in-words": [head(fields=[(b"Content-Length", b"five")])],
    "two-lengths": [head(fields=[(b"Content-Length", b"5"), (b"Content-Length", b"6")])],
}

AFTER = {
    "second-head": [head(fields=[(b"X-Injected", b"1")])],
    "file-without-a-descriptor": [file_frame(0, 10)],
    "descriptor-without-a-file": [(frame(DATA, b"x"), lambda: [opened(10)])],
    "two-descriptors": [(file_frame(0, 10), lambda: [opened(10), opened(10)])],
    "file-beyond-its-end": [(file_frame(5, 6), lambda: [opened(10)])],
    "file-beyond-all-numbers": [(file_frame(2**64 - 1, 2**64 - 1), lambda: [opened(10)])],
    "file-that-is-a-directory": [(file_frame(0, 0), lambda: [os.open("/", os.O_RDONLY)])],
    "file-that-is-a-device": [(file_frame(0, 10), lambda: [os.open("/dev/zero", os.O_RDONLY)])],
    "file-that-is-a-pipe": [(file_frame(0, 10), lambda: [os.pipe()[0]])],
    "lent-without-memory": [lent(0, 1)],
    "lent-of-a-childs-part": [lent(PART, 100)],
    "lent-beyond-all-numbers": [lent(2**32 - 1, 2**32 - 1)],
    "lent-where-memory-was-only-asked-for": [frame(MEMORY), lent(0, 1)],
    "memory-with-a-descriptor": [(frame(MEMORY), memory)],
    "memory-asked-for-twice": [frame(MEMORY), frame(MEMORY)],
    "memory-with-a-payload": [frame(MEMORY, b"x")],
    "file-that-is-a-socket": [(file_frame(0, 10), lambda: [socket.socket()])],
}


def speak(environ, pieces):
    peer = to_child(environ)
    try:
        for piece in pieces:
            if piece == "close":
                peer.shutdown(socket.SHUT_RDWR)
            elif piece == "wait":
                time.sleep(3)
            elif isinstance(piece, tuple):
                data, files = piece
                files = files()
                numbers = array.array("i", [f if isinstance(f, int) else f.fileno() for f in files])
                peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
            else:
                peer.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        peer.close()


def byte_by_byte(environ, start_response):
    """Slow, and according to the rules."""
    peer = to_child(environ)
    for byte in head(fields=[(b"Content-Length", b"4")]) + frame(DATA, b"slow") + frame(END):
        peer.sendall(bytes([byte]))
        time.sleep(0.005)
    peer.close()
    # What the engine says for itself from here on comes after the end.
    start_response("200 OK", [])
    return []


def many_lines(environ, start_response):
    peer = to_child(environ)
    line = frame(LOG, b"\x07" + struct.pack("<II", 1, 0) + b"x" * 60_000)
    for _ in range(1000):
        peer.sendall(line)
    peer.close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"all said"]


def lingering():
    """A socket whose last descriptor takes half a minute to let go of: there is data on its way that nobody takes."""
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far = listener.accept()[0]
    near.setblocking(False)
    try:
        while near.send(bytes(65536)):
            pass
    except BlockingIOError:
        pass
    near.setblocking(True)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
    return near, far


def hand_over(environ, start_response):
    """Sends a descriptor that whoever drops it has to wait for."""
    peer = to_child(environ)
    near, far = lingering()
    KEPT.append(far)
    try:
        peer.sendmsg([frame(LOG)[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [near.fileno()]))])
    except PermissionError:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"refused"]
    finally:
        # In a thread of its own where it was refused: then this descriptor is the last.
        threading.Thread(target=near.close, daemon=True).start()
    select.select([], [], [], 20)
    return []


KEPT = []


def application(environ, start_response):
    when, case = environ["PATH_INFO"].strip("/").split("/")
    while environ["wsgi.input"].read(100_000):
        pass
    if when == "cases":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [" ".join({**PIECES, **(BEFORE if case == "before" else AFTER)}).encode()]
    if when == "slow":
        return byte_by_byte(environ, start_response)
    if when == "hand-over":
        return hand_over(environ, start_response)
    if when == "lines":
        return many_lines(environ, start_response)
    if when == "more":
        # More than the promised length, past the engine that would cut it. (What completes the length would wait for the end.)
        write = start_response("200 OK", [("Content-Length", "5")])
        write(b"firs")
        speak(environ, [frame(DATA, b"tHTTP/1.1 200 OK\r\nX-Injected: 1\r\n\r\n"), frame(END)])
        return []
    if when == "before":
        speak(environ, {**PIECES, **BEFORE}[case])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"nobody hears this"]
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    write(b"begun")
    speak(environ, {**PIECES, **AFTER}[case])
    return [b"nobody hears this"]
