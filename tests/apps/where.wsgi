"""Says how a request was routed here."""

import importlib.util

from fixture import text
from identity import lines
from wsgiref.validate import validator

NAMES = [
    "SCRIPT_NAME",
    "PATH_INFO",
    "SCRIPT_FILENAME",
    "QUERY_STRING",
    "HTTP_AUTHORIZATION",
    "mod_wsgi.process_group",
    "mod_wsgi.application_group",
    "mod_wsgi.callable_object",
    "mod_wsgi.request_handler",
    "mod_wsgi.handler_script",
    "mod_wsgi.script_name",
    "mod_wsgi.path_info",
]


def named(name):
    @validator
    def serve(environ, start_response):
        source = "read" if __loader__.get_data(__file__).startswith(b'"""Says how') else "strange"
        found = (importlib.util.find_spec(__name__) is __spec__, __spec__.origin, __spec__.has_location, source)
        return text(
            start_response, "callable=%s\nmodule=%s\nfile=%s\nfound=%s\n%s" % (name, __name__, __file__, found, lines(environ, *NAMES))
        )

    return serve


application = named("application")
other = named("other")
handle_request = named("handle_request")
not_callable = "a string"
