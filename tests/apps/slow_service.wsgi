"""A service that needs a moment to end, and owns a name meanwhile."""

import os
import signal
import socket
import sys
import time

owned = socket.socket(socket.AF_UNIX)
owned.bind(f"\0mod_wsgi_rs-{os.environ.get('TRIAL_NAME') or os.getppid()}-slow")
signal.signal(signal.SIGUSR2, lambda *_: print("the slow service hears of SIGUSR2", file=sys.stderr, flush=True))
print("the slow service begins", file=sys.stderr, flush=True)
try:
    while True:
        time.sleep(60)
except SystemExit:
    time.sleep(1.5)
    print("the slow service ends", file=sys.stderr, flush=True)
