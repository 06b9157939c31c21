#!/usr/bin/python3
"""Stands in for a group's Python: speaks the control protocol, and does what the word in its script file says."""
import ctypes
import hashlib
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

BEGIN, STARTED, LOADED, READY, NOT_READY, REPLACE_ME, DRAIN, STOP, LOAD, ASK, CHANGED = range(1, 12)
OUTBOX = 9
place = os.environ["FAKE_PLACE"]
at_start = sorted(os.listdir("/proc/self/fd"), key=int)
descriptors = {}
for number in at_start:
    try:
        descriptors[number] = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        pass
control = socket.socket(fileno=4)


def exactly(count):
    data = b""
    while len(data) < count:
        piece = control.recv(count - len(data))
        if not piece:
            leave("orphan")
        data += piece
    return data


def receive():
    length, kind = struct.unpack("<IB", exactly(5))
    return kind, exactly(length)


def send(kind, payload=b""):
    rest = struct.pack("<IB", len(payload), kind) + payload
    while rest:
        rest = rest[os.write(OUTBOX, rest):]


def version(path):
    found = os.stat(path)
    return struct.pack("<QQQQ", found.st_mtime_ns, found.st_dev, found.st_ino, found.st_size)


def watch(known):
    """Tells of scripts that have changed, as the engine does."""
    while True:
        time.sleep(0.1)
        for path in known:
            now = version(path)
            if known[path] != now:
                known[path] = now
                send(CHANGED, hashlib.md5(path.encode()).digest() + now)


def note(what, content=""):
    path = f"{place}/{what}.{os.getpid()}"
    with open(path + ".new", "w") as file:
        file.write(content)
    os.rename(path + ".new", path)


def leave(how, status=0):
    note(how)
    os._exit(status)


def entries(record):
    while record:
        name, rest = record.split(b"\0", 1)
        (length,) = struct.unpack("<I", rest[:4])
        yield name.decode(), rest[4:4 + length]
        record = rest[4 + length:]


kind, payload = receive()
assert kind == BEGIN
process = list(entries(payload))
scripts = [dict(entries(value))["path"].decode() for name, value in process if name == "scripts"]
must_load = dict(process)["scripts_must_load"] == b"\1"
mask = os.umask(0)
os.umask(mask)
with open("/proc/self/status") as file:
    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
note("born", json.dumps({
    "status": status, "descriptors": descriptors, "environment": dict(os.environ), "arguments": sys.argv, "directory": os.getcwd(),
    "umask": mask, "nice": os.nice(0), "must_load": must_load, "session": os.getsid(0) == os.getpid(),
    "cpu": resource.getrlimit(resource.RLIMIT_CPU), "memory": resource.getrlimit(resource.RLIMIT_AS),
}))
send(STARTED, b"3.fake")
word = "serve"
known = {}
for script in scripts:
    known[script] = version(script)
    with open(script) as file:
        word = file.read().strip()
    if word == "broken":
        print("Traceback: the new code is broken", file=sys.stderr, flush=True)
        if must_load:
            send(NOT_READY, f"{script} could not be loaded".encode())
            leave("refused", 1)
    else:
        send(LOADED, hashlib.md5(script.encode()).digest() + known[script] + script.encode() + b"\0")
threading.Thread(target=watch, args=(known,), daemon=True).start()
if word == "exit":
    print("last words", end="", flush=True)
    os._exit(3)
if word in ("hang", "litter-hang"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if word in ("litter", "litter-hang"):
    child = subprocess.Popen(["/bin/sleep", "600"])
    note("child", str(child.pid))
if word == "chatter":
    for _ in range(1000):
        print("x" * 1000, flush=True)



def insist(bytes_of):
    """Sends until the supervisor has had enough."""
    try:
        for number in range(1_000_000):
            rest = bytes_of(number)
            while rest:
                rest = rest[os.write(OUTBOX, rest):]
    except BrokenPipeError:
        note("refused")


if word == "long":
    insist(lambda number: struct.pack("<IB", 1 << 20, LOADED) + bytes(1 << 20))
if word == "paths":
    insist(lambda number: struct.pack("<IB", 4049, LOADED) + bytes(48) + b"/%d" % number + b"x" * (3999 - len(str(number))) + b"\0")
if word == "flood":
    insist(lambda number: struct.pack("<IBIQQ", 20, LOAD, 0, 0, number))
if word == "heir":
    # Goes on writing in its name when it is dead.
    if os.fork() == 0:
        os.setsid()
        try:
            while True:
                os.write(1, b"\n" * 65536)
        except BrokenPipeError:
            os._exit(0)
    os._exit(3)
if word == "sleeper" and must_load:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("sleeps")
    time.sleep(600)
if word == "scribble":
    table = mmap.mmap(6, 0)
    threading.Thread(target=lambda: [table.__setitem__(slice(None), b"\xff" * len(table)) for _ in iter(int, 1)], daemon=True).start()
if word == "babble":
    threading.Thread(target=lambda: [os.write(1, b"\n" * 65536) for _ in iter(int, 1)], daemon=True).start()
if word == "trickle":
    threading.Thread(target=lambda: [os.write(1, b"x\n") for _ in iter(int, 1)], daemon=True).start()
if word == "passes":
    # A descriptor that the supervisor would have to close, after as long as its sender wants.
    try:
        socket.send_fds(control, [b"x"], [0])
    except OSError as error:
        note("refused", type(error).__name__)
LIBC = ctypes.CDLL(None, use_errno=True)


def never_coming():
    """Two pages that are there, and one that never comes: their address."""
    import fcntl
    with socket.socket(socket.AF_UNIX) as lender:
        lender.connect(f"{place}/faults")
        faults = socket.recv_fds(lender, 1, 1)[1][0]
    NEW, API, REGISTER = 0xAA00, 0xC018AA3F, 0xC020AA00
    handle = fcntl.ioctl(faults, NEW, os.O_CLOEXEC)
    fcntl.ioctl(handle, API, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))
    page = mmap.PAGESIZE
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(None, ctypes.c_size_t(3 * page), 3, 0x22, -1, ctypes.c_long(0))
    fcntl.ioctl(handle, REGISTER, bytearray(struct.pack("QQQQ", address + 2 * page, page, 1, 0)))
    ctypes.memset(address, ord("x"), 2 * page)
    return address


def lock_pipes():
    """Fills two pages of each pipe to the supervisor, and stands still in the third, with the pipe's lock."""
    address, writers = never_coming(), []
    for number in (1, OUTBOX):
        write = LIBC.write
        thread = threading.Thread(target=lambda n=number: write(n, ctypes.c_void_p(address), ctypes.c_size_t(3 * mmap.PAGESIZE)), daemon=True)
        thread.start()
        writers.append(thread)
    time.sleep(0.3)
    return writers


if word == "locks-on":
    # By a process of its own session, which lives on when this one is dead.
    if os.fork() == 0:
        os.setsid()
        writers = lock_pipes()
        note("heir")
        writers[0].join(60)
        os._exit(0)
    time.sleep(1)
    os._exit(3)
if word == "fosters":
    # Siblings of this process, which end at once: `CLONE_PARENT` makes them the supervisor's children.
    CLONE_PARENT, CLONE, EXIT = 0x8000, 56 if os.uname().machine == "x86_64" else 220, 60 if os.uname().machine == "x86_64" else 93
    libc = ctypes.CDLL(None, use_errno=True)
    made = 0
    for _ in range(200):
        made += 1
        if libc.syscall(CLONE, CLONE_PARENT | signal.SIGCHLD, None, None, None, None) == 0:
            libc.syscall(EXIT, 0)
    note("fostered", str(made))
if word == "keys":
    # What is in the session keyring, whoever put it there.
    KEYCTL = 250 if os.uname().machine == "x86_64" else 219
    libc = ctypes.CDLL(None, use_errno=True)
    key, secret = libc.syscall(KEYCTL, 10, ctypes.c_int(-3), b"user", b"wsgi-key", 0), ctypes.create_string_buffer(100)
    note("keys", "refused" if key == -1 or libc.syscall(KEYCTL, 11, key, secret, 100) == -1 else secret.value.decode())
if word == "junk":
    send(99)
send(READY)
note("ready", word)
if word == "locks":
    lock_pipes()
    note("locked", str(os.getpid()))
if word == "restless":
    send(REPLACE_ME, b"maximum_requests")
if word == "segv":
    os.kill(os.getpid(), signal.SIGSEGV)
while True:
    kind, payload = receive()
    if kind == DRAIN and not word.endswith("hang"):
        leave("drained")
    if kind == STOP and not word.endswith("hang"):
        leave("stopped")
