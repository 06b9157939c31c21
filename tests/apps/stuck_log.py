"""Mounts a file system at the given directory that has one file, `error.log`. After the line `stop` on standard input nothing that is written there is taken: the
writer waits, and when he is killed he waits on. After `go` everything is. All else is answered at once. Ends, and lets everybody go, when its input does."""

import ctypes
import os
import select
import struct
import sys

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, RELEASE, INIT, BATCH_FORGET = 1, 2, 3, 4, 14, 15, 16, 18, 26, 42
MISSING, NOT_SUPPORTED = -2, -38
ROOT, FILE = 1, 2
DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)
place = sys.argv[1].encode()
device = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other" % device
if libc.mount(b"stuck", place, b"fuse", 0, options) != 0:
    print("not mounted: " + os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(1)
print("mounted", flush=True)
text = bytearray()


def attributes(node):
    mode, size = (0o40755, 0) if node == ROOT else (0o100666, len(text))
    return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def replies(operation, node, body):
    """What the question comes to: an error, and bytes."""
    if operation == INIT:
        return 0, struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0, *[0] * 7)
    if operation == LOOKUP:
        return (0, struct.pack("<4Q2I", FILE, 0, 60, 0, 0, 0) + attributes(FILE)) if body == b"error.log\0" else (MISSING, b"")
    if operation in (GETATTR, SETATTR):
        return 0, struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if operation == OPEN:
        # FOPEN_DIRECT_IO, because who opens it would otherwise wait for the page that is being written.
        return 0, struct.pack("<Q2I", 0, 1, 0)
    if operation == READ:
        _, offset, size = struct.unpack_from("<2QI", body)
        return 0, bytes(text[offset : offset + size])
    if operation == WRITE:
        _, _, size = struct.unpack_from("<2QI", body)
        text.extend(body[40 : 40 + size])
        return 0, struct.pack("<2I", size, 0)
    if operation == RELEASE:
        return 0, b""
    return NOT_SUPPORTED, b""


def answer(question):
    _, operation, unique, node = struct.unpack_from("<IIQQ", question)
    if operation in (FORGET, BATCH_FORGET):
        return
    error, payload = replies(operation, node, question[40:])
    try:
        os.write(device, struct.pack("<IiQ", 16 + len(payload), error, unique) + payload)
    except FileNotFoundError:
        # The one who asked has gone.
        pass


stopped, waiting = False, []
while True:
    ready, _, _ = select.select([device, sys.stdin], [], [])
    if sys.stdin in ready:
        word = sys.stdin.readline().strip()
        if not word:
            break
        stopped = word == "stop"
        for question in () if stopped else waiting:
            answer(question)
        waiting = waiting if stopped else []
        print(word, flush=True)
    if device in ready:
        try:
            question = os.read(device, 1 << 17)
        except FileNotFoundError:
            # The one who asked was killed before.
            continue
        if stopped and struct.unpack_from("<II", question)[1] == WRITE:
            waiting.append(question)
        else:
            answer(question)
os.close(device)
libc.umount2(place, DETACH)
