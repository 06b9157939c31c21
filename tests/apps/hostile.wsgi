"""An application whose objects lie, call back where nobody expects it, and outlive their requests: each path is one case."""

import os
import sys
import threading

from fixture import Paths, query, text

application = Paths()
PLAIN = [("Content-Type", "text/plain")]
# What requests leave behind for later ones.
kept = {}


@application.path("/fine")
def fine(environ, start_response):
    return text(start_response, "pid=%d\n" % os.getpid())


class Liar(ValueError):
    """A class that says of itself what it is not."""


class Trace:
    """No traceback, though it looks like one."""

    tb_next = tb_frame = None
    tb_lasti = tb_lineno = 0


def traceback():
    try:
        raise ValueError("raised")
    except ValueError as error:
        return error.__traceback__


class FakeClass:
    """No class, though `isinstance(it, type)` says so."""

    __class__ = type
    __mro__ = __bases__ = ()


class LyingMeta(type):
    def __subclasscheck__(cls, other):
        return True

    def __instancecheck__(cls, other):
        return True


class Pretended(metaclass=LyingMeta):
    """A class that claims every exception, and is none."""


class Breaks(Exception):
    """An exception class whose instances can't be made."""

    def __new__(cls, *arguments):
        raise KeyError("no instance for you")


class Returns(Exception):
    """An exception class that makes something else."""

    def __new__(cls, *arguments):
        return 5


# Tuples that are not what sys.exc_info() returns.
EXC_INFOS = {
    "class-int": lambda: (int, 5, traceback()),
    "value-int": lambda: (ValueError, 5, traceback()),
    "value-of-another": lambda: (ValueError, KeyError("x"), traceback()),
    "class-text": lambda: ("ValueError", "x", None),
    "class-none": lambda: (None, ValueError("x"), None),
    "class-instance": lambda: (ValueError("x"), ValueError("x"), None),
    "class-fake": lambda: (FakeClass(), ValueError("x"), None),
    "class-pretended": lambda: (Pretended, ValueError("x"), None),
    "value-pretended": lambda: (ValueError, Pretended(), None),
    "trace-int": lambda: (ValueError, ValueError("x"), 5),
    "trace-fake": lambda: (ValueError, ValueError("x"), Trace()),
    "trace-text": lambda: (ValueError, ValueError("x"), "File x, line 1"),
    "short": lambda: (ValueError, ValueError("x")),
    "long": lambda: (ValueError, ValueError("x"), None, None),
    "list": lambda: [ValueError, ValueError("x"), None],
    "text": lambda: "abc",
    "none-class-and-trace": lambda: (None, None, traceback()),
}


@application.path("/wrong-exc-info", validated=False)
def wrong_exc_info(environ, start_response):
    """start_response after the head went out, with what is no exc_info."""
    write = start_response("200 OK", PLAIN)
    write(b"begun ")
    try:
        start_response("500 Oops", PLAIN, EXC_INFOS[query(environ)["what"]]())
    except TypeError as error:
        return [b"TypeError: " + str(error).encode()]
    return [b"accepted"]


# Tuples that Python itself would take, though they are unusual.
ODD = {
    "no-instance": lambda: (ValueError, None, traceback()),
    "subclass": lambda: (OSError, FileNotFoundError(2, "gone"), traceback()),
    "breaks": lambda: (Breaks, None, None),
    "returns": lambda: (Returns, None, None),
    "base": lambda: (BaseException, BaseException("x"), None),
    "subclass-of-tuple": lambda: type("T", (tuple,), {"__len__": lambda self: 9, "__getitem__": lambda self, i: 5})(
        (ValueError, ValueError("real"), None)),
}


@application.path("/odd-exc-info", validated=False)
def odd_exc_info(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"begun ")
    try:
        start_response("500 Oops", PLAIN, ODD[query(environ)["what"]]())
    except BaseException as error:
        return [type(error).__name__.encode()]
    return [b"accepted"]


class Text(str):
    """A str that lies about itself in every way that Python asks for."""

    def __len__(self):
        return 10**9

    def __getitem__(self, index):
        raise KeyError("no items")

    def __iter__(self):
        return iter([5, None])

    def __str__(self):
        return 7

    def __eq__(self, other):
        raise ValueError("not comparable")

    def __hash__(self):
        return 0

    def encode(self, *arguments):
        return "not bytes"


class Bytes(bytes):
    def __len__(self):
        return 10**9

    def __getitem__(self, index):
        return b"x" * 10**6

    def __iter__(self):
        return iter(["a", None])

    def __bytes__(self):
        return b"another"

    def __bool__(self):
        raise ValueError("no truth")


class List(list):
    def __len__(self):
        return 10**9

    def __getitem__(self, index):
        return ("X-Lie", "yes")

    def __iter__(self):
        return iter([("X-Lie", "yes")] * 3)


class Tuple(tuple):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return "X-Lie"


@application.path("/lying-head", validated=False)
def lying_head(environ, start_response):
    """Subclasses whose true contents are a fine head."""
    start_response(Text("200 OK"), List([Tuple((Text("Content-Type"), Text("text/plain"))), Tuple((Text("X-True"), Text("1")))]))
    return [b"fine"]


@application.path("/lying-body", validated=False)
def lying_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return {"list": [Bytes(b"a"), Bytes(b"b")], "tuple": (Bytes(b"ab"),), "generator": (Bytes(part) for part in (b"a", b"b"))}[query(environ)["what"]]


class Iterates:
    """An iterable, or not."""

    def __init__(self, iterator):
        self.iterator = iterator

    def __iter__(self):
        if isinstance(self.iterator, BaseException):
            raise self.iterator
        return self.iterator


class Items:
    def __init__(self, *items):
        self.items = list(items)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.items:
            raise StopIteration
        item = self.items.pop(0)
        if isinstance(item, BaseException):
            raise item
        return item


def no_truth():
    class NoTruth:
        def __bool__(self):
            raise ValueError("no truth")

    return NoTruth()


class Metaname(type):
    @property
    def __name__(cls):
        raise KeyError("no name")


class Nameless(metaclass=Metaname):
    pass


class Renamed(type):
    __name__ = "a\nb"


WRONG_BODIES = {
    "none": lambda: None,
    "int": lambda: 5,
    "text": lambda: "text",
    "dict": lambda: {"a": 1},
    "nameless": lambda: Nameless(),
    "nameless-item": lambda: [Nameless()],
    "renamed-item": lambda: [Renamed("x", (), {})()],
    "text-item": lambda: ["text"],
    "bytearray": lambda: [bytearray(b"x")],
    "memoryview": lambda: [memoryview(b"x")],
    "array": lambda: [__import__("array").array("i", [1])],
    "no-iterator": lambda: Iterates(5),
    "raising-iter": lambda: Iterates(ValueError("no iterator")),
    "raising-next": lambda: Iterates(Items(ValueError("no item"))),
    "none-item": lambda: Iterates(Items(None)),
    "base-exception": lambda: Iterates(Items(BaseException("base"))),
    "stop-async": lambda: Iterates(Items(StopAsyncIteration("x"))),
    "list-of-lists": lambda: [[b"x"]],
    "iter-class": lambda: type("C", (), {"__iter__": None})(),
    "coroutine": lambda: (lambda c: (c.close(), c)[1])(_coroutine()),
}


async def _coroutine():
    return b"x"


@application.path("/wrong-body", validated=False)
def wrong_body(environ, start_response):
    start_response("200 OK", PLAIN)
    return WRONG_BODIES[query(environ)["what"]]()


class Filelike:
    """What wsgi.file_wrapper is given: each answer is what the query says."""

    def __init__(self, **answers):
        self.answers = answers

    def __getattr__(self, name):
        if name not in self.answers:
            raise AttributeError(name)
        answer = self.answers[name]
        if isinstance(answer, BaseException):
            raise answer
        return answer if callable(answer) else lambda *arguments: answer


def once(*blocks):
    rest = list(blocks)
    return lambda *arguments: rest.pop(0) if rest else b""


FILES = {
    "read-text": lambda: Filelike(read=once("text")),
    "read-int": lambda: Filelike(read=once(5)),
    "read-no-truth": lambda: Filelike(read=once(no_truth())),
    "read-lying": lambda: Filelike(read=once(Bytes(b"x"))),
    "read-not-callable": lambda: type("F", (), {"read": 5})(),
    "none": lambda: None,
    "read-raises": lambda: Filelike(read=KeyError("no reading")),
    "read-exit": lambda: Filelike(read=once(b"x"), close=SystemExit(3)),
    "fileno-negative": lambda: Filelike(fileno=-1, read=once(b"x")),
    "fileno-huge": lambda: Filelike(fileno=10**30, read=once(b"x")),
    "fileno-text": lambda: Filelike(fileno="3", read=once(b"x")),
    "fileno-no-file": lambda: Filelike(fileno=2**30, tell=0, read=once(b"x")),
    "fileno-pipe": lambda: Filelike(fileno=os.pipe()[0], tell=0, read=once(b"x")),
    "fileno-directory": lambda: Filelike(fileno=os.open("/", os.O_RDONLY), tell=0, read=once(b"x")),
    "tell-negative": lambda: Filelike(fileno=os.open(__file__, os.O_RDONLY), tell=-5, read=once(b"x")),
    "tell-huge": lambda: Filelike(fileno=os.open(__file__, os.O_RDONLY), tell=10**30, read=once(b"x")),
    "tell-beyond": lambda: Filelike(fileno=os.open(__file__, os.O_RDONLY), tell=2**62, read=once(b"x")),
    "tell-text": lambda: Filelike(fileno=os.open(__file__, os.O_RDONLY), tell="0", read=once(b"x")),
    "close-raises": lambda: Filelike(read=once(b"x"), close=ValueError("no closing")),
}


@application.path("/file", validated=False)
def file(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](FILES[query(environ)["what"]]())


@application.path("/wrappers-of-wrappers", validated=False)
def wrappers_of_wrappers(environ, start_response):
    """So many that their ends, one within the other, would need more stack than there is."""
    wrapper = None
    for _ in range(300000):
        wrapper = environ["wsgi.file_wrapper"](wrapper)
    del wrapper
    mixed = None
    for _ in range(100000):
        mixed = environ["wsgi.file_wrapper"]([mixed])
    del mixed
    return text(start_response, "gone")


@application.path("/another-compile", validated=False)
def another_compile(environ, start_response):
    """What is among the builtins can be replaced: scripts are compiled by that."""
    import builtins

    compile_before = builtins.compile
    builtins.compile = lambda *arguments, **named: {"int": 5, "text": "pass", "none": None}[query(environ)["what"]]
    kept["restore"] = lambda: setattr(builtins, "compile", compile_before)
    return text(start_response, "replaced")


@application.path("/own-compile", validated=False)
def own_compile(environ, start_response):
    kept.pop("restore", lambda: None)()
    return text(start_response, "restored")


@application.path("/file-arguments", validated=False)
def file_arguments(environ, start_response):
    """The class called and subclassed in every wrong way; what each comes to."""
    import mod_wsgi

    made, wrapper = [], mod_wsgi.FileWrapper

    class Sub(wrapper):
        def __init__(self, *arguments, **named):
            self.more = arguments

    for attempt in [
        lambda: wrapper(),
        lambda: wrapper(1, 2, 3),
        lambda: wrapper(None, "x"),
        lambda: wrapper(None, -1),
        lambda: wrapper(None, 10**30),
        lambda: wrapper(None, 1.5),
        lambda: wrapper(filelike=None, unknown=1),
        lambda: wrapper(**{Text("filelike"): None}),
        lambda: wrapper.__new__(wrapper),
        lambda: wrapper.__new__(object),
        lambda: object.__new__(wrapper),
        lambda: object.__new__(type(environ["wsgi.input"])),
        lambda: type(environ["wsgi.input"])(),
        lambda: type(start_response.__self__)(),
        lambda: type(environ["wsgi.input"]).read(5),
        lambda: type(environ["wsgi.input"]).read(environ["wsgi.errors"]),
        lambda: type(start_response.__self__).write(environ["wsgi.errors"], b"x"),
        lambda: setattr(environ["wsgi.input"], "__class__", type(environ["wsgi.errors"])),
        lambda: type("T", (wrapper, dict), {}),
        lambda: type("T", (type(environ["wsgi.input"]),), {}),
        lambda: __import__("copy").copy(environ["wsgi.input"]),
        lambda: __import__("pickle").dumps(start_response.__self__),
        lambda: __import__("copy").copy(wrapper(None)),
        lambda: len(list(Sub(Filelike(read=once(b"a", b"b")), 1))),
    ]:
        try:
            made.append(type(attempt()).__name__)
        except Exception as error:
            made.append(type(error).__name__)
    return text(start_response, "\n".join(made))


class Number:
    """An integer that does something when it is asked for."""

    def __init__(self, action, value=1):
        self.action, self.value = action, value

    def __index__(self):
        self.action()
        return self.value


@application.path("/input", validated=False)
def read_input(environ, start_response):
    """Sizes that are none, and reads within reads."""
    source, found = environ["wsgi.input"], []
    for attempt in [
        lambda: source.read("1"),
        lambda: source.read(1.5),
        lambda: source.read(10**30),
        lambda: source.read(1, 2),
        lambda: source.read(size=1, limit=2),
        lambda: source.read(Number(lambda: found.append(source.read(2)))),
        lambda: source.readline(Number(lambda: found.append(source.readline(2)))),
        lambda: source.readlines(Number(lambda: 1 / 0)),
        lambda: source.read(Number(lambda: None, "x")),
        lambda: source.read(2**62),
        lambda: source.read(),
    ]:
        try:
            found.append(attempt())
        except Exception as error:
            found.append(type(error).__name__)
    return text(start_response, repr(found))


@application.path("/race", validated=False)
def race(environ, start_response):
    """Threads that read, write and log at the same time as the request, and go on after its end."""
    write = start_response("200 OK", PLAIN)
    source, errors, data = environ["wsgi.input"], environ["wsgi.errors"], __import__("mod_wsgi").request_data
    write(b"begun")
    ended, said = threading.Event(), kept.setdefault("said", set())

    def disturb():
        for _ in range(400):
            for action in (
                lambda: source.read(3),
                lambda: source.readline(),
                lambda: write(b"."),
                lambda: start_response("200 OK", PLAIN, (ValueError, ValueError("late"), None)),
                lambda: errors.flush(),
                data,
            ):
                try:
                    action()
                except Exception as error:
                    said.add(type(error).__name__)
            if ended.wait(0.0001):
                break

    threads = [threading.Thread(target=disturb) for _ in range(4)]
    for thread in threads:
        thread.start()
    kept["threads"] = kept.get("threads", []) + threads
    kept["ended"] = ended
    return (b"," for _ in range(50))


@application.path("/race-over", validated=False)
def race_over(environ, start_response):
    for thread in kept.pop("threads", []):
        thread.join()
    return text(start_response, " ".join(sorted(kept.pop("said", set()))))


@application.path("/keep", validated=False)
def keep(environ, start_response):
    kept["write"] = start_response("200 OK", PLAIN)
    kept.update(start_response=start_response, input=environ["wsgi.input"], errors=environ["wsgi.errors"], environ=environ)
    return [b"kept"]


@application.path("/use-kept", validated=False)
def use_kept(environ, start_response):
    """The objects of an earlier request."""
    found = []
    for attempt in [
        lambda: kept["write"](b"late"),
        lambda: kept["start_response"]("200 OK", PLAIN),
        lambda: kept["start_response"]("200 OK", PLAIN, (ValueError, ValueError("x"), None)),
        lambda: kept["input"].read(),
        lambda: kept["input"].readline(),
        lambda: next(kept["input"]),
        lambda: kept["errors"].write("late\n"),
        lambda: kept["errors"].writelines(["late\n"]),
        lambda: kept["errors"].flush(),
    ]:
        try:
            attempt()
            found.append("accepted")
        except Exception as error:
            found.append(type(error).__name__)
    kept.clear()
    return text(start_response, " ".join(found))


class Reenters:
    """Calls back from wherever it is asked, and at its own end."""

    def __init__(self, environ, start_response):
        self.environ, self.start_response, self.blocks = environ, start_response, [b"a", b"b"]

    def again(self):
        for action in (
            lambda: self.start_response("500 Again", PLAIN),
            lambda: self.start_response("500 Again", PLAIN, (ValueError, ValueError("again"), None)),
            lambda: self.start_response.__self__.write(b"c"),
            lambda: self.environ["wsgi.input"].read(),
            lambda: self.environ["wsgi.errors"].flush(),
            lambda: __import__("mod_wsgi").request_data(),
            lambda: print(end="", file=sys.stderr),
        ):
            try:
                action()
            except Exception:
                pass

    def __iter__(self):
        return self

    def __next__(self):
        if not self.blocks:
            raise StopIteration
        return self.blocks.pop(0)

    def close(self):
        self.again()

    def __del__(self):
        self.again()


@application.path("/reenters", validated=False)
def reenters(environ, start_response):
    start_response("200 OK", PLAIN)
    __import__("mod_wsgi").request_data()["last"] = Reenters(environ, start_response)
    environ["mine"] = Reenters(environ, start_response)
    return Reenters(environ, start_response)


@application.path("/environ", validated=False)
def spoils_environ(environ, start_response):
    """The environ is the application's own: what it does there concerns no later request."""
    for key in list(environ):
        environ[key] = Reenters(dict(environ), start_response)
    environ[Text("REQUEST_METHOD")] = no_truth()
    environ.clear()
    environ[5] = Text("x")
    return text(start_response, "spoiled")


@application.path("/collected", validated=False)
def collected(environ, start_response):
    """The garbage collector runs as often as it can, and our objects are used whenever it does."""
    import gc

    found = Reenters(environ, start_response)
    callback = lambda phase, info: found.again()  # noqa: E731
    before = gc.get_threshold()
    write = start_response("200 OK", PLAIN)
    gc.callbacks.append(callback)
    gc.set_threshold(1, 1, 1)
    try:
        for number in range(200):
            cycle = [Reenters(environ, start_response)]
            cycle.append(cycle)
            del cycle
            write(b"x")
    finally:
        gc.callbacks.remove(callback)
        gc.set_threshold(*before)
    return []


@application.path("/errors", validated=False)
def errors(environ, start_response):
    stream, found = environ["wsgi.errors"], []
    for attempt in [
        lambda: stream.write(5),
        lambda: stream.write(b"x"),
        lambda: stream.write(None),
        lambda: stream.write(),
        lambda: stream.writelines(5),
        lambda: stream.writelines([5]),
        lambda: stream.writelines(Iterates(KeyError("none"))),
        lambda: sys.stderr.buffer.write(5),
        lambda: sys.stderr.buffer.write(memoryview(b"ab")[::2]),
        lambda: sys.stderr.buffer.write(__import__("array").array("d", [])),
        lambda: stream.write(Text("")),
        lambda: stream.write("\udcff\ud800"),
        lambda: stream.flush(),
    ]:
        try:
            attempt()
            found.append("accepted")
        except Exception as error:
            found.append(type(error).__name__)
    return text(start_response, " ".join(found))


@application.path("/log", validated=False)
def log(environ, start_response):
    """Names that an application can choose, with an end of line in them."""
    import logging

    import mod_wsgi

    logger = logging.Logger("a\nb")
    logger.addHandler(mod_wsgi.LogHandler())
    code = compile("logger.error('said %s', 'once')", "/x\n[core:emerg] forged\x1b[31m.py", "exec")
    exec(code, {"logger": logger})
    threading.Thread(target=lambda: 1 / 0, name="t\n[core:emerg] forged by a thread").start()
    return text(start_response, "logged")


@application.path("/including", validated=False)
def including(environ, start_response):
    """A page that includes others, and asks C code to call back before and after."""
    import sqlite3

    kept["outer"] = write = start_response("200 OK", [("Content-Type", "text/html")])
    connection = sqlite3.connect(":memory:")
    here = id(sys.modules)
    connection.create_function("here", 0, lambda: int(id(sys.modules) == here))

    def ask():
        return b"here=%d " % connection.execute("select here()").fetchone()[0]

    def page():
        yield ask()
        yield b'<!--#include virtual="%s" --> ' % query(environ)["virtual"].encode()
        yield ask()
        yield b"end"

    return page()


@application.path("/inner", validated=False)
def inner(environ, start_response):
    import sqlite3

    connection = sqlite3.connect(":memory:")
    here = id(sys.modules)
    connection.create_function("here", 0, lambda: int(id(sys.modules) == here))
    return text(start_response, "inner=%d" % connection.execute("select here()").fetchone()[0])


@application.path("/uses-outer", validated=False)
def uses_outer(environ, start_response):
    """An included page that writes to the one that includes it."""
    try:
        kept["outer"](b"smuggled")
        said = "accepted"
    except Exception as error:
        said = type(error).__name__
    return text(start_response, said)
