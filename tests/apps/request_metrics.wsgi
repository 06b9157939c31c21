"""mod_wsgi.request_metrics() and process_metrics(), as lines `key=value`, and requests to be counted."""

import json
import threading
import time

import mod_wsgi

released = threading.Event()
sums = {}


def lines(metrics):
    if metrics is None:
        return "None"
    return "\n".join("%s=%s" % (key, json.dumps(metrics[key])) for key in sorted(metrics))


def requests(environ):
    return lines(mod_wsgi.request_metrics())


def process(environ):
    return lines(mod_wsgi.process_metrics())


def start(environ):
    return repr(mod_wsgi.start_recording_metrics())


def forget(environ):
    mod_wsgi.request_metrics()
    sums.clear()
    return "forgotten"


def total(environ):
    """What has been counted since `forget`: a request may be counted a moment after its client has its answer."""
    for key, value in mod_wsgi.request_metrics().items():
        if key.endswith("_us"):
            least = key.endswith("_min_us")
            found = [v for v in (value, sums.get(key)) if v is not None]
            sums[key] = (min if least else max)(found) if found else None
        elif isinstance(value, list):
            sums[key] = [a + b for a, b in zip(value, sums.get(key) or [0] * len(value))]
        elif isinstance(value, int):
            sums[key] = value + sums.get(key, 0)
    return lines(sums)


def status(environ):
    return "answered"


def read(environ):
    return environ["wsgi.input"].read().decode()


def busy(environ):
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    return "busy"


def wait(environ):
    released.wait(20)
    return "released"


def release(environ):
    released.set()
    return "released"


def raises(environ):
    raise RuntimeError("of the application")


PAGES = {
    "/requests": requests, "/process": process, "/start": start, "/forget": forget, "/total": total, "/status": status, "/read": read,
    "/busy": busy, "/wait": wait, "/release": release, "/raises": raises,
}


def application(environ, start_response):
    body = PAGES[environ["PATH_INFO"]](environ).encode()
    start_response(environ["QUERY_STRING"].replace("+", " ") or "200 OK", [("Content-Type", "text/plain")])
    return [body]
