"""A Bottle application."""

import hashlib
from wsgiref.validate import validator

import bottle
from bottle import HTTPResponse, request, response, static_file

app = bottle.Bottle()


@app.get("/hello/<name>")
def hello(name):
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return "Hello, %s, below %s" % (name, request.script_name)


@app.post("/upload")
def upload():
    sent = request.files.document
    data = sent.file.read()
    return {"name": sent.raw_filename, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "note": request.forms.note}


@app.post("/echo")
def echo():
    """Bottle reads chunked bodies itself, from the raw chunks, unless the server has decoded them already."""
    return request.body.read()


@app.get("/stream")
def stream():
    response.content_type = "text/plain"
    for number in range(5):
        yield "%d\n" % number


@app.get("/file")
def file():
    return static_file("large.bin", root=request.environ["SHOP_DATA"], mimetype="application/octet-stream")


@app.get("/nothing")
def nothing():
    return HTTPResponse(status=204)


@app.get("/boom")
def boom():
    raise ValueError("raised by a Bottle route")


application = app
validated = validator(app)
