"""A Flask application in one file, as many are."""

import hashlib
from wsgiref.validate import validator

from flask import Flask, abort, jsonify, redirect, request, send_file, session, stream_with_context, url_for

app = Flask(__name__)
app.secret_key = "known to everybody, for tests only"
closed = []


@app.get("/")
def index():
    return "Flask at %s, host %s" % (url_for("index"), request.host)


@app.post("/echo")
def echo():
    """The body as it came, with or without an announced length."""
    body = request.get_data()
    return jsonify(length=len(body), sha256=hashlib.sha256(body).hexdigest(), announced=request.content_length)


@app.post("/upload")
def upload():
    sent = request.files["document"]
    data = sent.read()
    return jsonify(name=sent.filename, size=len(data), sha256=hashlib.sha256(data).hexdigest(), note=request.form["note"])


@app.get("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.get("/elsewhere")
def elsewhere():
    return redirect(url_for("index"))


@app.get("/stream")
def stream():
    @stream_with_context
    def parts():
        for number in range(5):
            yield "%d of %s\n" % (number, request.args["name"])

    response = app.response_class(parts(), mimetype="text/plain")
    name = request.args["name"]
    response.call_on_close(lambda: closed.append(name))
    return response


@app.get("/closed")
def was_closed():
    return jsonify(closed)


@app.get("/file")
def file():
    return send_file(request.environ["SHOP_DATA"] + "/large.bin", mimetype="application/octet-stream", conditional=True)


@app.get("/boom")
def boom():
    raise ValueError("raised by a Flask view")


@app.get("/refused")
def refused():
    abort(403, "not for you")


application = app
validated = validator(app)
