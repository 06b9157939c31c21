from django.http import HttpResponse
from django.urls import path


def index(request):
    return HttpResponse("Django, process group %s\n" % request.META["mod_wsgi.process_group"])


urlpatterns = [path("", index)]
