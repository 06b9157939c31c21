"""What a process without rights tries against everything of a server's that it finds: used by code in a child of httpd's, and run by itself as a stranger
or as httpd's user (`attempts.py NAME HTTPD_PID ROOT`). Each says what succeeded, or `refused`."""

import ctypes
import fcntl
import os
import resource
import socket
import sys


def tried(*attempts):
    done = []
    for name, attempt in attempts:
        try:
            attempt()
            done.append(name)
        except (OSError, ValueError):
            pass
    return "; ".join(done) or "refused"


def parent(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def family(httpd):
    """httpd's parent and all that descends from it."""
    found, grown = {httpd}, True
    while grown:
        grown = False
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and int(name) not in found and parent(name) in found:
                    found.add(int(name))
                    grown = True
            except OSError:
                pass
    return found - {os.getpid()}


def owner(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("Uid:")).split()[1])


def of_others(httpd):
    """Those of the family that have another user."""
    found = []
    for pid in family(httpd):
        try:
            if owner(pid) != os.getuid():
                found.append(pid)
        except OSError:
            pass
    assert found, "there is nobody to attack"
    return found


def signals(httpd, root):
    return tried(*((f"signal {number} to {pid}", lambda pid=pid, number=number: os.kill(pid, number)) for pid in of_others(httpd) for number in (0, 10)))


def looks(httpd, root):
    attempts = []
    for pid in of_others(httpd):
        for part in ("mem", "environ", "maps"):
            attempts.append((f"{part} of {pid}", lambda pid=pid, part=part: open(f"/proc/{pid}/{part}", "rb").read(1)))
        attempts.append((f"descriptors of {pid}", lambda pid=pid: os.listdir(f"/proc/{pid}/fd")))
        attempts.append((f"limits of {pid}", lambda pid=pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))))
    return tried(*attempts)


def traces(httpd, root):
    libc = ctypes.CDLL(None, use_errno=True)

    def trace(pid):
        if libc.ptrace(16, pid, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    return tried(*((f"ptrace of {pid}", lambda pid=pid: trace(pid)) for pid in of_others(httpd)))


def reaches_the_log_writer(httpd, root):
    """The process of httpd's own user that writes the lines of daemon processes: its memory, and the socket over which they come."""
    libc = ctypes.CDLL(None, use_errno=True)
    writers = [pid for pid in family(httpd) if name_of(pid) == "wsgi-log"]
    assert writers and all(owner(pid) == os.getuid() for pid in writers), "there is none of this user"

    def call(what, *arguments):
        if what(*arguments) < 0:
            raise OSError(ctypes.get_errno(), what.__name__)

    def takes_a_descriptor(pid):
        # pidfd_open, pidfd_getfd
        watch = libc.syscall(434, pid, 0)
        for number in range(3, 64) if watch >= 0 else ():
            if libc.syscall(438, watch, number, 0) >= 0:
                return
        raise OSError("no descriptor")

    def reads_memory(pid):
        room = ctypes.create_string_buffer(8)
        # Two `struct iovec`: the writer is forked from a process of the same layout, so the address may be mapped there.
        there, here = ((ctypes.c_size_t * 2)(ctypes.addressof(room), 1) for _ in range(2))
        # EFAULT says that it may: nothing is mapped there.
        if libc.process_vm_readv(pid, here, 1, there, 1, 0) < 0 and ctypes.get_errno() != 14:
            raise OSError(ctypes.get_errno(), "process_vm_readv")

    attempts = []
    for pid in writers:
        for part in ("mem", "environ", "maps"):
            attempts.append((f"{part} of {pid}", lambda pid=pid, part=part: open(f"/proc/{pid}/{part}", "rb").read(1)))
        attempts.append((f"descriptors of {pid}", lambda pid=pid: os.listdir(f"/proc/{pid}/fd")))
        attempts.append((f"a descriptor of {pid}", lambda pid=pid: takes_a_descriptor(pid)))
        attempts.append((f"memory of {pid}", lambda pid=pid: reads_memory(pid)))
        # PTRACE_SEIZE
        attempts.append((f"ptrace of {pid}", lambda pid=pid: call(libc.ptrace, 0x4206, pid, 0, 0)))
    ours = [target for number, target in open_files() if target.startswith("socket:") and is_seqpacket(number)]
    return "; ".join(filter(None, [tried(*attempts)] + [f"{target} is open" for target in ours]))


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as name:
            return name.read().strip()
    except OSError:
        return ""


def is_seqpacket(number):
    with socket.socket(fileno=os.dup(number)) as peer:
        return peer.type == socket.SOCK_SEQPACKET


def sockets(root):
    paths = set()
    for line in open("/proc/net/unix"):
        words = line.split()
        if len(words) == 8 and words[7].startswith(root):
            # A socket is made under a longer name, which the kernel goes on showing.
            paths.update({words[7], words[7][:-1]})
    return sorted(paths)


def owner_of(path):
    """The sockets are httpd's user's own, who could let others connect; a daemon process looks at who does."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def moves(httpd, root):
    """Where the sockets are, and what else httpd keeps in its runtime directory."""
    places = {os.path.dirname(path) for path in sockets(root)} | {os.path.join(root, "run"), os.path.join(root, "logs")}
    attempts = []
    for place in places:
        attempts.append((f"file in {place}", lambda place=place: os.close(os.open(f"{place}/hostile", os.O_CREAT | os.O_WRONLY))))
        attempts.append((f"link in {place}", lambda place=place: os.symlink("/etc/shadow", f"{place}/hostile-link")))
    for path in sockets(root):
        attempts.append((f"unlink of {path}", lambda path=path: os.unlink(path)))
        attempts.append((f"rename of {path}", lambda path=path: os.rename(path, path + ".aside")))
        if owner_of(path) != os.getuid():
            attempts.append((f"mode of {path}", lambda path=path: os.chmod(path, 0o777)))
    return tried(*attempts)


def knocks(httpd, root):
    def knock(path):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)

    assert sockets(root), "there is no socket"
    return tried(*((path, lambda path=path: knock(path)) for path in sockets(root)))


def speaks_without_the_secret(httpd, root):
    """As httpd's user, who may connect: with a greeting whose secret is a guess, and a request."""
    import wire

    heard = []
    for path in sockets(root):
        with socket.socket(socket.AF_UNIX) as peer:
            try:
                peer.connect(path)
                peer.settimeout(5)
                peer.sendall(wire.hello() + wire.frame(wire.REQUEST, bytes(64)))
                if peer.recv(1):
                    heard.append(path)
            except OSError:
                pass
    return "; ".join(heard) or "refused"


def regains(httpd, root):
    return tried(
        ("uid 0", lambda: os.setuid(0)),
        ("uids 0", lambda: os.setresuid(0, 0, 0)),
        ("gid 0", lambda: os.setgid(0)),
        ("groups", lambda: os.setgroups([0])),
        ("shadow", lambda: open("/etc/shadow").close()),
    )


def knocks_at_others(httpd, root):
    """As a tenant: at the sockets of groups that are not its own. Its own one it listens on."""
    own = {socket.socket(fileno=os.dup(number)).getsockname() for number in listening(socket.AF_UNIX)}
    assert own, "it listens nowhere"
    # As `sockets` names them.
    own |= {name[:-1] for name in own}

    def knock(path):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)

    others = [path for path in sockets(root) if path not in own]
    assert others, "there is no socket"
    return tried(*((path, lambda path=path: knock(path)) for path in others))


def open_files():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield int(name), os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass


def listening(family):
    """The descriptors of listening sockets that the process has."""
    found = []
    for number, target in open_files():
        if target.startswith("socket:"):
            with socket.socket(fileno=os.dup(number)) as peer:
                if peer.family == family and peer.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    found.append(number)
    return found


def takes_connections(httpd, root):
    """The sockets that httpd's clients connect to."""
    ours = listening(socket.AF_INET) + listening(socket.AF_INET6)
    return "; ".join(f"listens where httpd does, by descriptor {number}" for number in ours) or "refused"


def writes_shared_memory(httpd, root):
    """Memory that httpd shares with its children (its scoreboard is one), and files that it keeps things in. A group's own table is no part of that."""
    done, tables = [], set()
    with open("/proc/self/maps") as maps:
        lines = [line.split(None, 5) for line in maps]
    for words in lines:
        name = words[5].strip() if len(words) > 5 else ""
        if not words[1].startswith("rw") or not words[1].endswith("s") or name.startswith("/memfd:wsgi-memory"):
            continue
        if name.startswith("/memfd:mod_wsgi_rs-table"):
            tables.add(words[4])
            continue
        start = int(words[0].split("-")[0], 16)
        # The same byte again.
        ctypes.memmove(start, ctypes.string_at(start, 1), 1)
        done.append(f"memory of {name}")
    if len(tables) > 1:
        done.append("tables of other groups")
    for number, target in open_files():
        if "scoreboard" in target:
            try:
                os.pwrite(number, os.pread(number, 1, 0), 0)
                done.append(target)
            except OSError:
                pass
    return "; ".join(done) or "refused"


FORGED = b"one\n[Mon Jan 01 00:00:00.000000 2026] [core:error] [pid 1] forged-line\r\x1b[2J\n"


def writes_logs(httpd, root):
    """httpd's log files, and lines that look as if somebody else had written them."""
    os.write(2, FORGED)
    done = []
    for number, target in open_files():
        if target.startswith(os.path.join(root, "logs")) and writable(number):
            done.append(f"{os.path.basename(target)} is open for writing")
    return "; ".join(done) or "refused"


def writable(number):
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


ATTEMPTS = {
    f.__name__.replace("_", "-"): f
    for f in (
        signals,
        looks,
        traces,
        moves,
        knocks,
        knocks_at_others,
        takes_connections,
        writes_shared_memory,
        writes_logs,
        speaks_without_the_secret,
        regains,
        reaches_the_log_writer,
    )
}

if __name__ == "__main__":
    # `attempts.py NAME HTTPD_PID ROOT UID`: becomes that user first.
    uid = int(sys.argv[4])
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    print(ATTEMPTS[sys.argv[1]](int(sys.argv[2]), sys.argv[3]))
