"""Bad statuses and headers, each handed to start_response; and a counter of the requests that arrived."""

import threading

from fixture import Paths, query, text

application = Paths()
lock = threading.Lock()
arrived = {}

CONTROLS = [chr(code) for code in [*range(32), 127]]


class Text(str):
    """A subclass of str is a str."""


# Statuses that must be refused.
STATUSES = {
    "empty": "",
    "no number": "OK",
    "one digit": "2 OK",
    "two digits": "20 OK",
    "four digits": "2000 OK",
    "below the range": "099 Low",
    "interim": "103 Early Hints",
    "sign": "-200 OK",
    "leading space": " 200 OK",
    "no space": "200OK",
    "other digits": "\u0662\u0660\u0660 OK",
    "non-latin-1 reason": "200 \u20ac",
    "tab for space": "200\tOK",
    "bytes": b"200 OK",
    "int": 200,
    "none": None,
    **{"control %02x" % ord(c): "200 a%cb" % c for c in CONTROLS if c != "\t"},
    "injected": "200 OK\r\nX-Injected: yes",
    "injected by LF": "200 OK\nX-Injected: yes",
    "hidden behind NUL": "200 OK\x00\r\nX-Injected: yes",
}

NAMES = {
    "empty": "",
    "space": " ",
    "inner space": "X Space",
    "trailing space": "X-Trailing ",
    "colon": "X-Colon:",
    "inner colon": "X:Colon",
    "high": "X-\xe9",
    "non-latin-1": "X-\u20ac",
    "bytes": b"X-Bytes",
    "int": 3,
    "none": None,
    **{"control %02x" % ord(c): "X%cY" % c for c in CONTROLS},
    "injected": "X-A: b\r\nX-Injected",
    "hidden behind NUL": "X-A\x00\r\nX-Injected",
    **{name: name for name in ["Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "transfer-encoding"]},
}

VALUES = {
    "non-latin-1": "\u20ac",
    "bytes": b"bytes",
    "int": 3,
    "none": None,
    **{"control %02x" % ord(c): "a%cb" % c for c in CONTROLS if c != "\t"},
    **{"only control %02x" % ord(c): c for c in CONTROLS if c != "\t"},
    "injected": "a\r\nX-Injected: yes",
    "injected by LF": "a\nX-Injected: yes",
    "injected by CR": "a\rX-Injected: yes",
    "folded": "a\r\n b",
    "hidden behind NUL": "a\x00\r\nX-Injected: yes",
    "at the end": "a\r\n",
}

FINE_STATUSES = ["200 OK", "200", "200 ", "299 Odd", "599 Odd", "200 caf\xe9", Text("200 Sub")]
FINE_NAMES = ["X-Plain", "x-lower", "X_Under", "X.Dot", "!#$%&'*+-.^_`|~", Text("X-Sub"), "X" * 60000]
FINE_VALUES = ["", "plain", "a\tb", "caf\xe9 \xff", " spaces ", "a: b, c; d=\"e\"", Text("sub"), "x" * (1 << 20)]


def arguments(kind, value):
    if kind == "status":
        return value, [("Content-Type", "text/plain")]
    if kind == "name":
        return "200 OK", [("Content-Type", "text/plain"), (value, "v")]
    return "200 OK", [("Content-Type", "text/plain"), ("X-Value", value)]


CORPUS = {"status": STATUSES, "name": NAMES, "value": VALUES}
FINE = {"status": FINE_STATUSES, "name": FINE_NAMES, "value": FINE_VALUES}


@application.path("/refused", validated=False)
def refused(environ, start_response):
    """What start_response raised for each of the corpus, inside the application."""
    kind, kinds_only = query(environ)["kind"], "kinds" in query(environ)
    lines = []
    for name, value in CORPUS[kind].items():
        try:
            start_response(*arguments(kind, value))
            lines.append("%s=accepted" % name)
        except (TypeError, ValueError) as error:
            if kinds_only:
                lines.append("%s=%s" % (name, "TypeError" if isinstance(error, TypeError) else "ValueError"))
            else:
                lines.append("%s=%s %s" % (name, type(error).__name__, ascii(str(error))))
        except Exception as error:
            lines.append("%s=unexpected %s" % (name, type(error).__name__))
    return text(start_response, "\n".join(lines))


@application.path("/names")
def names(environ, start_response):
    return text(start_response, "\n".join(CORPUS[query(environ)["kind"]]))


@application.path("/sent", validated=False)
def sent(environ, start_response):
    """Hands one of the corpus to start_response and lets the error go up."""
    asked = query(environ)
    start_response(*arguments(asked["kind"], CORPUS[asked["kind"]][asked["name"]]))
    return [b"it was accepted"]


@application.path("/fine", validated=False)
def fine(environ, start_response):
    asked = query(environ)
    start_response(*arguments(asked["kind"], FINE[asked["kind"]][int(asked["number"])]))
    return [b"fine"]


@application.path("/many", validated=False)
def many(environ, start_response):
    count = int(query(environ)["count"])
    start_response("200 OK", [("Content-Type", "text/plain"), *(("X-Many", str(number)) for number in range(count))])
    return [b"many"]


@application.path("/count")
def count(environ, start_response):
    """Counts its own calls, by key, and says how long the request's head was."""
    environ["wsgi.input"].read(-1)
    key = query(environ).get("key", "")
    with lock:
        arrived[key] = arrived.get(key, 0) + 1
    return text(start_response, "counted")


@application.path("/counted")
def counted(environ, start_response):
    return text(start_response, str(arrived.get(query(environ)["key"], 0)))


@application.path("/sizes")
def sizes(environ, start_response):
    headers = {key: value for key, value in environ.items() if key.startswith("HTTP_X_")}
    return text(
        start_response,
        "headers=%d\nbytes=%d\nlongest=%d\nquery=%d\npath=%d\n"
        % (
            len(headers),
            sum(len(value) for value in headers.values()),
            max((len(value) for value in headers.values()), default=0),
            len(environ["QUERY_STRING"]),
            len(environ["PATH_INFO"]),
        ),
    )
