"""As an extension module that refuses sub-interpreters: it can be loaded in the main one."""

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

if interpreters.get_current() != interpreters.get_main():
    raise ImportError("module some_extension does not support loading in subinterpreters")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the main one"]
