"""Attacks on the supervisor and its host, by a daemon process that it has started. Those of `AT_START` take the process's own place from its first message on."""

import ctypes
import errno
import os
import resource
import signal
import socket
import struct
import sys
import threading

import shared
import wire
from attempts import tried

ATTACKS, AT_START = {}, {}
pause = threading.Event().wait
# Names that are nearly as long as they may be: 30,000 of them are more than may be kept.
LONG = b"x" * 4000
FORGED = b"\n[Mon Jan 01 00:00:00.000000 2026] [core:error] [pid 1] forged-line\r\x1b[2J"


def attack(function):
    """Answers first, so that the client is not what is waited for; says afterwards what is said."""

    def run(c):
        c.greeted()
        c.answer(b"begins")
        function(c.world)

    ATTACKS[function.__name__.replace("_", "-")] = run
    return function


def asked(function):
    """Tries something, and answers with what came of it."""

    def run(c):
        c.greeted()
        c.answer(function(c.world).encode())

    ATTACKS[function.__name__.replace("_", "-")] = run
    return function


def at_start(function):
    AT_START[function.__name__.replace("_", "-")] = function
    return function


@attack
def messages_of_a_megabyte(world):
    for number in range(1000):
        world.say(wire.LOADED, wire.loaded(b"/%d/" % number + b"x" * (1024 * 1024 - 80), number=number))


@attack
def paths_by_the_thousand(world):
    for number in range(30_000):
        world.say(wire.LOADED, wire.loaded(b"/nowhere/%d.wsgi" % number + LONG, number=number))


@attack
def applications_by_the_thousand(world):
    """One path, ever other application groups."""
    for number in range(30_000):
        world.say(wire.LOADED, wire.loaded(b"/nowhere/one.wsgi", b"group-%d" % number + LONG))


@attack
def paths_that_answer_nobody(world):
    fifo = f"/tmp/hostile-fifo-{os.getpid()}"
    os.mkfifo(fifo)
    try:
        for path in (fifo, "/dev/tty", "/dev/zero", "/proc/self/mem", "/proc/kmsg", "/" + "a/" * 2000, "relative", "", "/x\n[forged]"):
            world.say(wire.LOADED, wire.loaded(path.encode()))
        pause(2)
    finally:
        os.unlink(fifo)


@attack
def messages_that_are_none(world):
    world.say(99)


@attack
def messages_of_no_end(world):
    world.say(wire.LOADED, b"", length=0xFFFFFFFF)


@attack
def half_a_message(world):
    world.say(wire.LOADED, b"half", length=1000)
    pause(30)


@attack
def messages_of_a_supervisor(world):
    for kind in (wire.STOP, wire.DRAIN):
        world.say(kind, b"shutdown_signal")
    world.say(wire.BEGIN, b"")
    world.say(wire.ASK)


@attack
def ready_by_the_thousand(world):
    for _ in range(20_000):
        world.say(wire.STARTED, b"3.9")
        world.say(wire.READY)


@attack
def replacements_by_the_thousand(world):
    for _ in range(20_000):
        world.say(wire.REPLACE_ME, b"maximum_requests")


@attack
def loads_of_nonsense(world):
    for _ in range(1000):
        world.say(wire.LOAD, b"\xff" * 20)
    world.say(wire.LOAD, b"short")


@attack
def words_that_are_forged(world):
    world.say(wire.STARTED, b"3.9" + FORGED)
    world.say(wire.NOT_READY, b"because" + FORGED)


@attack
def output_that_is_forged(world):
    os.write(2, b"one" + FORGED + b"\n")
    os.write(1, b"\0" * 100 + b"\x1b[31mred\n")


@attack
def output_without_end(world):
    # For a while: what it costs is looked at meanwhile.
    until = threading.Event()
    threading.Timer(3, until.set).start()
    while not until.is_set():
        os.write(1, b"x" * 65536)


@attack
def lines_of_output_without_end(world):
    for _ in range(40_000):
        os.write(1, b"output of an attacker\n" * 20)


@attack
def deaf_to_its_supervisor(world):
    """Reads no message, and heeds no signal."""
    world.heeds = False
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    pause(60)


@attack
def closes_everything(world):
    os.closerange(0, 1024)
    pause(30)


@attack
def shuts_the_control_socket(world):
    world.heeds = False
    world.control.shutdown(socket.SHUT_RDWR)
    os.close(9)
    pause(30)


@attack
def versions_by_the_thousand(world):
    """The file of a script that it has loaded is another one each time."""
    world.say(wire.LOADED, wire.loaded(b"/nowhere/one.wsgi"))
    for number in range(30_000):
        world.say(wire.CHANGED, bytes(16) + struct.pack("<QQQQ", number, 0, 0, 0))


@attack
def descriptors_to_the_supervisor(world):
    """Over the control connection, whose supervisor's end would have to close them."""
    try:
        for _ in range(50):
            wire.with_descriptors(world.control, b"x", [os.open("/dev/null", os.O_RDONLY)] * 100)
    except OSError:
        pass


@attack
def dies(world):
    os._exit(3)


@attack
def kills_itself_with_a_story(world):
    """The memory file says that it served requests, with control characters, and the stack is not one."""
    slot = struct.pack("<Q", 1) + (b"GET" + FORGED)[:15].ljust(16, b"\0") + b"id\n".ljust(40, b"\0") + (b"/" + FORGED).ljust(192, b"\0")
    size = os.fstat(5).st_size
    os.pwrite(5, slot[:256] * (max(size - 65536, 256) // 256), 0)
    os.pwrite(5, b"Fatal Python error: x" + FORGED + b"Current thread 0x1:\n" + b"  File \x1b[2J\n" * 500, max(size - 65536, 0))
    os.kill(os.getpid(), signal.SIGSEGV)


@attack
def stops_listening(world):
    world.listener.shutdown(socket.SHUT_RDWR)
    world.heeds = True


@attack
def stands_still(world):
    os.kill(os.getpid(), signal.SIGSTOP)


@asked
def cuts_its_files(world):
    """The files that it shares with root and with children."""
    found = []
    for name, number in (("memory", 5), ("table", 6), ("scoreboard", 8)):
        for size in (0, 1 << 40):
            try:
                os.ftruncate(number, size)
                found.append(f"{name} is {size} long")
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EINVAL, errno.EBADF):
                    found.append(f"{name}: {error}")
    return "; ".join(found) or "refused"


@asked
def writes_the_scoreboard(world):
    try:
        os.pwrite(8, b"\xff" * 4096, 0)
    except OSError:
        return "refused"
    return "refused" if os.readlink("/proc/self/fd/8") == "/dev/null" else "written"


def parents():
    """The supervisor, httpd's parent, and httpd's children."""
    supervisor = os.getppid()

    def parent(pid):
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])

    httpd = parent(supervisor)
    rest = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and parent(name) == httpd and int(name) != supervisor:
                rest.append(int(name))
        except OSError:
            pass
    return [supervisor, httpd, *rest]


@asked
def signals_its_betters(world):
    return tried(*((f"signal {number} to {pid}", lambda pid=pid, number=number: os.kill(pid, number)) for pid in parents() for number in (0, 10)))


@asked
def looks_into_its_betters(world):
    attempts = []
    for pid in parents():
        for part in ("mem", "environ", "maps"):
            attempts.append((f"{part} of {pid}", lambda pid=pid, part=part: open(f"/proc/{pid}/{part}", "rb").read(1)))
        attempts.append((f"descriptors of {pid}", lambda pid=pid: os.listdir(f"/proc/{pid}/fd")))
        attempts.append((f"limits of {pid}", lambda pid=pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))))
    return tried(*attempts)


@asked
def traces_its_betters(world):
    libc = ctypes.CDLL(None, use_errno=True)

    def trace(pid):
        if libc.ptrace(16, pid, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    return tried(*((f"ptrace of {pid}", lambda pid=pid: trace(pid)) for pid in parents()))


@asked
def moves_sockets(world):
    """Where the groups' sockets are: its own and those of others."""
    own = [line.split()[-1] for line in open("/proc/net/unix") if "mod_wsgi" in line]
    places = {os.path.dirname(path) for path in own if path.startswith("/")}
    attempts = []
    for place in places:
        attempts.append((f"file in {place}", lambda place=place: os.close(os.open(f"{place}/hostile", os.O_CREAT | os.O_WRONLY))))
        attempts.append((f"rename of {place}", lambda place=place: os.rename(place, place + ".aside")))
        for name in safely_listed(place):
            path = f"{place}/{name}"
            attempts.append((f"unlink of {path}", lambda path=path: os.unlink(path)))
            attempts.append((f"rename of {path}", lambda path=path: os.rename(path, path + ".aside")))
    return tried(*attempts)


def safely_listed(place):
    try:
        return os.listdir(place)
    except OSError:
        return []


@asked
def knocks_at_other_groups(world):
    """Every Unix socket of the machine that has our name and is not its own."""
    own = world.listener.getsockname()
    own = own.decode() if isinstance(own, bytes) else own
    base = own.rstrip("0123456789~+-.abcdefghijklmnopqrstuvwxyz") if False else own.rpartition(".")[0]
    attempts = []
    for line in open("/proc/net/unix"):
        words = line.split()
        if len(words) == 8 and "mod_wsgi" in words[7] and not words[7].startswith(base):
            attempts.append((words[7], lambda path=words[7]: knock(path)))
            attempts.append((words[7][:-1], lambda path=words[7][:-1]: knock(path)))
    return tried(*attempts)


def knock(path):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)


@asked
def regains_root(world):
    attempts = [
        ("uid 0", lambda: os.setuid(0)),
        ("uids 0", lambda: os.setresuid(0, 0, 0)),
        ("gid 0", lambda: os.setgid(0)),
        ("groups", lambda: os.setgroups([0])),
        ("shadow", lambda: open("/etc/shadow").close()),
        ("lower nice value", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)),
    ]
    # Where the suites do not run as root there is nobody else to be.
    return tried(*attempts) if os.getuid() else "refused"


@asked
def keys_of_its_betters(world):
    """Which session keyring this process is in, and what lies there."""
    KEYCTL, SESSION, DESCRIBE, READ = 250 if os.uname().machine == "x86_64" else 219, -3, 6, 11
    libc, text = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(4096)
    if libc.syscall(KEYCTL, DESCRIBE, ctypes.c_int(SESSION), text, len(text)) == -1:
        # No keyrings on this system, or not for us.
        return "refused"
    name = text.value.decode(errors="replace")
    keys = libc.syscall(KEYCTL, READ, ctypes.c_int(SESSION), text, len(text))
    return "refused" if name.endswith(";_ses") and keys <= 0 else f"{name} with {keys // 4} keys"


@asked
def children_for_the_supervisor(world):
    """Siblings of this process that end at once. Nothing of Python runs in them."""
    here = os.uname().machine == "x86_64"
    CLONE_PARENT, CLONE, EXIT = 0x8000, 56 if here else 220, 60 if here else 93
    # The one that keeps Python's lock during a call: each side goes on with it.
    libc, made = ctypes.PyDLL(None), []
    for _ in range(50):
        pid = libc.syscall(CLONE, CLONE_PARENT | signal.SIGCHLD, None, None, None, None)
        if pid == 0:
            libc.syscall(EXIT, 0)
        made.append(pid)
    for _ in range(100):
        left = [pid for pid in made if pid > 0 and os.path.exists(f"/proc/{pid}")]
        if not left:
            return "refused"
        pause(0.1)
    return f"{len(left)} ended processes are left"


@at_start
def never_ready(world):
    world.say(wire.STARTED, b"3.9")


@at_start
def never_a_word(world):
    pass


@at_start
def ends_at_once(world):
    os._exit(1)


@at_start
def not_ready_for_ever(world):
    world.say(wire.NOT_READY, b"no" * 100_000)
    pause(60)


@at_start
def ready_before_it_started(world):
    world.say(wire.READY)


@at_start
def nonsense_at_once(world):
    world.write(bytes(range(256)) * 100)
    pause(60)
