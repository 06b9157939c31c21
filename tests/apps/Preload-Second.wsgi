"""The same under another name, in letters of both cases."""

import os

with open(os.path.join(os.path.dirname(__file__), "preload.wsgi")) as source:
    exec(source.read())
