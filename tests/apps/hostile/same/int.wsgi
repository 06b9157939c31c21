from fixture import text


def application(environ, start_response):
    return text(start_response, "loaded")
