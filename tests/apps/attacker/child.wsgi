"""Hostile code in a child of httpd's (`/child/NAME?PID:ROOT`, with httpd's parent), which may do what httpd's user may, and in a daemon process of another
user's (`/tenant/NAME?PID:ROOT`), which may do what that user may. They must gain nothing beyond that."""

import ctypes
import mmap
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import attempts


def descriptors():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield int(name), os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass


def overwrites_memory(httpd, root):
    """Every memory file that the child has open, can open again or has mapped, other than what httpd shares with its own children."""
    count = 0
    for number, target in descriptors():
        if not target.startswith("/memfd:"):
            continue
        try:
            size = os.fstat(number).st_size
            again = os.open(f"/proc/self/fd/{number}", os.O_RDWR)
        except OSError:
            continue
        try:
            with mmap.mmap(again, size) as memory:
                memory[:] = b"\xff" * size
                count += 1
        except (OSError, ValueError):
            pass
        finally:
            os.close(again)
    with open("/proc/self/maps") as maps:
        for words in (line.split() for line in maps):
            if len(words) > 5 and words[1] == "rw-s" and words[5].startswith("/memfd:"):
                start, end = (int(word, 16) for word in words[0].split("-"))
                ctypes.memset(start, 0xFF, end - start)
                count += 1
    return f"done: {count}"


def sends_everywhere(httpd, root):
    """Nonsense over every Unix socket that the child has, with a descriptor."""
    count = 0
    for number, target in descriptors():
        if target.startswith("socket:"):
            peer = socket.socket(fileno=os.dup(number))
            try:
                if peer.family == socket.AF_UNIX:
                    count += 1
                    socket.send_fds(peer, [bytes(range(256)) * 8], [1])
            except OSError:
                pass
            finally:
                peer.close()
    return f"done: {count}"


def ours_in_a_program(httpd, root):
    """What a program that it executes finds open of ours."""
    import subprocess

    ours = {target for number, target in descriptors() if number > 2 and (target.startswith("/memfd:mod_wsgi_rs") or is_unix(number, target))}
    found = subprocess.check_output(["/bin/sh", "-c", "ls -l /proc/self/fd"], close_fds=False, text=True)
    return "; ".join(line for line in found.splitlines() if line.rpartition(" -> ")[2] in ours) or "refused"


def is_unix(number, target):
    if not target.startswith("socket:"):
        return False
    with socket.socket(fileno=os.dup(number)) as peer:
        return peer.family == socket.AF_UNIX


def writes_into_the_parent(httpd, root):
    """httpd's parent and the supervisor, by their memory: what root acts upon is not for children to write."""
    libc = ctypes.CDLL(None, use_errno=True)

    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    word = ctypes.create_string_buffer(b"hostile")

    def write(pid):
        local = Vector(ctypes.addressof(word), 7)
        with open("/proc/self/maps") as maps:
            # The parent's memory is where the child's was.
            place = next(int(line.split("-")[0], 16) for line in maps if "rw-p" in line)
        remote = Vector(place, 7)
        if libc.process_vm_writev(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) < 0:
            raise OSError(ctypes.get_errno(), "process_vm_writev")

    return attempts.tried(*((f"memory of {pid}", lambda pid=pid: write(pid)) for pid in attempts.of_others(httpd)))


OWN = {f.__name__.replace("_", "-"): f for f in (overwrites_memory, sends_everywhere, ours_in_a_program, writes_into_the_parent)}


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    httpd, _, root = environ["QUERY_STRING"].partition(":")
    result = {**attempts.ATTEMPTS, **OWN}[name](int(httpd), root)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [result.encode()]
