"""What no steady load shows: cold start, the gap of a graceful restart, memory per tenant."""
import http.client
import os
import statistics
import threading
import time

from . import measure, servers, workloads


def cold(rows, args, say):
    """Seconds from starting the server to the first right answer."""
    out, text = {}, ["### Cold start: ms from start to the first 200, median (min-max)", "", "| server | hello | flask | django |", "|---|---:|---:|---:|"]
    for i, s in enumerate(rows):
        cells = {}
        for name in ("hello", "flask", "django"):
            w = workloads.BY_NAME[name]
            if not s.serves(w):
                continue
            took = []
            try:
                for _ in range(args.rounds):
                    t0 = time.monotonic()
                    s.start(w.app, args.base_port + i)
                    while True:
                        try:
                            if measure.ask(s.port, w)[0] == 200:
                                break
                        except (OSError, http.client.HTTPException):
                            pass
                        if time.monotonic() - t0 > 30 or s.procs[0].poll() is not None:
                            raise measure.Wrong("did not start\n" + s.tail())
                        time.sleep(0.002)
                    took.append((time.monotonic() - t0) * 1000)
                    if not s.listens():
                        raise measure.Wrong("another program answers at port %d" % s.port)
                    s.stop()
                cells[name] = {"median_ms": statistics.median(took), "all_ms": took}
            except (servers.Failure, measure.Wrong, OSError) as e:
                say("%s cold: %s" % (s.name, e))
                cells[name] = {"error": str(e)}
            finally:
                s.stop()
        out[s.name] = cells
        text.append("| %s | %s |" % (s.name, " | ".join(
            "%.0f (%.0f-%.0f)" % (c["median_ms"], min(c["all_ms"]), max(c["all_ms"])) if "median_ms" in c else "-"
            for c in (cells.get(n, {}) for n in ("hello", "flask", "django")))))
        say("%s cold done" % s.name)
    return out, text + [""]


class Client(threading.Thread):
    """Asks again and again, each time on a new connection, so that every failure is the server's."""

    def __init__(self, port, w, end):
        super().__init__(daemon=True)
        self.port, self.w, self.end, self.ok, self.failed = port, w, end, [], []

    def run(self):
        while time.monotonic() < self.end:
            try:
                good = measure.ask(self.port, self.w, 15)[0] == 200
            except (OSError, http.client.HTTPException):
                good = False
            (self.ok if good else self.failed).append(time.monotonic())
            time.sleep(0.002 if good else 0.01)


def graceful(rows, args, say):
    """The longest time without a right answer around -k graceful (HUP for the others), and what failed."""
    out = {}
    text = ["### Graceful restart under load: 8 clients, a connection per request, 3 restarts", "",
            "| server | app | longest gap ms | failed | answered |", "|---|---|---:|---:|---:|"]
    for i, s in enumerate(rows):
        if getattr(s, "backend", None):
            continue
        for name in ("hello", "flask"):
            w = workloads.BY_NAME[name]
            gaps, failed, ok = [], 0, 0
            try:
                s.start(w.app, args.base_port + i)
                measure.ready(s, w)
                for _ in range(3):
                    now = time.monotonic()
                    clients = [Client(s.port, w, now + 5) for _ in range(8)]
                    for c in clients:
                        c.start()
                    time.sleep(1)
                    s.graceful()
                    for c in clients:
                        c.join()
                    t = sorted(x for c in clients for x in c.ok)
                    gaps.append(max((b - a) for a, b in zip([now] + t, t + [now + 5])) * 1000)
                    failed += sum(len(c.failed) for c in clients)
                    ok += len(t)
                out.setdefault(s.name, {})[name] = {"gap_ms": statistics.median(gaps), "gaps_ms": gaps, "failed": failed, "answered": ok}
                text.append("| %s | %s | %.0f | %d | %s |" % (s.name, name, statistics.median(gaps), failed, "{:,}".format(ok)))
            except (servers.Failure, measure.Wrong, OSError) as e:
                say("%s graceful: %s" % (s.name, e))
                out.setdefault(s.name, {})[name] = {"error": str(e)}
            finally:
                s.stop()
        say("%s graceful done" % s.name)
    return out, text + [""]


VHOST = """
<VirtualHost *:{port}>
  ServerName t%d.bench
  WSGIDaemonProcess t%d processes=1 threads=5 python-path={apps}
  WSGIProcessGroup t%d
  WSGIScriptAlias / {script}
</VirtualHost>
"""


def tenants(rows, args, say):
    """PSS of N name-based virtual hosts, each with its own daemon group of one process, each asked once, then idle."""
    out = {}
    text = ["### Shared hosting: N tenants, each a process (5 threads), asked 3 times, then idle", "",
            "| server | app | N | PSS MB | PSS per tenant MB | start ms | idle CPU ms/s |", "|---|---|---:|---:|---:|---:|---:|"]
    counts = [int(c) for c in args.tenant_counts.split(",")]
    for i, row in enumerate(rows):
        if isinstance(row, servers.Httpd) and row.name.endswith("-d1x15"):
            load = "\n".join(l for l in row.conf.splitlines() if l.startswith(("LoadModule", "WSGIPythonHome", "WSGIRestrict", "WSGIApplicationGroup")))
            make = lambda n: [servers.Httpd(row.name[:-6], load + "".join(VHOST % (k, k, k) for k in range(n)), path=row.path)]
        elif row.name == "gunicorn-1x15":
            make = lambda n: [servers.gunicorn("gunicorn-t%d" % k, 1, 5) for k in range(n)]
        elif row.name == "uwsgi-http":
            make = lambda n: [servers.uwsgi("uwsgi-t%d" % k, "--http11-socket") for k in range(n)]
        else:
            continue
        label = row.name[:-6] if row.name.endswith("-d1x15") else row.name.split("-")[0]
        for name in ("hello", "flask"):
            w, base = workloads.BY_NAME[name], None
            for n in counts:
                group = make(n)
                one = len(group) == 1 and n >= 1 and isinstance(group[0], servers.Httpd)
                try:
                    t0 = time.monotonic()
                    for k, s in enumerate(group):
                        s.start(w.app, args.base_port + 20 + k)
                    for k in range(n):
                        s = group[0] if one else group[k]
                        ask = workloads.Workload(w.name, w.path, w.expect, headers={"Host": "t%d.bench" % k})
                        end = time.monotonic() + 60
                        while True:
                            try:
                                if measure.ask(s.port, ask)[0] == 200:
                                    if not s.listens():
                                        raise measure.Wrong("another program answers at port %d" % s.port)
                                    break
                            except (OSError, http.client.HTTPException):
                                pass
                            if time.monotonic() > end:
                                raise measure.Wrong("%s: tenant %d does not answer\n%s" % (row.name, k, s.tail()))
                            time.sleep(0.01)
                        for _ in range(2):
                            measure.ask(s.port, ask)
                    started = (time.monotonic() - t0) * 1000
                    pids = sorted({p for s in group for p in s.pids()})
                    c0, t1 = measure.cpu_us(pids), time.monotonic()
                    time.sleep(2)
                    idle = (measure.cpu_us(pids) - c0) / 1000 / (time.monotonic() - t1)
                    pss, own = measure.memory_kb(pids)
                    out.setdefault(label, {}).setdefault(name, {})[n] = {"pss_kb": pss, "own_kb": own, "start_ms": started, "idle_ms_per_s": idle}
                    if base is None:
                        base = (n, pss)
                    per = (pss - base[1]) / (n - base[0]) / 1024 if n > base[0] else pss / n / 1024
                    text.append("| %s | %s | %d | %.1f | %.2f%s | %.0f | %.1f |" % (label, name, n, pss / 1024, per,
                                " (added)" if n > base[0] else "", started, idle))
                except (servers.Failure, measure.Wrong, OSError) as e:
                    say("%s tenants %d: %s" % (label, n, e))
                finally:
                    for p in [p for s in group for p in s.procs]:
                        p.terminate()  # all at once: one after the other takes minutes
                    for s in group:
                        s.stop()
        say("%s tenants done" % label)
    return out, text + [""]
