"""A service that says one line."""

import os
import signal

os.write(2, b"service: speaks\n")
signal.pause()
