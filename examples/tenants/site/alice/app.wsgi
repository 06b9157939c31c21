import os


def application(environ, start_response):
    body = ("%s in %s\n" % (environ["mod_wsgi.process_group"], os.path.basename(os.getcwd()))).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
