"""What runs where: the page that `make serve` shows when it is given no application.

Plain WSGI from the standard library alone, in one file, so that it runs on every Python from 3.9 and can be moved
anywhere. It shows the interpreter, process and thread that answer, the request's environ, and lets one try what a WSGI
server has to do well: an upload, a streamed response, a file, an exception.

    GET  /             the page            GET /where.json   the same facts for programs
    POST /upload       counts and hashes   GET /stream       a line every 0.3 s
    GET  /download     this file           GET /error        raises, on purpose
"""

import hashlib
import html
import json
import os
import platform
import secrets
import sys
import threading
import time
from email import message_from_bytes

PROCESS_START = time.time()
PIECE = 64 * 1024
LARGEST_FORM = 32 * 1024 * 1024
STREAM_LINES = 10
STREAM_PAUSE = 0.3

# Never shown: the page may be looked at by somebody else than the one who logged in.
SECRET_KEYS = ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_PROXY_AUTHORIZATION")

served = 0
served_lock = threading.Lock()


class Answer(Exception):
    """Ends a request early with a status and a sentence."""

    def __init__(self, status, sentence, headers=()):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = list(headers)


def application(environ, start_response):
    """The WSGI callable: one function per path, chosen by path and method."""
    global served
    with served_lock:
        served += 1
    try:
        handler, methods = ROUTES[environ.get("PATH_INFO", "") or "/"]
    except KeyError:
        return text(start_response, "404 Not Found", "There is nothing here; the page is at /.\n")
    method = environ["REQUEST_METHOD"]
    if method not in methods:
        sentence = "This path takes " + " or ".join(methods) + ".\n"
        return text(start_response, "405 Method Not Allowed", sentence, [("Allow", ", ".join(methods))])
    try:
        return handler(environ, start_response)
    except Answer as answer:
        return text(start_response, answer.status, answer.sentence, answer.headers)


# --- what there is to say -------------------------------------------------------------------------------------------


def where(environ):
    """The facts of this request, in the order in which they are shown."""
    return {
        "Python": platform.python_version(),
        "Implementation": "%s, %s" % (platform.python_implementation(), platform.python_compiler()),
        "Prefix": sys.prefix,
        "Base prefix": sys.base_prefix,
        "Executable": sys.executable or "(none)",
        "Mode": mode(environ),
        "Application group": application_group(environ),
        "Process": os.getpid(),
        "Parent process": os.getppid(),
        "User": user_name(),
        "Process age": "%.1f s" % (time.time() - PROCESS_START),
        "Requests here": served,
        "Thread": "%s, native id %d" % (threading.current_thread().name, threading.get_native_id()),
        "Several threads": yes_no(environ["wsgi.multithread"]),
        "Several processes": yes_no(environ["wsgi.multiprocess"]),
        "Server": environ.get("SERVER_SOFTWARE", "unknown"),
        "Apache": dotted(environ.get("apache.version")),
        "Module": module_version(environ),
        "Script": environ.get("SCRIPT_FILENAME", __file__),
        "Directory": os.getcwd(),
    }


def mode(environ):
    group = environ.get("mod_wsgi.process_group")
    if group is None:
        return "not under mod_wsgi_rs"
    return "daemon, process group %s" % group if group else "embedded in an Apache child"


def application_group(environ):
    group = environ.get("mod_wsgi.application_group")
    if group is None:
        return "none"
    return group or "%{GLOBAL}, the main interpreter"


def module_version(environ):
    if "mod_wsgi.version" not in environ:
        return "none"
    try:
        import mod_wsgi
    except ImportError:
        own = None
    else:
        own = getattr(mod_wsgi, "rs_version", None)
    speaks = "mod_wsgi " + dotted(environ["mod_wsgi.version"])
    return "mod_wsgi_rs %s, compatible with %s" % (dotted(own), speaks) if own else speaks


def dotted(version):
    if version is None:
        return "none"
    return version if isinstance(version, str) else ".".join(str(part) for part in version)


def user_name():
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return "uid %d" % os.geteuid()


def yes_no(flag):
    return "yes" if flag else "no"


# --- the pages ------------------------------------------------------------------------------------------------------


def text(start_response, status, sentence, headers=()):
    body = sentence.encode()
    start_response(
        status,
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


def front_page(environ, start_response):
    nonce = secrets.token_urlsafe(12)
    facts = where(environ)
    cards = "".join(
        "<div><dt>%s</dt><dd>%s</dd></div>" % (html.escape(name), html.escape(str(value))) for name, value in facts.items()
    )
    rows = "".join(
        '<tr><th scope="row">%s</th><td>%s</td><td>%s</td></tr>'
        % (html.escape(key), html.escape(shown(key, environ[key])), html.escape(type(environ[key]).__name__))
        for key in sorted(environ)
    )
    page = PAGE.format(
        nonce=nonce,
        root=html.escape(environ.get("SCRIPT_NAME", ""), quote=True),
        python=html.escape(facts["Python"]),
        mode=html.escape(facts["Mode"]),
        process=facts["Process"],
        thread=threading.get_native_id(),
        cards=cards,
        rows=rows,
        count=len(environ),
    )
    body = page.encode()
    policy = "default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; connect-src 'self'; form-action 'self'"
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", policy % (nonce, nonce)),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ],
    )
    return [body]


def shown(key, value):
    """One value of the environ, as text."""
    return "(hidden)" if key in SECRET_KEYS else value if isinstance(value, str) else repr(value)


def where_json(environ, start_response):
    body = (json.dumps(where(environ), indent=2) + "\n").encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def upload(environ, start_response):
    """Reads the body piece by piece; a browser's form without JavaScript sends it as multipart."""
    kind = environ.get("CONTENT_TYPE", "")
    start = time.perf_counter()
    if kind.lower().startswith("multipart/form-data"):
        data = form_file(kind, pieces(environ, LARGEST_FORM))
        name, size, digest, head = data[0], len(data[1]), hashlib.sha256(data[1]), data[1][:32]
    else:
        name, size, digest, head = "(raw body)", 0, hashlib.sha256(), b""
        for piece in pieces(environ):
            size += len(piece)
            digest.update(piece)
            if len(head) < 32:
                head = (head + piece)[:32]
    seconds = time.perf_counter() - start
    lines = [
        ("name", name),
        ("size", "%d bytes" % size),
        ("sha256", digest.hexdigest()),
        ("first bytes", head.hex(" ") or "(none)"),
        ("as text", ascii(head.decode("utf-8", "replace"))),
        ("read in", "%.1f ms by process %d" % (seconds * 1000, os.getpid())),
    ]
    return text(start_response, "200 OK", "".join("%-12s %s\n" % line for line in lines))


def pieces(environ, limit=None):
    """The request's body, a piece at a time, to its end."""
    length = environ.get("CONTENT_LENGTH")
    left = int(length) if length else None
    if left is None and not environ.get("wsgi.input_terminated"):
        return  # such a server says nowhere where the body ends: there is none
    total = 0
    while left is None or left > 0:
        piece = environ["wsgi.input"].read(PIECE if left is None else min(PIECE, left))
        if not piece:
            return
        total += len(piece)
        if left is not None:
            left -= len(piece)
        if limit is not None and total > limit:
            raise Answer("413 Content Too Large", "A form may hold %d bytes; send the file as the body itself.\n" % limit)
        yield piece


def form_file(kind, body):
    """Name and content of the first file of a multipart form."""
    head = "Content-Type: %s\r\n\r\n" % kind
    message = message_from_bytes(head.encode("latin-1") + b"".join(body))
    for part in message.get_payload() if message.is_multipart() else ():
        if part.get_filename() is not None:
            return part.get_filename() or "(no file)", part.get_payload(decode=True) or b""
    raise Answer("400 Bad Request", "The form holds no file.\n")


def stream(environ, start_response):
    """Without a length and with a pause after each line: it shows whether anything holds the response back."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")])
    return () if environ["REQUEST_METHOD"] == "HEAD" else stream_lines()


def stream_lines():
    start = time.perf_counter()
    try:
        for number in range(1, STREAM_LINES + 1):
            since = time.perf_counter() - start
            yield b"line %2d of %d, yielded %.1f s after the first\n" % (number, STREAM_LINES, since)
            if number < STREAM_LINES:
                time.sleep(STREAM_PAUSE)
    finally:
        if number < STREAM_LINES:
            print("the client left the stream after line %d" % number, file=sys.stderr)


def download(environ, start_response):
    """This very file, through `wsgi.file_wrapper` where the server has one."""
    file = open(__file__, "rb")
    size = os.fstat(file.fileno()).st_size
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/x-python; charset=utf-8"),
            ("Content-Length", str(size)),
            ("Content-Disposition", 'attachment; filename="%s"' % os.path.basename(__file__)),
        ],
    )
    if environ["REQUEST_METHOD"] == "HEAD":
        file.close()
        return ()
    return environ.get("wsgi.file_wrapper", in_pieces)(file, PIECE)


def in_pieces(file, size):
    with file:
        while piece := file.read(size):
            yield piece


def error(environ, start_response):
    raise RuntimeError("raised on purpose by the example page: this traceback belongs in Apache's error log")


ROUTES = {
    "/": (front_page, ("GET", "HEAD")),
    "/where.json": (where_json, ("GET", "HEAD")),
    "/upload": (upload, ("POST", "PUT")),
    "/stream": (stream, ("GET", "HEAD")),
    "/download": (download, ("GET", "HEAD")),
    "/error": (error, ("GET",)),
}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mod_wsgi_rs: Python {python}, {mode}</title>
<style nonce="{nonce}">
:root {{ color-scheme: light dark; --line: #d9dde3; --soft: #f4f6f8; --dim: #5b6470; --ink: #1b2027; --paper: #fff; --accent: #b3401f; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --line: #343b45; --soft: #1d2229; --dim: #9aa5b1; --ink: #e6eaef; --paper: #14181d; --accent: #f08a5d; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.25rem 4rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }}
h1 {{ margin: 0; font-size: 1.9rem; letter-spacing: -.02em; }} h1 b {{ color: var(--accent); }}
h2 {{ margin: 2.5rem 0 .75rem; font-size: 1.15rem; }}
p {{ margin: .35rem 0 0; color: var(--dim); }}
code, pre, td, dd, output {{ font-family: ui-monospace, monospace; font-size: .85rem; }}
dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: .6rem; margin: 0; }}
dl div {{ padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--soft); }}
dt {{ font-size: .75rem; color: var(--dim); }} dd {{ margin: 0; overflow-wrap: anywhere; }}
.try {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: .8rem; }}
.try section {{ padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; }}
.try h3 {{ margin: 0 0 .3rem; font-size: 1rem; }} .try p {{ margin: 0 0 .7rem; font-size: .9rem; }}
button, .button {{ display: inline-block; padding: .4rem .9rem; border: 0; border-radius: .4rem; background: var(--accent);
  color: var(--paper); font: inherit; font-size: .9rem; text-decoration: none; cursor: pointer; }}
input {{ max-width: 100%; font: inherit; font-size: .9rem; }}
form {{ display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }}
pre {{ margin: .7rem 0 0; padding: .7rem; border-radius: .4rem; background: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere; }}
pre:empty {{ display: none; }}
.scroll {{ overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }}
table {{ width: 100%; border-collapse: collapse; }} tr + tr > * {{ border-top: 1px solid var(--line); }}
th, td {{ padding: .35rem .8rem; text-align: left; vertical-align: top; }}
th {{ font: 600 .82rem/1.6 ui-monospace, monospace; white-space: nowrap; }} td {{ overflow-wrap: anywhere; }}
td:last-child {{ color: var(--dim); }}
</style>
<h1>mod<b>_</b>wsgi<b>_</b>rs</h1>
<p>Python <strong>{python}</strong>, {mode}; process {process}, thread {thread} answered. Reload to see who answers next.</p>

<h2>What runs where</h2>
<dl>{cards}</dl>

<h2>Try it</h2>
<div class="try">
<section><h3>Upload</h3><p>Counted and hashed piece by piece, whatever its size.</p>
<form id="upload" method="post" action="{root}/upload" enctype="multipart/form-data">
<input type="file" name="file" aria-label="File to upload" required> <button>Upload</button></form>
<pre id="uploaded" aria-live="polite"></pre></section>
<section><h3>Stream</h3><p>A line every 0.3 s. Each shows up as it is yielded, or something holds it back.</p>
<a class="button" id="stream" href="{root}/stream">Start</a><pre id="streamed" aria-live="polite"></pre></section>
<section><h3>File</h3><p>This page's source, sent through <code>wsgi.file_wrapper</code>.</p>
<a class="button" href="{root}/download">Download</a></section>
<section><h3>Error</h3><p>Raises an exception: 500 here, the traceback in Apache's error log.</p>
<a class="button" href="{root}/error">Raise</a></section>
</div>

<h2>The request's environ, {count} entries</h2>
<div class="scroll"><table>{rows}</table></div>
<script nonce="{nonce}">
"use strict";
const show = async (target, request) => {{
  target.textContent = "…";
  try {{
    const response = await request();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    target.textContent = response.ok ? "" : response.status + " " + response.statusText + "\\n";
    for (let next; !(next = await reader.read()).done;) target.textContent += next.value;
  }} catch (problem) {{ target.textContent += "\\n" + problem; }}
}};
const byId = id => document.getElementById(id);
byId("stream").addEventListener("click", event => {{
  event.preventDefault();
  show(byId("streamed"), () => fetch(event.target.href));
}});
byId("upload").addEventListener("submit", event => {{
  event.preventDefault();
  const file = event.target.elements.file.files[0];
  show(byId("uploaded"), () => fetch(event.target.action, {{ method: "POST", body: file,
    headers: {{ "Content-Type": "application/octet-stream" }} }}));
}});
</script>
</html>
"""
