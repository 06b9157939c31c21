"""Mounts a file system at the given directory in which no question is ever answered: who asks waits, and when he is killed he waits on, because
the kernel has handed the question over. Ends, and lets everybody go, when its input does."""

import ctypes
import os
import select
import struct
import sys

INIT, INTERRUPT = 26, 36
NOT_SUPPORTED = -38
DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)
place = sys.argv[1].encode()
device = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % device
if libc.mount(b"stuck", place, b"fuse", 0, options) != 0:
    print("not mounted: " + os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(1)
print("mounted", flush=True)


def answer(unique, error, payload=b""):
    os.write(device, struct.pack("<IiQ", 16 + len(payload), error, unique) + payload)


while True:
    ready, _, _ = select.select([device, sys.stdin], [], [])
    if sys.stdin in ready:
        break
    _, operation, unique = struct.unpack_from("<IIQ", os.read(device, 1 << 17))
    if operation == INIT:
        answer(unique, 0, struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0, *[0] * 7))
    elif operation == INTERRUPT:
        answer(unique, NOT_SUPPORTED)
os.close(device)
libc.umount2(place, DETACH)
