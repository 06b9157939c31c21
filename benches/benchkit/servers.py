"""The servers under test: how each is configured, started, found and stopped."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

BENCH = pathlib.Path(__file__).resolve().parent.parent
APPS = BENCH / "apps"
CACHE = pathlib.Path(os.environ.get("BENCH_CACHE", "/var/tmp/mod_wsgi_rs-bench"))
RUN = CACHE / "run"
MODULES = pathlib.Path(os.environ.get("BENCH_HTTPD_MODULES", "/usr/lib/apache2/modules"))
HTTPD = os.environ.get("BENCH_HTTPD", shutil.which("apache2") or shutil.which("httpd") or "/usr/sbin/apache2")
# Which Python setup.sh has made ready last.
TAG = (CACHE / "tag").read_text().strip() if (CACHE / "tag").exists() else "py%d%d" % sys.version_info[:2]
VENV = CACHE / ("venv-" + TAG)
# more threads per child than connections: when every thread of a child is busy, event closes idle keep-alive connections
CHILDREN, THREADS = 2, 40

# one shape of httpd for every row, with free slots so that a graceful restart need not wait for the old children's
# (MaxRequestWorkers still keeps it at two): mpm_event, 2 children of 40 threads, keep-alive without a request limit, no access log
HTTPD_BASE = """
ServerRoot {run}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {run}/httpd.pid
DefaultRuntimeDir {run}
ErrorLog {run}/error.log
LogLevel warn
{user}
LoadModule mpm_event_module {mods}/mod_mpm_event.so
LoadModule authz_core_module {mods}/mod_authz_core.so
LoadModule alias_module {mods}/mod_alias.so
StartServers {children}
ServerLimit {slots}
ThreadLimit 64
ThreadsPerChild {threads}
MaxRequestWorkers {workers}
MinSpareThreads 1
MaxSpareThreads {workers}
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
Timeout 60
DocumentRoot {run}/static
<Directory />
  AllowOverride None
  Require all granted
</Directory>
"""


class Failure(Exception):
    pass


def descendants(roots):
    """The pids of the given processes and of everything below them."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, "rb") as f:
                    parents[int(entry)] = int(f.read().rpartition(b")")[2].split()[1])
            except OSError:
                pass
    found = [p for p in roots if p in parents]
    for pid in found:
        found.extend(c for c, p in parents.items() if p == pid and c not in found)
    return found


class Server:
    """One row of the tables. mode names the family it is compared within: embedded, daemon."""
    mode = "daemon"
    only = None       # the workloads it can serve, None for all
    hup = True        # -k graceful / SIGHUP reloads the application

    def __init__(self, name):
        self.name, self.procs, self.port, self.dir = name, [], None, None

    def available(self):
        return None

    def serves(self, workload):
        return self.only is None or workload.name in self.only

    def start(self, app, port):
        why = self.available()
        if why:
            raise Failure(why)
        with socket.socket() as probe:  # somebody else's server there would answer in this one's place
            probe.settimeout(2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise Failure("%s: port %d is already in use" % (self.name, port))
        self.port, self.dir = port, RUN / ("%s-%d" % (self.name, port))
        shutil.rmtree(self.dir, ignore_errors=True)
        (self.dir / "static").mkdir(parents=True)
        os.chmod(self.dir, 0o755)  # sockets of daemon groups go into no directory that others may write
        self.procs = []
        self.launch(app)

    def spawn(self, argv, **kw):
        env = dict(os.environ, BENCH_CACHE=str(CACHE), PYTHONPATH=str(APPS), PYTHONDONTWRITEBYTECODE="1",
                   PATH="%s/bin:/usr/sbin:/usr/bin:/sbin:/bin" % VENV)
        with open(self.dir / "output.log", "ab") as log:
            p = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env,
                                 cwd=str(self.dir), start_new_session=True, **kw)
        self.procs.append(p)
        return p

    def wait_socket(self, path, limit=20):
        end = time.time() + limit
        while time.time() < end:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(str(path))
                os.chmod(path, 0o777)
                return
            except OSError:
                time.sleep(0.02)
            finally:
                s.close()
        raise Failure("%s: no socket at %s\n%s" % (self.name, path, self.tail()))

    def pids(self):
        return descendants([p.pid for p in self.procs])

    def listens(self):
        """Is the listening socket at our port held by one of our processes?"""
        inodes = set()
        with open("/proc/net/tcp") as f:
            for line in f.readlines()[1:]:
                v = line.split()
                if v[3] == "0A" and int(v[1].split(":")[1], 16) == self.port:
                    inodes.add("socket:[%s]" % v[9])
        for pid in self.pids():
            try:
                for fd in os.listdir("/proc/%d/fd" % pid):
                    try:
                        if os.readlink("/proc/%d/fd/%s" % (pid, fd)) in inodes:
                            return True
                    except OSError:
                        pass
            except OSError:
                pass
        return False

    def tail(self):
        out = []
        for name in ("output.log", "error.log"):
            try:
                out.append((self.dir / name).read_text(errors="replace")[-1500:])
            except OSError:
                pass
        return "\n".join(out)

    def stop(self):
        for p in self.procs:
            if p.poll() is None:
                p.terminate()
        for p in self.procs:
            try:
                p.wait(2)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(p.pid, signal.SIGKILL)  # each was started as its own session: what is left of it, by its group
            except ProcessLookupError:
                pass
            p.wait()
        self.procs = []


class Httpd(Server):
    """httpd in the foreground with the given lines of configuration; {app}, {script}, {run}, {port} are filled in."""

    def __init__(self, name, conf, mode="daemon", only=None, path=None, hup=True, backend=None, children=CHILDREN):
        super().__init__(name)
        self.conf, self.mode, self.only, self.path, self.hup = conf, mode, only, path, hup
        self.backend, self.children = backend, children

    def available(self):
        if self.path and not os.path.exists(self.path):
            return "%s is missing (setup.sh, or the package)" % self.path
        return self.backend.available() if self.backend else None

    def configuration(self, app):
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        values = dict(run=self.dir, port=self.port, mods=MODULES, user=user, children=self.children, slots=4 * self.children, threads=THREADS,
                      workers=self.children * THREADS, app=app, script=APPS / (app + ".py"), venv=VENV, apps=APPS, cache=CACHE)
        text = HTTPD_BASE + self.conf
        for k, v in values.items():
            text = text.replace("{%s}" % k, str(v))
        return text

    def launch(self, app):
        if self.backend:
            self.backend.dir, self.backend.port, self.backend.procs = self.dir, None, []
            self.backend.socket = self.dir / "s"
            self.backend.launch(app)
            self.wait_socket(self.backend.socket)
        for n, w in (("hello", b"Hello, World!"),):
            for sub in ("hello", "flask", "django"):
                (self.dir / "static" / sub).write_bytes(w)
        if self.only and "file10m" in self.only:
            self.static()
        (self.dir / "httpd.conf").write_text(self.configuration(app))
        self.spawn([HTTPD, "-f", self.dir / "httpd.conf", "-DFOREGROUND"])

    def static(self):
        from . import workloads
        for w in workloads.ALL:
            if w.name in self.only and not w.body:
                data = w.expect() if callable(w.expect) else w.expect
                (self.dir / "static" / w.path[1:]).write_bytes(data)

    def pids(self):
        own = [p.pid for p in self.procs]
        if self.backend:
            own += [p.pid for p in self.backend.procs]
        return descendants(own)

    def graceful(self):
        self.procs[0].send_signal(signal.SIGUSR1)  # what -k graceful sends

    def stop(self):
        super().stop()
        if self.backend:
            self.backend.stop()


class Command(Server):
    """A server of its own; argv has {bind}, and {app}. bind is host:port, or what unix makes of the socket's path."""

    def __init__(self, name, argv, path, tcp="127.0.0.1:{port}", unix="unix:{sock}", only=None):
        super().__init__(name)
        self.argv, self.path, self.tcp, self.unix, self.socket, self.only = argv, path, tcp, unix, None, only

    def available(self):
        return None if os.path.exists(self.path) else "%s is missing (setup.sh)" % self.path

    def launch(self, app):
        bind = self.unix.replace("{sock}", str(self.socket)) if self.socket else self.tcp.replace("{port}", str(self.port))
        out = []
        for a in self.argv:
            if a == "{bind}":
                out += bind.split(" ")
            else:
                out.append(str(a).replace("{app}", app).replace("{apps}", str(APPS)).replace("{port}", str(self.port)))
        self.spawn(out)

    def graceful(self):
        self.procs[0].send_signal(signal.SIGHUP)


def wsgi_conf(so, mode, name="wsgi_module", extra="", home=True):
    lines = ["LoadModule %s %s" % (name, so)]
    if home:
        lines.append("WSGIPythonHome {venv}")
    if mode == "embedded":
        lines += ["WSGIPythonPath {apps}"]
    else:
        p, t = mode[1:].split("x")
        lines += ["WSGIRestrictEmbedded On",
                  "WSGIDaemonProcess bench processes=%s threads=%s python-path={apps} display-name=%%{GROUP}" % (p, t),
                  "WSGIProcessGroup bench"]
    lines += ["WSGIApplicationGroup %{GLOBAL}", "WSGIScriptAlias / {script}", extra]
    return "\n".join(lines) + "\n"


PROXY = """
LoadModule proxy_module {mods}/mod_proxy.so
LoadModule proxy_%s_module {mods}/mod_proxy_%s.so
ProxyPass / "unix:{run}/s|%s://bench%s/"
"""
MW6 = next(iter(sorted(VENV.glob("lib/python*/site-packages/mod_wsgi/server/mod_wsgi-*.so"))), VENV / "mod_wsgi-6.1.1.so")
FLOOR = CACHE / "floor" / ".libs" / "mod_bench_floor.so"
GETS = ["hello", "hello-close", "json", "body100k", "stream1m", "file10m", "flask", "django"]
# uWSGI 2.0.31 by itself ignores Connection: close and frames no body without a length; its plain --http-socket closes
# without saying so, which wrk counts as errors: no valid number for hello-close and stream1m either way
UWSGI_CAN = ["hello", "json", "body100k", "file10m", "post64k", "post1m", "sleep5", "cpu2", "flask", "django"]
MODES = ["embedded", "d1x15", "d2x5"]


def gunicorn(name, p, t):
    return Command(name, [VENV / "bin/gunicorn", "-k", "gthread", "-w", p, "--threads", t, "--keep-alive", "30", "-m", "000",
                          "--no-control-socket", "--chdir", "{apps}", "-b", "{bind}", "{app}:application"], VENV / "bin/gunicorn")


def granian(name):
    return Command(name, [VENV / "bin/granian", "--interface", "wsgi", "--workers", "1", "--blocking-threads", "15", "--no-access-log",
                          "--log-level", "warning", "{bind}", "{app}:application"], VENV / "bin/granian",
                   tcp="--host 127.0.0.1 --port {port}", unix="--uds {sock}")


def waitress(name):
    return Command(name, [VENV / "bin/waitress-serve", "--threads=15", "{bind}", "{app}:application"], VENV / "bin/waitress-serve",
                   tcp="--listen=127.0.0.1:{port}", unix="--unix-socket={sock} --unix-socket-perms=777")


def uwsgi(name, kind, only=None):
    # the bare --http-socket closes after each response; http11-socket is the same server with keep-alive
    return Command(name, [VENV / "bin/uwsgi", "{bind}", "--master", "--processes", "1", "--threads", "15", "--need-app", "--lazy-apps",
                          "--die-on-term", "--disable-logging", "--chmod-socket=777", "--pythonpath", "{apps}", "--module", "{app}:application",
                          "--home", VENV],
                   VENV / "bin/uwsgi", tcp=kind + " 127.0.0.1:{port}", unix="--uwsgi-socket {sock}", only=only)


def build(modules=(), module_name="wsgi_module", extra_conf="", home=True):
    """Every known server in the tables' order: a list; modules are (label, path) of the project's own builds."""
    rows = [
        Httpd("floor-static", "", mode="embedded", only=GETS),
        Httpd("floor-c", "LoadModule bench_floor_module %s\nSetHandler bench-floor\n" % FLOOR, mode="embedded", path=FLOOR,
              only=[g for g in GETS if g != "file10m"] + ["post64k", "post1m", "sleep5"]),
    ]
    for label, path in modules:
        for m in MODES:
            rows.append(Httpd("%s-%s" % (label, m), wsgi_conf(path, m, module_name, extra_conf, home), path=path,
                              mode="embedded" if m == "embedded" else "daemon"))
    for m in MODES:
        rows.append(Httpd("mw6-" + m, wsgi_conf(MW6, m), path=MW6, mode="embedded" if m == "embedded" else "daemon"))
    rows += [
        uwsgi("uwsgi-http", "--http11-socket", only=UWSGI_CAN),
        Httpd("uwsgi-apache", PROXY % ("uwsgi", "uwsgi", "uwsgi", ""), backend=uwsgi("b", "")),
        gunicorn("gunicorn-1x15", 1, 15),
        gunicorn("gunicorn-2x5", 2, 5),
        Httpd("gunicorn-apache", PROXY % ("http", "http", "http", ""), backend=gunicorn("b", 1, 15)),
        granian("granian"),
        Httpd("granian-apache", PROXY % ("http", "http", "http", ""), backend=granian("b")),
        waitress("waitress"),
        Httpd("waitress-apache", PROXY % ("http", "http", "http", ""), backend=waitress("b")),
    ]
    return rows


def reference(server):
    """The mod_wsgi 6.1.1 row a server is compared with: the same mode and, for daemons, the same shape."""
    if server.mode == "embedded":
        return "mw6-embedded"
    return "mw6-d2x5" if server.name.endswith("2x5") else "mw6-d1x15"
