def application(environ, start_response):
    body = ("%(wsgi.url_scheme)s://%(HTTP_HOST)s for %(REMOTE_ADDR)s\n" % environ).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
