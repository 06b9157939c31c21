import time

from fixture import text


class Name(str):
    """A name that takes its time to be compared, and lets other threads in meanwhile."""

    def __eq__(self, other):
        time.sleep(0.05)
        return str.__eq__(self, other)

    def __hash__(self):
        return str.__hash__(self)


def answer(environ, start_response):
    return text(start_response, "answered")


globals()[Name("application")] = answer
