"""Hostile code in a child of httpd's: see `hostile_child` below."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"refused"]
