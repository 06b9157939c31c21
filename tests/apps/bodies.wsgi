"""Bodies whose every byte shows where it belongs, in every form that PEP 3333 knows."""

import os

from fixture import Paths, query, text

application = Paths()
PATTERN = bytes(range(251)) * 16_000


@application.path("/process")
def process(environ, start_response):
    return text(start_response, str(os.getpid()))


@application.path("/pattern", validated=False)
def pattern(environ, start_response):
    wanted = query(environ)
    size, piece, form = int(wanted["size"]), int(wanted["piece"]), wanted["form"]
    # Where it begins differs from one request to the next, so that bytes of another one show.
    start = int(wanted["start"])
    pieces = (PATTERN[start + at : start + min(at + piece, size)] for at in range(0, size, piece))
    headers = [("Content-Type", "text/plain")]
    if form in ("counted", "written"):
        headers.append(("Content-Length", str(size)))
    write = start_response("200 OK", headers)
    if form == "written":
        for one in pieces:
            write(one)
        return []
    return list(pieces) if form == "list" else pieces
