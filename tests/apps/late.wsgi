"""Takes longer to be loaded than a request of its group may wait for a thread."""

import os
import time

time.sleep(1.5)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"process %d" % os.getpid()]
