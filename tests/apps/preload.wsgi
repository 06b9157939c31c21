"""Notes in a file that it was loaded, and where."""

import os

import mod_wsgi
from fixture import text

with open(os.environ["PRELOAD_FILE"], "a") as file:
    file.write("%s:%s\n" % (os.path.basename(__file__), mod_wsgi.application_group))


def application(environ, start_response):
    return text(start_response, __name__)
