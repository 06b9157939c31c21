"""The least that a project needs. A real one has its secret in a file that only its user can read."""

import pathlib
import secrets

BASE_DIR = pathlib.Path(__file__).resolve().parent.parent
SECRET_KEY = secrets.token_hex()
DEBUG = False
ALLOWED_HOSTS = ["django.example"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
