"""Who runs this, as the process itself sees it."""

import json
import locale
import os


def application(environ, start_response):
    found = {
        "pid": os.getpid(),
        "ids": list(os.getresuid() + os.getresgid()),
        "groups": sorted(os.getgroups()),
        "directory": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL, None),
        "environment": {name: os.environ.get(name) for name in ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL")},
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(found).encode()]
