"""A site of tests/corpus: says what it was given."""

import os

NAMES = ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_USER", "AUTH_TYPE", "HTTP_AUTHORIZATION", "REMOTE_ADDR", "HTTP_HOST", "DEPLOYED"]


def answer(name, environ, start_response):
    if environ["PATH_INFO"] == "/fails":
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"the application's own error"]
    length = len(environ["wsgi.input"].read())
    found = [(key, environ.get(key)) for key in NAMES]
    found += [
        ("group", environ["mod_wsgi.process_group"]),
        ("application", environ["mod_wsgi.application_group"].replace(":" + environ["SERVER_PORT"], "")),
        ("callable", name),
        ("file", os.path.basename(__file__)),
        ("method", environ["REQUEST_METHOD"]),
        ("scheme", environ["wsgi.url_scheme"]),
        ("length", length),
        ("imported", os.environ.get("DEPLOYED_IMPORTED")),
        ("locale", os.environ.get("LC_ALL")),
        ("directory", os.path.basename(os.getcwd())),
    ]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("".join("%s=[%s]\n" % pair for pair in found)).encode()]


def application(environ, start_response):
    return answer("application", environ, start_response)


def other(environ, start_response):
    return answer("other", environ, start_response)


def handle_request(environ, start_response):
    return answer("handle_request", environ, start_response)


app = other
