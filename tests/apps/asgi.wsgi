"""Applications that are none of WSGI's, and one whose TypeError is its own."""

import functools


async def function(scope, receive, send):
    pass


async def misled(environ, start_response):
    start_response("200 OK", [])
    return [b"never"]


class Framework:
    async def __call__(self, scope, receive, send):
        pass


framework = Framework()
partial = functools.partial(function)


def middleware(environ, start_response):
    return misled(environ, start_response)


class older:
    """ASGI 2: a class that is made with the scope."""

    def __init__(self, scope):
        pass


def plain(environ, start_response):
    return 1 + "a"


def callback(environ):
    return []
