"""mod_wsgi.subscribe_events: what callbacks hear of each request is printed when it ends, as `events of <query>: ...`."""

import os
import sys
import time

import mod_wsgi


def show(name, payload):
    text = ["%s=%s" % (key, plain(payload[key])) for key in sorted(payload)]
    return "%s(%s)" % (name, " ".join(text))


def plain(value):
    if isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], type):
        return "%s:%s" % (value[0].__name__, value[1])
    if isinstance(value, float):
        return "0.0" if value == 0 else "float"
    if isinstance(value, (dict, list)) or callable(value):
        return type(value).__name__
    return str(value)


def hears(name, **payload):
    if name.startswith("process_"):
        print("process event of %s: %s" % (mod_wsgi.application_group, show(name, payload)))
        return
    data = payload["request_data"]
    if name == "request_started":
        environ = payload["request_environ"]
        data["tag"] = environ["QUERY_STRING"] or "nobody"
        data["path"] = environ["PATH_INFO"]
        data["first"] = payload
        data["events"] = []
        assert data is mod_wsgi.request_data()
        assert mod_wsgi.active_requests[payload["request_id"]] is data
        assert environ["mod_wsgi.request_start"] == payload["request_start"]
        assert environ["mod_wsgi.thread_id"] == payload["thread_id"]
        assert environ["mod_wsgi.server_pid"] == str(payload["server_pid"])
        assert environ["mod_wsgi.callable_object"] == payload["callable_object"]
    data["events"].append(show(name, payload))
    if name == "request_finished":
        data["last"] = payload
        print("events of %s: %s%s" % (data["tag"], " ".join(data["events"]), times(data)))
    if data["path"] == "/instead" and name == "request_started":
        return {"application_object": instead, "more": "told"}
    if data["path"] == "/nonsense":
        return ["no", "dictionary"]


def times(data):
    """Whether the times follow one another."""
    first, last = data["first"], data["last"]
    order = [first["request_start"], first["queue_start"], first["daemon_start"], first["application_start"], last["application_finish"]]
    order = [time for time in order if time]
    assert order == sorted(order), order
    assert abs(order[-1] - order[-2] - last["application_time"]) < 0.01, last
    return " in %d steps" % len(order)


def fails(name, **payload):
    """The second one, which hears what the first one has added."""
    if name == "request_started" and payload["request_data"]["path"] == "/failing":
        raise KeyError("for the trial")
    if name == "request_started" and payload["request_data"]["path"] == "/leaving":
        raise SystemExit("for the trial")
    if "more" in payload:
        payload["request_data"]["events"].append("more=" + payload["more"])


assert mod_wsgi.subscribe_events(hears) is hears
assert mod_wsgi.subscribe_events(fails) is fails
assert mod_wsgi.event_callbacks == [hears, fails]


def answer(start_response, text, status="200 OK"):
    start_response(status, [("Content-Type", "text/plain")])
    return [text.encode()]


def instead(environ, start_response):
    return answer(start_response, "instead")


class Body:
    def __init__(self, *items, raises=None):
        self.items, self.raises = items, raises

    def __iter__(self):
        return iter(self.items)

    def close(self):
        if self.raises:
            raise self.raises


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"]](environ, start_response)


def plainly(environ, start_response):
    return answer(start_response, "plain")


def raises(environ, start_response):
    raise RuntimeError("of the application")


def broken(environ, start_response):
    start_response("200 OK", [])
    raise RuntimeError("of the application")


def closing(environ, start_response):
    start_response("201 Made", [])
    return Body(b"one", b"two", raises=RuntimeError("of close"))


def again(environ, start_response):
    start_response("200 OK", [])
    try:
        raise ValueError("of the first")
    except ValueError:
        start_response("404 Gone", [], sys.exc_info())
    return [b"x"]


def echo(environ, start_response):
    body = environ["wsgi.input"].read(4) + environ["wsgi.input"].read()
    start_response("200 OK", [])
    return Body(body[:4], body[4:])


def busy(environ, start_response):
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    return answer(start_response, "busy")


def used(environ, start_response):
    """Measures a busy request of its own."""
    data = mod_wsgi.request_data()

    def measures(name, **payload):
        if name == "request_finished" and payload["request_data"] is data:
            mod_wsgi.event_callbacks.remove(measures)
            user, system, both = payload["cpu_user_time"], payload["cpu_system_time"], payload["cpu_time"]
            assert abs(user + system - both) < 1e-6
            print("used by %s: enough=%s waited=%s" % (data["tag"], both >= 0.03, payload["gil_wait_count"] > 0))

    mod_wsgi.event_callbacks.append(measures)
    return busy(environ, start_response)


def silent(environ, start_response):
    """Without callbacks nobody is told."""
    kept = mod_wsgi.event_callbacks[:]
    del mod_wsgi.event_callbacks[:]
    try:
        return answer(start_response, "silent")
    finally:
        mod_wsgi.event_callbacks[:] = kept


def active(environ, start_response):
    own = environ["mod_wsgi.request_id"]
    shown = mod_wsgi.active_requests.get(own) is mod_wsgi.request_data()
    return answer(start_response, "%s %s" % (shown, own))


def signal(environ, start_response):
    """Sends its own process a signal."""
    os.kill(os.getpid(), int(environ["QUERY_STRING"]))
    return answer(start_response, str(os.getpid()))


def others(environ, start_response):
    return answer(start_response, " ".join(mod_wsgi.active_requests))


PAGES = {
    "/plain": plainly, "/instead": raises, "/nonsense": plainly, "/failing": plainly, "/leaving": plainly, "/raises": raises, "/broken": broken,
    "/closing": closing, "/again": again, "/echo": echo, "/used": used, "/silent": silent, "/active": active, "/others": others, "/signal": signal,
}
