#!/usr/bin/env python3
"""Runs the last stage of docker/debian.Dockerfile in a chroot, and its program as process 1 of namespaces of its own.

`container.py run ROOT`: ROOT is a Debian with the packages that the image installs, and what the build stage made in
/src/stage. There is no container engine: each instruction is carried out as its documentation says.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

PORT = 8080
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def instructions(text):
    """The instructions of the last stage as (word, rest)."""
    text = re.sub(r"(?m)^\s*#.*\n", "", text)
    text = re.sub(r"\\\n", " ", text)
    found = []
    for line in text.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            found = [] if word == "FROM" else found
            found.append((word, " ".join(rest.split()) if word != "RUN" else rest))
    return found


class Image:
    def __init__(self, root, checkout):
        self.root, self.checkout = pathlib.Path(root), pathlib.Path(checkout)
        self.user, self.command, self.stop, self.health = "0:0", None, "SIGTERM", None

    def build(self, steps):
        for word, rest in steps:
            print("  %s %s" % (word, rest[:100]))
            getattr(self, "do_" + word.lower())(rest)

    def do_from(self, rest):
        pass

    def do_expose(self, rest):
        assert int(rest) == PORT, rest

    def do_user(self, rest):
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", rest), "USER is no number of an ordinary user: %s" % rest
        self.user = rest

    def do_stopsignal(self, rest):
        self.stop = rest

    def do_cmd(self, rest):
        self.command = json.loads(rest)

    def do_healthcheck(self, rest):
        self.health = json.loads(rest[rest.index("CMD ") + 4:])

    def do_copy(self, rest):
        *options, source, target = shlex.split(rest)
        target = self.root / target.lstrip("/")
        if options:  # --from=build
            subprocess.run(["cp", "-a", "%s/." % (self.root / source.strip("/")), str(target)], check=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.checkout / source, target)
            target.chmod(0o644)

    def do_run(self, rest):
        # There is no network here; what these install is in the base system.
        rest = rest.replace("apt-get update", "true").replace("apt-get install", "apt-get install --no-download")
        done = subprocess.run(self.chrooted(["sh", "-ec", rest]), env={"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"},
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def chrooted(self, command):
        return ["chroot", str(self.root)] + command

    def start(self):
        """The program as process 1, with the image's user and nothing of this process' environment."""
        uid, gid = self.user.split(":")
        become = ["chroot", "--userspec", "%s:%s" % (uid, gid), "--groups", gid, str(self.root)]
        mount = 'mount -t proc proc "$0/proc" && exec "$@"'
        argv = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", mount, str(self.root)] + become + self.command
        self.log = open(self.root / "tmp" / "log", "w+b")
        os.chmod(self.root / "tmp" / "log", 0o666)
        self.outer = subprocess.Popen(argv, env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        for _ in range(300):
            if self.healthy():
                break
            assert self.outer.poll() is None, "the container ended: " + self.said()
            time.sleep(0.1)
        assert self.healthy(), "not healthy: " + self.said()
        children = pathlib.Path("/proc/%d/task/%d/children" % (self.outer.pid, self.outer.pid)).read_text().split()
        self.pid = int(children[0])
        name = os.readlink("/proc/%d/exe" % self.pid)
        assert name.endswith(("/apache2", "/httpd")), "process 1 is %s" % name
        status = pathlib.Path("/proc/%d/status" % self.pid).read_text()
        assert re.search(r"^NSpid:.*\t1$", status, re.M), status
        assert re.search(r"^Uid:\t%s\t" % uid, status, re.M), status

    def said(self):
        self.log.flush()
        return (self.root / "tmp" / "log").read_text(errors="replace")

    def healthy(self):
        uid, gid = self.user.split(":")
        check = ["chroot", "--userspec", "%s:%s" % (uid, gid), str(self.root)] + self.health
        return subprocess.run(check, env={"PATH": PATH}, capture_output=True).returncode == 0

    def ends_by(self, name):
        began = time.monotonic()
        os.kill(self.pid, getattr(signal, name))
        status = self.outer.wait(timeout=20)
        assert status == 0, "%s: exit status %d: %s" % (name, status, self.said())
        assert not self.healthy(), "%s: somebody still answers" % name
        print("  %s: ended after %.1f s" % (name, time.monotonic() - began))


def main():
    checkout = os.environ["PACKAGING_CHECKOUT"]
    image = Image(sys.argv[2], checkout)
    print("== the image")
    image.build(instructions(pathlib.Path(checkout, "docker/debian.Dockerfile").read_text()))
    assert image.user != "0:0" and image.health and image.command
    for name in dict.fromkeys([image.stop, "SIGTERM", "SIGWINCH"]):
        print("== started, and stopped by %s" % name)
        image.start()
        image.ends_by(name)


main()
