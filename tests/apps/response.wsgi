"""Responses of every shape. The first segment of the path says which."""

import sys
import threading
import time

from fixture import Paths, query, text

application = Paths()
PLAIN = [("Content-Type", "text/plain")]

# What tells a test what happened after its response was complete, and lets it hold a response up.
events = {}
gates = {}
lock = threading.Lock()


def note(key, what):
    with lock:
        events.setdefault(key, []).append(what)


def gate(key):
    with lock:
        return gates.setdefault(key, threading.Event())


@application.path("/events")
def show_events(environ, start_response):
    return text(start_response, ",".join(events.get(query(environ)["key"], [])))


@application.path("/open-gate")
def open_gate(environ, start_response):
    gate(query(environ)["key"]).set()
    return text(start_response, "open")


class Body:
    """An iterable that notes when it is closed."""

    def __init__(self, key, items, fail_close=False):
        self.key = key
        self.items = iter(items)
        self.fail_close = fail_close

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self.items)
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self):
        note(self.key, "close")
        if self.fail_close:
            raise ValueError("close failed")


@application.path("/plain")
def plain(environ, start_response):
    return text(start_response, "plain")


@application.path("/status")
def status(environ, start_response):
    """The status line of the query, with a body only where one is allowed."""
    line = query(environ)["line"]
    if line[:3] in ("204", "304"):
        start_response(line, [])
        return []
    return text(start_response, "body", line)


# Bodies whose length the server can know. The validator would hide that, so these run without it.


@application.path("/list", validated=False)
def one_item(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"one item"]


@application.path("/list-of-three", validated=False)
def three_items(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"one,", b"", b"two,", b"three"]


@application.path("/tuple", validated=False)
def a_tuple(environ, start_response):
    start_response("200 OK", PLAIN)
    return (b"a ", b"tuple")


@application.path("/empty-list", validated=False)
def empty_list(environ, start_response):
    start_response("200 OK", PLAIN)
    return []


@application.path("/list-subclass", validated=False)
def list_subclass(environ, start_response):
    class Closing(list):
        def close(self):
            note(query(environ)["key"], "close")

    start_response("200 OK", PLAIN)
    return Closing([b"closing ", b"list"])


@application.path("/big-list", validated=False)
def big_list(environ, start_response):
    count, size = int(query(environ)["count"]), int(query(environ)["size"])
    start_response("200 OK", PLAIN)
    return [b"%c" % (97 + index % 26) * size for index in range(count)]


@application.path("/no-body-status", validated=False)
def no_body_status(environ, start_response):
    """A body where none is allowed."""
    start_response(query(environ)["line"], PLAIN)
    return [b"this must not be sent"]


# Bodies whose length the server cannot know.


@application.path("/generator")
def generator(environ, start_response):
    start_response("200 OK", PLAIN)
    return (item for item in [b"one,", b"two,", b"three"])


@application.path("/big-generator")
def big_generator(environ, start_response):
    count, size = int(query(environ)["count"]), int(query(environ)["size"])
    start_response("200 OK", PLAIN)
    return (b"%c" % (97 + index % 26) * size for index in range(count))


@application.path("/late-start", validated=False)
def late_start(environ, start_response):
    """start_response is called when the first item is asked for, as PEP 3333 allows."""
    yield_first = query(environ).get("first", "")
    if yield_first:
        yield yield_first.encode()
    start_response("200 OK", PLAIN)
    yield b"late"


@application.path("/empty-items", validated=False)
def empty_items(environ, start_response):
    """Empty items must not send the headers: start_response may still be called again with exc_info."""
    yield b""
    start_response("200 OK", PLAIN)
    yield b""
    try:
        raise KeyError("changed its mind")
    except KeyError as error:
        start_response("409 Conflict", PLAIN, (KeyError, error, None))
    yield b""
    yield b"body"


@application.path("/held", validated=False)
def held(environ, start_response):
    """Sends an item, then waits until the test has seen it."""
    key = query(environ)["key"]
    start_response("200 OK", PLAIN)

    def items():
        yield b"first;"
        note(key, "waiting")
        yield b"second" if gate(key).wait(20) else b"never released"

    return items()


class HeldClose(Body):
    """Its close() lasts until the gate is opened."""

    def close(self):
        note(self.key, "close" if gate(self.key).wait(20) else "never released")


@application.path("/held-close", validated=False)
def held_close(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return HeldClose(query(environ)["key"], [b"whole"])


@application.path("/held-write", validated=False)
def held_write(environ, start_response):
    key = query(environ)["key"]
    write = start_response("200 OK", PLAIN)
    write(b"first;")
    return [b"second" if gate(key).wait(20) else b"never released"]


@application.path("/old-sequence", validated=False)
def old_sequence(environ, start_response):
    """An iterable by __getitem__ alone."""

    class Sequence:
        def __getitem__(self, index):
            return [b"old ", b"sequence"][index]

    start_response("200 OK", PLAIN)
    return Sequence()


@application.path("/open-file", validated=False)
def open_file(environ, start_response):
    start_response("200 OK", PLAIN)
    return open(__file__, "rb")


# write()


@application.path("/write", validated=False)
def with_write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"written,")
    write(b"")
    write(b"again,")
    return [b"returned"]


@application.path("/write-types", validated=False)
def write_types(environ, start_response):
    seen = []
    write = start_response("200 OK", PLAIN)
    for value in ["text", None, 3, bytearray(b"x"), memoryview(b"x"), [b"x"]]:
        try:
            write(value)
            seen.append("%s accepted" % type(value).__name__)
        except Exception as error:
            seen.append("%s %s" % (type(value).__name__, type(error).__name__))
    return ["\n".join(seen).encode()]


@application.path("/write-later", validated=False)
def write_later(environ, start_response):
    """`write` is kept and used after the request has ended."""
    kept = events.setdefault("write", [])
    if kept:
        try:
            result = "wrote %r" % (kept[0](b"too late"),)
        except Exception as error:
            result = type(error).__name__
        return text(start_response, result)
    kept.append(start_response("200 OK", PLAIN))
    return [b"kept"]


# What goes wrong in the body. `/bad-item?item=...`


BAD_ITEMS = {
    "str": "text",
    "int": 3,
    "none": None,
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "list": [b"x"],
}


@application.path("/bad-item", validated=False)
def bad_item(environ, start_response):
    asked = query(environ)
    start_response("200 OK", PLAIN)
    items = [BAD_ITEMS[asked["item"]]]
    if asked.get("after"):
        items.insert(0, asked["after"].encode())
    if asked.get("as") == "list":
        return items
    return Body(asked.get("key", ""), items)


BAD_BODIES = {"none": None, "int": 3, "str": "text", "bytes": b"bytes", "object": object()}


@application.path("/bad-body", validated=False)
def bad_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return BAD_BODIES[query(environ)["body"]]


@application.path("/no-start", validated=False)
def no_start(environ, start_response):
    return [b"nobody called start_response"]


@application.path("/no-start-empty", validated=False)
def no_start_empty(environ, start_response):
    return []


# close()


@application.path("/close", validated=False)
def with_close(environ, start_response):
    asked = query(environ)
    start_response("200 OK", PLAIN)
    items = [b"one,", b"two"]
    if asked.get("raise") == "first":
        items = [ValueError("before the first item")]
    elif asked.get("raise") == "later":
        items = [b"one,", ValueError("after the first item")]
    return Body(asked["key"], items, fail_close=asked.get("fail") == "yes")


@application.path("/endless", validated=False)
def endless(environ, start_response):
    """Produces output until somebody closes it."""
    key = query(environ)["key"]
    start_response("200 OK", PLAIN)

    def items():
        while True:
            yield b"x" * 65536

    return Body(key, items())


@application.path("/trickle", validated=False)
def trickle(environ, start_response):
    """A small item now and then, until somebody closes it."""
    key = query(environ)["key"]
    start_response("200 OK", PLAIN)

    def items():
        while True:
            yield b"tick\n"
            time.sleep(0.02)

    return Body(key, items())


@application.path("/endless-write", validated=False)
def endless_write(environ, start_response):
    key = query(environ)["key"]
    write = start_response("200 OK", PLAIN)
    try:
        while True:
            write(b"x" * 65536)
    except BaseException as error:
        note(key, type(error).__name__)
        note(key, "OSError=%s" % isinstance(error, OSError))
    return []


# Content-Length of the application's own


@application.path("/length", validated=False)
def length(environ, start_response):
    asked = query(environ)
    write = start_response("200 OK", [*PLAIN, ("Content-Length", asked["is"])])
    body = b"0123456789"
    kind = asked.get("kind", "list")
    if kind == "list":
        return [body]
    if kind == "parts":
        return [body[:4], body[4:8], body[8:]]
    if kind == "generator":
        return (bytes([c]) for c in body)
    write(body)
    return []


@application.path("/two-lengths", validated=False)
def two_lengths(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "4"), ("Content-Length", "8")])
    return [b"body"]


# Headers


@application.path("/headers", validated=False)
def headers(environ, start_response):
    start_response(
        "200 OK",
        [
            ("Content-Type", "Text/Plain; Charset=UTF-8"),
            ("X-Twice", "a"),
            ("X-Twice", "b"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("x-lower", "v"),
            ("X-Latin", "caf\xe9"),
            ("X-Spaces", "  inside  and around  "),
            ("X-Empty", ""),
            ("Last-Modified", "not a date"),
            ("ETag", '"tag"'),
            ("Vary", "Accept"),
            ("Vary", "Cookie"),
            ("Cache-Control", "no-cache"),
            ("Status", "404 Not Found"),
            ("X-Sendfile", "/etc/passwd"),
        ],
    )
    return [b"headers"]


@application.path("/location", validated=False)
def location(environ, start_response):
    start_response(query(environ)["status"], [*PLAIN, ("Location", "/plain")])
    return [b"a location"]


@application.path("/authenticate", validated=False)
def authenticate(environ, start_response):
    start_response("401 Unauthorized", [*PLAIN, ("WWW-Authenticate", 'Basic realm="a"'), ("WWW-Authenticate", 'Digest realm="b"')])
    return [b"who are you"]


@application.path("/no-content-type", validated=False)
def no_content_type(environ, start_response):
    start_response("200 OK", [])
    return [b"untyped"]


@application.path("/handler-as-type", validated=False)
def handler_as_type(environ, start_response):
    """A content type that is the name of a handler must not select it."""
    start_response("200 OK", [("Content-Type", "wsgi-script")])
    return [b"typed"]


@application.path("/chameleon", validated=False)
def chameleon(environ, start_response):
    """The header list is changed after start_response: PEP 3333 lets the server look at it then or now, but never unchecked."""
    given = [*PLAIN, ("X-Before", "yes")]
    start_response("200 OK", given)
    given.append(("X-After", "a\r\nX-Injected: yes"))
    given[1] = ("X-Before", "no\r\nX-Injected: yes")
    return [b"body"]


# start_response itself


@application.path("/twice", validated=False)
def twice(environ, start_response):
    start_response("200 OK", PLAIN)
    start_response("404 Not Found", PLAIN)
    return [b"twice"]


@application.path("/replace", validated=False)
def replace(environ, start_response):
    start_response("200 OK", [*PLAIN, ("X-First", "yes")])
    try:
        raise ValueError("something went wrong")
    except ValueError as error:
        start_response("503 Sorry", [*PLAIN, ("X-Second", "yes")], (type(error), error, error.__traceback__))
    return [b"replaced"]


@application.path("/replace-after-except", validated=False)
def replace_after_except(environ, start_response):
    """Outside of the except block sys.exc_info() is three times None."""
    start_response("200 OK", [*PLAIN, ("X-First", "yes")])
    try:
        raise ValueError("something went wrong")
    except ValueError:
        pass
    start_response("503 Sorry", [*PLAIN, ("X-Second", "yes")], sys.exc_info())
    return [b"replaced"]


@application.path("/too-late", validated=False)
def too_late(environ, start_response):
    key = query(environ)["key"]
    write = start_response("200 OK", PLAIN)
    write(b"sent;")
    try:
        raise KeyError("the reason")
    except KeyError as error:
        try:
            start_response("500 Sorry", PLAIN, (type(error), error, error.__traceback__))
        except BaseException as raised:
            note(key, "%s same=%s" % (type(raised).__name__, raised is error))
            raise


@application.path("/arguments", validated=False)
def arguments(environ, start_response):
    """Calls start_response in ways that are not allowed, and says what it raised."""
    calls = {
        "no arguments": (),
        "status alone": ("200 OK",),
        "four arguments": ("200 OK", PLAIN, None, None),
        "status as bytes": (b"200 OK", PLAIN),
        "status as int": (200, PLAIN),
        "status none": (None, PLAIN),
        "headers as tuple": ("200 OK", tuple(PLAIN)),
        "headers as dict": ("200 OK", dict(PLAIN)),
        "headers none": ("200 OK", None),
        "header as list": ("200 OK", [["X-A", "b"]]),
        "header of one": ("200 OK", [("X-A",)]),
        "header of three": ("200 OK", [("X-A", "b", "c")]),
        "header as str": ("200 OK", ["ab"]),
        "exc_info as list": ("200 OK", PLAIN, [1, 2, 3]),
        "exc_info as str": ("200 OK", PLAIN, "exc"),
    }
    lines = []
    for name, args in calls.items():
        try:
            start_response(*args)
            lines.append("%s=accepted" % name)
        except Exception as error:
            lines.append("%s=%s" % (name, type(error).__name__))
    return text(start_response, "\n".join(lines))


@application.path("/keywords", validated=False)
def keywords(environ, start_response):
    try:
        start_response(status="200 OK", headers=PLAIN)
        return [b"accepted"]
    except TypeError:
        return text(start_response, "TypeError")


@application.path("/subclasses", validated=False)
def subclasses(environ, start_response):
    """Subclasses of str, list, tuple and bytes are what they are."""

    class Text(str):
        pass

    class Headers(list):
        pass

    class Pair(tuple):
        pass

    class Data(bytes):
        pass

    start_response(Text("200 OK"), Headers([Pair((Text("X-Sub"), Text("class"))), *PLAIN]))
    return [Data(b"subclasses")]
