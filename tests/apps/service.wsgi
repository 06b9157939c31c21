"""A service script: it has nothing to do with requests, and runs until its process is to end."""

import sys
import time

print("the service runs", file=sys.stderr, flush=True)
while True:
    time.sleep(60)
