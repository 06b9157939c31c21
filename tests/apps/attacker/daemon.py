"""A daemon process that belongs to its attacker from the first byte on: no engine, no application. It keeps to the rules until a request's path names an
attack: `/attack/GROUP/NAME`. What its attacks do stands in the files `in_*.py`.

Whoever runs it without the descriptors of a daemon process (Apache's configtest asks interpreters about themselves) gets a Python that behaves."""

import os
import select
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import shared
import wire

LISTENER, CONTROL, MEMORY, TABLE, LIFELINE, SCOREBOARD, OUTBOX = range(3, 10)


class Conversation:
    """One connection of a child."""

    def __init__(self, world, peer):
        self.world, self.peer, self.reader = world, peer, wire.Reader(peer)
        self.ticket = (0xFFFFFFFF, 0)
        self.request = None
        self.has_greeted = False

    def send(self, *pieces):
        self.peer.sendall(b"".join(pieces))

    def greeted(self):
        """Once for each connection, which a child may keep for a further request."""
        if self.has_greeted:
            return
        self.has_greeted = True
        self.send(wire.hello(token=self.world.token))

    def begin(self):
        self.world.table.turn(self.ticket, shared.BEGUN)

    def finish(self):
        """The places and the ticket are given back, as an engine does before it says the end."""
        self.world.table.release(self.world.slot)
        self.world.table.turn(self.ticket, 0)

    def answer(self, body, fields=(), status=200):
        self.begin()
        self.finish()
        self.send(wire.answer(body, fields, status))

    def serve(self):
        kind, payload = self.reader.frame()
        assert kind == wire.HELLO, kind
        self.ticket = struct.unpack_from("<II", payload, 26)
        kind, payload = self.reader.frame()
        assert kind == wire.REQUEST, kind
        while True:
            self.request = wire.Request(payload)
            path = self.request["SCRIPT_NAME"] + self.request["PATH_INFO"]
            name = path.rstrip("/").rpartition("/")[2]
            self.world.attack(name)(self)
            while True:
                kind, payload = self.reader.frame()
                if kind == wire.REQUEST:
                    break


class World:
    """What the process has."""

    def __init__(self, attacks, at_start):
        self.attacks, self.at_start = attacks, at_start
        self.control = socket.socket(fileno=CONTROL)
        self.listener = socket.socket(fileno=LISTENER)
        self.messages = wire.Reader(self.control)
        kind, payload = self.messages.message()
        assert kind == wire.BEGIN, kind
        self.begin = wire.record(payload)
        self.token = self.begin["token"][0]
        (self.slot,) = struct.unpack("<I", self.begin["slot"][0])
        (self.epoch,) = struct.unpack("<I", self.begin["epoch"][0])
        self.table = shared.Table(TABLE)
        self.heeds = True

    def say(self, kind, payload=b"", length=None):
        self.write(wire.control(kind, payload, length))

    def write(self, data):
        while data:
            data = data[os.write(OUTBOX, data) :]

    def attack(self, name):
        return self.attacks.get(name, self.attacks["none"])

    def hear(self):
        """Ends when the supervisor says so, unless an attack has decided otherwise."""
        try:
            while True:
                kind, _ = self.messages.message()
                if kind in (wire.DRAIN, wire.STOP) and self.heeds:
                    break
        except (EOFError, OSError):
            pass
        if self.heeds:
            os._exit(0)

    def run(self):
        # `display-name=` is the attack's name: some begin with the process.
        shown = self.begin.get("display_name", [b""])[0].decode()
        if shown in self.at_start:
            self.at_start[shown](self)
        else:
            self.ready()
        threading.Thread(target=self.hear, daemon=True).start()
        waiting = select.poll()
        waiting.register(self.listener, select.POLLIN)
        while True:
            try:
                waiting.poll()
                peer, _ = self.listener.accept()
            except BlockingIOError:
                continue
            except OSError:
                # An attack has closed or damaged it.
                threading.Event().wait(60)
                continue
            peer.setblocking(True)
            threading.Thread(target=self.one, args=(peer,), daemon=True).start()

    def one(self, peer):
        try:
            Conversation(self, peer).serve()
        except Exception:
            # The child has left, or an attack has left the conversation in a state that it cannot go on from.
            pass
        finally:
            peer.close()

    def ready(self):
        self.say(wire.STARTED, b"3.99 (hostile)")
        self.say(wire.READY)


def is_socket(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    except OSError:
        return False


def main():
    if not is_socket(CONTROL) or not is_socket(LISTENER):
        # The one that is asked about itself.
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    import in_control
    import in_frames
    import in_table

    try:
        World({**in_frames.ATTACKS, **in_control.ATTACKS, **in_table.ATTACKS}, in_control.AT_START).run()
    except BrokenPipeError:
        # The supervisor has closed the connection: what the attack must come to.
        os._exit(0)


if __name__ == "__main__":
    main()
