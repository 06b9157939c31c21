"""The site's addresses."""

from django.contrib import admin
from django.urls import path, re_path
from django.views.static import serve

from shop import views
from shop.settings import ADMIN_STATIC

urlpatterns = [
    path("admin/", admin.site.urls),
    re_path(r"^static/(?P<path>.*)$", serve, {"document_root": ADMIN_STATIC}),
    path("hello/<str:name>/", views.hello),
    path("upload/", views.upload),
    path("body/", views.body),
    path("stream/", views.stream),
    path("file/", views.file),
    path("boom/", views.boom),
    path("count/", views.count),
]
