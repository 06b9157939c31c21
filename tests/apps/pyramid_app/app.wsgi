"""A Pyramid application: routes, views by configuration, static files, a session and its CSRF check."""

import hashlib
import os
from wsgiref.validate import validator

from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.response import FileResponse, Response
from pyramid.session import SignedCookieSessionFactory

HERE = os.path.dirname(os.path.abspath(__file__))


def hello(request):
    return Response("Hello, %s, at %s" % (request.matchdict["name"], request.route_path("hello", name="x")))


def facts(request):
    return {"path": request.path, "application": request.application_url, "query": request.GET.getall("q")}


def token(request):
    return Response(get_csrf_token(request), content_type="text/plain")


def upload(request):
    data = request.POST["document"].file.read()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "name": request.POST["document"].filename}


def stream(request):
    return Response(app_iter=(b"%d\n" % number for number in range(5)), content_type="text/plain")


def file(request):
    return FileResponse(request.environ["SHOP_DATA"] + "/large.bin", request=request, content_type="application/octet-stream")


def boom(request):
    raise ValueError("raised by a Pyramid view")


def make():
    with Configurator(session_factory=SignedCookieSessionFactory("known to everybody, for tests only")) as config:
        for name, view, options in [
            ("facts", facts, {"renderer": "json"}),
            ("token", token, {}),
            ("upload", upload, {"renderer": "json", "require_csrf": True, "request_method": "POST"}),
            ("stream", stream, {}),
            ("file", file, {}),
            ("boom", boom, {}),
        ]:
            config.add_route(name, "/" + name)
            config.add_view(view, route_name=name, **options)
        config.add_route("hello", "/hello/{name}")
        config.add_view(hello, route_name="hello")
        config.add_static_view("static", os.path.join(HERE, "static"))
        return config.make_wsgi_app()


application = make()
validated = validator(application)
