"""Which descriptors a process has: `number target` lines. Importable, because multiprocessing's spawn imports what it runs."""

import os
import sys


def listing():
    found = []
    for number in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            found.append(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:
            pass  # The one that listed the directory.
    return "\n".join(found)


def send(connection):
    connection.send(listing())
    connection.close()


if __name__ == "__main__":
    sys.stdout.write(listing())
