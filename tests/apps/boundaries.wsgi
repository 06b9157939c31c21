"""Code in an httpd child that is everybody's enemy (`/attack`), and a page that says who runs it."""

import fcntl
import json
import os
import re
import struct

F_GET_SEALS, F_SEAL_WRITE = 1034, 8


def memories():
    """The memory files that this process can write, by descriptor."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name)
            if not target.startswith("/memfd:"):
                continue
            sealed = fcntl.fcntl(int(name), F_GET_SEALS) & F_SEAL_WRITE
            mode = fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_ACCMODE
        except OSError:
            continue
        if not sealed and mode != os.O_RDONLY:
            found[int(name)] = target.split(":", 1)[1].split(" ")[0]
    return found


def hostile(content, victim):
    """A record in which every process is the victim, everybody is root, and all is due at once; rubbish where there is no record."""
    patched = re.sub(rb"(?s)(\bpid\0\x04\0\0\0).{4}", lambda found: found[1] + struct.pack("<i", victim), content)
    patched = re.sub(rb"(?s)(\b(?:uid|gid|groups)\0\x04\0\0\0).{4}", lambda found: found[1] + bytes(4), patched)
    patched = re.sub(rb"(?s)(\boverdue\0\x01\0\0\0).", lambda found: found[1] + b"\1", patched)
    return patched if patched != content else b"\xff" * len(content)


def attack(victim):
    """Overwrites all that can be written, but a group's table: the group alone suffers by that."""
    written = []
    for number, name in memories().items():
        written.append(name)
        if "table" not in name:
            os.pwrite(number, hostile(os.pread(number, 1 << 20, 0), victim), 0)
    return sorted(set(written))


def application(environ, start_response):
    if environ["SCRIPT_NAME"] == "/attack":
        answer = attack(int(environ["QUERY_STRING"]))
    else:
        answer = [os.getpid(), os.getuid(), os.getgid(), 0 in os.getgroups(), environ["SCRIPT_NAME"]]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
