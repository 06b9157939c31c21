"""A Django site as sites have it: settings, urls and views in a package, and this script for the server.

The site's directory comes with `SetEnv`, which reaches the environ of a request and not os.environ; so Django is set up by the
first request, once, whichever thread gets there first.
"""

import os
import threading
from wsgiref.validate import validator

ready = threading.Lock()
django = None


def application(environ, start_response):
    global django
    with ready:
        if django is None:
            os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
            os.environ["SHOP_DATA"] = environ["SHOP_DATA"]
            from django.core.wsgi import get_wsgi_application

            django = get_wsgi_application()
    return django(environ, start_response)


validated = validator(application)
