"""Attacks on an Apache child, by a daemon process that it talks to."""

import fcntl
import os
import select
import socket
import struct
import tempfile
import threading

import wire

ATTACKS = {}
INJECTED = b"HTTP/1.1 200 OK\r\nX-Injected: 1\r\nContent-Length: 8\r\n\r\ninjected"
# Of memory for bodies: its head, the daemon's part, and the child's.
HEADER, PART, CHILDS = 64, 4032, 65536
F_ADD_SEALS, SEAL, SHRINK, GROW, WRITE, FUTURE_WRITE = 1033, 1, 2, 4, 8, 16
pause = threading.Event().wait


def attack(function):
    ATTACKS[function.__name__.replace("_", "-")] = function
    return function


def said(name, *pieces):
    """An attack that greets, begins the request, and says that."""

    def run(c):
        c.greeted()
        c.begin()
        c.send(*pieces)

    ATTACKS[name] = run


def sent(name, data, files):
    """The same with descriptors."""

    def run(c):
        c.greeted()
        c.begin()
        wire.with_descriptors(c.peer, data, files())

    ATTACKS[name] = run


def memory(size=HEADER + PART + CHILDS, seals=SEAL | SHRINK | GROW, flags=2):
    file = os.memfd_create("hostile", flags)
    os.truncate(file, size)
    fcntl.fcntl(file, F_ADD_SEALS, seals)
    return file


def regular(data=b"0123456789"):
    file = tempfile.TemporaryFile()
    file.write(data)
    file.flush()
    return file


@attack
def none(c):
    """Keeps to the rules."""
    c.greeted()
    c.answer(b"served by the attacker")


@attack
def pid(c):
    """Keeps to the rules, and says which process it is. Its connection may have had requests before."""
    if not c.has_greeted:
        c.greeted()
    c.answer(str(os.getpid()).encode())


# Heads.
for status in (0, 1, 99, 100, 101, 102, 103, 199, 600, 999, 1000, 65535):
    said(f"status-{status}", wire.head(status, b"Status"), wire.frame(wire.DATA, INJECTED), wire.frame(wire.END))
for status in (204, 304):
    said(f"body-with-{status}", wire.answer(INJECTED, status=status))
said("length-too-short", wire.head(fields=[(b"Content-Length", b"5")]), wire.frame(wire.DATA, b"first" + INJECTED), wire.frame(wire.END))
said("length-too-long", wire.head(fields=[(b"Content-Length", b"500")]), wire.frame(wire.DATA, b"first"), wire.frame(wire.END))
said("length-beyond-all-numbers", wire.head(fields=[(b"Content-Length", b"9" * 40)]), wire.frame(wire.END))
said("length-twice-in-one", wire.head(fields=[(b"Content-Length", b"5, 6")]), wire.frame(wire.DATA, b"first"), wire.frame(wire.END))
said("chunks-of-its-own", wire.head(fields=[(b"Transfer-Encoding", b"chunked")]), wire.frame(wire.DATA, b"0\r\n\r\n" + INJECTED))
said("header-that-splits", wire.head(fields=[(b"X", b"1\r\n\r\n" + INJECTED)]), wire.frame(wire.END))
said("header-that-folds", wire.head(fields=[(b"X", b"1\r\n X-Injected: 1")]), wire.frame(wire.END))
said("name-that-splits", wire.head(fields=[(b"X: 1\r\nX-Injected", b"1")]), wire.frame(wire.END))
said("reason-that-splits", wire.head(reason=b"OK\r\nX-Injected: 1"), wire.frame(wire.END))
said("upgrade", wire.head(fields=[(b"Upgrade", b"h2c"), (b"Connection", b"Upgrade")]), wire.frame(wire.END))
said("two-heads", wire.head(fields=[(b"Content-Length", b"5")]), wire.head(fields=[(b"X-Injected", b"1")]), wire.frame(wire.END))
said("answer-twice", wire.answer(b"first"), wire.hello(), wire.answer(b"second", [(b"X-Injected", b"1")]))
said("end-alone", wire.frame(wire.END))
said("body-alone", wire.frame(wire.DATA, INJECTED), wire.frame(wire.END))
said("garbage", bytes(range(256)) * 40)
said("longest-length", wire.frame(wire.DATA, length=0xFFFFFFFF))
said("data-too-long", wire.head(), wire.frame(wire.DATA, length=65537))
said("head-of-no-end", wire.frame(wire.HEAD, struct.pack("<HI", 200, 0) + struct.pack("<I", 0xFFFFFFFF)))
said("want-beyond-all-measure", *[wire.frame(wire.WANT, struct.pack("<I", 0xFFFFFFFF))] * 3)
said("aborts", wire.frame(wire.ABORT, b"\x01"))
said("refuses-what-has-begun", wire.log_line(b"begun"), wire.frame(wire.REFUSED, b"\x03"))
said("hello-twice", wire.hello(), wire.answer(b"x"))
said("frames-of-a-child", wire.frame(wire.REQUEST, bytes(80)))


@attack
def another_version(c):
    c.send(wire.hello(version=99))


@attack
def large_head(c):
    """15 MB in fields that are each as long as they may be, and then the rest of the conversation."""
    c.greeted()
    c.begin()
    c.finish()
    c.send(wire.head(fields=[(b"X-%d" % number, b"v" * 7000) for number in range(2000)]), wire.frame(wire.END))


@attack
def many_headers(c):
    c.greeted()
    c.begin()
    c.finish()
    c.send(wire.head(fields=[(b"X-%d" % number, b"v") for number in range(200_000)]), wire.frame(wire.END))


# Refusals and silence.
@attack
def always_new_code(c):
    c.greeted()
    c.send(wire.frame(wire.REFUSED, b"\x03"))
    c.world.table.release(c.world.slot)


@attack
def always_going_away(c):
    c.greeted()
    c.send(wire.frame(wire.REFUSED, b"\x01"))
    c.world.table.release(c.world.slot)


@attack
def go_away_without_end(c):
    c.greeted()
    c.begin()
    while True:
        c.send(wire.frame(wire.GO_AWAY) * 1000)


@attack
def closes_without_a_word(c):
    c.peer.shutdown(socket.SHUT_RDWR)


@attack
def closes_what_has_begun(c):
    c.begin()
    c.peer.shutdown(socket.SHUT_RDWR)


@attack
def silence(c):
    c.greeted()
    c.begin()
    pause(60)


@attack
def silence_before_it_has_begun(c):
    pause(60)


@attack
def silence_within_a_body(c):
    c.greeted()
    c.begin()
    c.send(wire.head(fields=[(b"Content-Length", b"500")]), wire.frame(wire.DATA, b"first"))
    pause(60)


@attack
def byte_by_byte_without_end(c):
    """Never silent for long, never done."""
    c.greeted()
    c.begin()
    while True:
        for byte in wire.log_line(b"x" * 50, level=7):
            c.send(bytes([byte]))
            pause(0.05)


@attack
def lines_without_end(c):
    c.greeted()
    c.begin()
    while True:
        c.send(wire.log_line(b"x" * 60_000, level=7))


@attack
def drops_of_body_without_end(c):
    c.greeted()
    c.begin()
    c.send(wire.head())
    while True:
        c.send(wire.frame(wire.DATA, b"x"))
        pause(0.2)


@attack
def log_lines_that_are_forged(c):
    c.greeted()
    c.begin()
    forged = b"\n[Mon Jan 01 00:00:00.000000 2026] [core:error] [pid 1] forged-line\r\x1b[2Jforged"
    c.send(wire.log_line(b"one" + forged, level=3, file=b"file" + forged), wire.answer(b"x"))


# Descriptors.
FILE = wire.frame(wire.FILE, struct.pack("<QQ", 0, 10))
HEAD = wire.head(fields=[(b"Content-Length", b"10")])
sent("file-that-is-a-file", HEAD + FILE + wire.frame(wire.END), lambda: [regular()])
sent("file-that-is-a-pipe", HEAD + FILE, lambda: [os.pipe()[0]])
sent("file-that-is-a-device", HEAD + FILE, lambda: [os.open("/dev/zero", os.O_RDONLY)])
sent("file-that-is-a-directory", HEAD + FILE, lambda: [os.open("/", os.O_RDONLY)])
sent("file-that-is-a-socket", HEAD + FILE, lambda: [socket.socket()])
sent("file-that-is-of-proc", HEAD + FILE, lambda: [os.open("/proc/self/mem", os.O_RDONLY)])
sent("descriptors-by-the-hundred", HEAD + FILE, lambda: [os.open("/dev/null", os.O_RDONLY)] * 250)
sent("descriptor-that-nobody-announced", HEAD + wire.frame(wire.DATA, b"0123456789") + wire.frame(wire.END), lambda: [regular()])
sent("memory-of-its-own", wire.frame(wire.MEMORY), lambda: [memory()])
said("memory-asked-for-twice", wire.frame(wire.MEMORY) * 2, wire.answer(b"x"))
said("lent-without-memory", HEAD, wire.frame(wire.LENT, struct.pack("<II", 0, 10)), wire.frame(wire.END))


@attack
def descriptors_of_descriptors(c):
    """A socket in whose queue lies a socket, and so on: to close it is work for the kernel."""
    c.greeted()
    c.begin()
    inner = regular().fileno()
    for _ in range(200):
        near, far = socket.socketpair()
        wire.with_descriptors(near, b"x", [inner])
        inner = far.fileno()
        far.detach()
        near.detach()
    wire.with_descriptors(c.peer, HEAD + FILE, [inner])


def with_memory(c, then):
    """Asks for memory with an answer, and attacks with the next request of the connection, before which it comes."""
    c.greeted()
    c.begin()
    c.finish()
    c.send(wire.frame(wire.MEMORY), wire.answer(b"asked for memory"))
    data, received = b"", []
    while not received:
        part, ancillary, _, _ = c.peer.recvmsg(65536, 4096)
        if not part:
            raise EOFError
        data += part
        for _, _, numbers in ancillary:
            received += struct.unpack(f"{len(numbers) // 4}i", numbers)
    # The rest of the request is of no interest.
    c.begin()
    then(c, received[0], os.fstat(received[0]).st_size)


@attack
def memory_that_changes(c):
    """What is lent changes while it is on its way: the attacker's own client sees that, nobody else."""

    def change(c, file, size):
        c.send(wire.head(fields=[(b"Content-Length", b"100000")]), wire.frame(wire.LENT, struct.pack("<II", 0, 100_000)))
        for number in range(200):
            os.pwrite(file, bytes([number]) * 65536, 64 + number % 2 * 65536)
        c.finish()
        c.send(wire.frame(wire.END))

    with_memory(c, change)


@attack
def memory_with_a_count_of_nonsense(c):
    """The words that the child counts with, all ones, then a body from beyond the end."""

    def scribble(c, file, size):
        os.pwrite(file, b"\xff" * 64, 0)
        c.send(HEAD, wire.frame(wire.LENT, struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)))

    with_memory(c, scribble)


@attack
def memory_that_is_made_shorter(c):
    def shorten(c, file, size):
        for length in (0, size - 1, size + 1):
            try:
                os.ftruncate(file, length)
                c.send(wire.answer(b"resized"))
            except OSError:
                pass
        c.finish()
        c.send(wire.answer(b"refused"))

    with_memory(c, shorten)


@attack
def never_reads(c):
    """A body is on its way that nobody takes."""
    c.greeted()
    c.begin()
    c.send(wire.frame(wire.WANT, struct.pack("<I", 1 << 23)))
    pause(60)


@attack
def answers_before_the_body(c):
    c.greeted()
    c.begin()
    c.finish()
    c.send(wire.answer(b"early", [(b"X-Early", b"1")]))


@attack
def never_ends(c):
    """Every byte was sent, and nobody says that this was all."""
    c.greeted()
    c.begin()
    c.send(wire.answer(b"first")[:-9])
    select.select([], [], [], 60)
