"""An application that needs a C extension."""

import sys

from lxml import etree


def application(environ, start_response):
    tree = etree.fromstring(b"<sum><n>1</n><n>2</n><n>39</n></sum>")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{sys.version_info[0]}.{sys.version_info[1]} {tree.xpath('sum(n)'):.0f}".encode()]
