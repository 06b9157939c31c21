"""How many requests mod_wsgi.active_requests holds, and whether this one is among them."""

import mod_wsgi


def application(environ, start_response):
    active = mod_wsgi.active_requests
    body = "%d %s" % (len(active), environ["mod_wsgi.request_id"] in active)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()]
