"""Facts about the Python that runs, as `key=value` lines."""

import os
import signal
import site
import sys
import threading
import warnings

from fixture import Paths, text

application = Paths()


@application.path("/")
def facts(environ, start_response):
    values = {
        "version": "%d.%d" % sys.version_info[:2],
        "prefix": sys.prefix,
        "exec_prefix": sys.exec_prefix,
        "base_prefix": sys.base_prefix,
        "executable": sys.executable,
        "optimize": sys.flags.optimize,
        "debug": __debug__,
        "dont_write_bytecode": sys.dont_write_bytecode,
        "warnoptions": sys.warnoptions,
        "filters": [(entry[0], entry[2].__name__) for entry in warnings.filters][:3],
        "hash_randomization": sys.flags.hash_randomization,
        "hash": hash("a fixed text"),
        "switch_interval": round(sys.getswitchinterval(), 6),
        "eggs": os.environ.get("PYTHON_EGG_CACHE"),
        "path": sys.path,
        "site_packages": [path for path in sys.path if path.endswith("site-packages")],
        "isolated": sys.flags.isolated,
        "no_site": sys.flags.no_site,
        "argv": sys.argv,
        "main_thread": threading.main_thread().name,
        "user": os.getuid(),
        "home_variable": os.environ.get("PYTHONHOME"),
    }
    return text(start_response, "".join("%s=%s\n" % item for item in values.items()))


@application.path("/signal")
def register(environ, start_response):
    """Registers a handler, and says what came of it."""

    def handler(number, frame):
        pass

    before = signal.getsignal(signal.SIGUSR2)
    try:
        returned = "returned handler" if signal.signal(signal.SIGUSR2, handler) is handler else "returned another"
    except Exception as error:
        returned = type(error).__name__
    return text(start_response, "%s; installed=%r" % (returned, signal.getsignal(signal.SIGUSR2) is not before))


@application.path("/import")
def imports(environ, start_response):
    """Where a module of the path comes from."""
    import placed_by_the_trial

    return text(start_response, "word=%s\npth=%r\n" % (placed_by_the_trial.word, hasattr(site, "set_by_pth")))
