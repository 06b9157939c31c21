"""Text beyond ASCII, wherever the locale has a say: file names, files, standard output."""

import locale
import os
import sys

NAME = "caf\u00e9-\u4f60\u597d"


def application(environ, start_response):
    directory = environ["QUERY_STRING"]
    path = os.path.join(directory, NAME)
    with open(path, "w") as file:
        file.write(NAME)
    with open(path) as file:
        same = file.read() == NAME
    print("printed " + NAME)
    listed = NAME in os.listdir(directory)
    values = [same, listed, sys.getfilesystemencoding(), locale.getpreferredencoding(False)]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(values).encode()]
