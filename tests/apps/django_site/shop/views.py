"""One view for each thing that a framework asks of its server."""

import hashlib
import threading

from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from shop.settings import DATA


def hello(request, name):
    response = HttpResponse("Hello, %s, of %s" % (name, request.get_full_path()), content_type="text/plain; charset=utf-8")
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


@csrf_exempt
def upload(request):
    """What was uploaded, and where Django kept it: in memory, or in a file if it was large."""
    sent = request.FILES["document"]
    digest = hashlib.sha256()
    for chunk in sent.chunks():
        digest.update(chunk)
    return JsonResponse(
        {
            "name": sent.name,
            "size": sent.size,
            "sha256": digest.hexdigest(),
            "kept": type(sent).__name__,
            "note": request.POST["note"],
        }
    )


@csrf_exempt
def body(request):
    """What Django reads of a body."""
    return HttpResponse("%d %s" % (len(request.body), hashlib.sha256(request.body).hexdigest()), content_type="text/plain")


closed = threading.Event()


def stream(request):
    """Waits in the middle until the client, which has seen the first half, asks for `?go`."""
    if "go" in request.GET:
        closed.set()
        return HttpResponse("gone on")

    def parts():
        yield "first half\n"
        yield "second half\n" if closed.wait(10) else "nobody said go\n"
        closed.clear()

    return StreamingHttpResponse(parts(), content_type="text/plain")


def file(request):
    return FileResponse(open(DATA / "large.bin", "rb"), as_attachment=True, filename="large.bin")


def boom(request):
    raise ValueError("raised by a Django view")


def count(request):
    """A number in the session, which is in the database."""
    number = request.session["number"] = request.session.get("number", 0) + 1
    return HttpResponse("%d at %s" % (number, timezone.now().isoformat()), content_type="text/plain")
