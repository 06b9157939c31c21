"""A group's table, as a process of the group may read and write it: every word of it (crates/protocol/src/table.rs)."""

import mmap
import os
import struct

HEADER, SLOT, TICKET, TICKETS = 32, 16, 4, 2048
VERSION, USED, TROUBLE, SERIAL, TICKETS_USED, WAITING, BELL, CHANGES, SUCCESSIONS, CLOSED = 0, 1, 2, 3, 4, 16, 17, 18, 19, 20
# Words of a slot.
WORD, PID, OWNER, DEFINITION, THREADS, SLOT_SERIAL, LIMIT, STACKS = range(8)
EMPTY, STARTING, SERVING, LEAVING = range(4)
SENT, BEGUN, WITHDRAWN = 1, 2, 3


class Table:
    def __init__(self, descriptor):
        self.size = os.fstat(descriptor).st_size
        self.memory = mmap.mmap(descriptor, self.size)
        self.slots = (self.size // 4 - HEADER - TICKET * TICKETS) // SLOT
        self.original = bytes(self.memory)

    def __getitem__(self, word):
        return struct.unpack_from("=I", self.memory, 4 * word)[0]

    def __setitem__(self, word, value):
        struct.pack_into("=I", self.memory, 4 * word, value & 0xFFFFFFFF)

    def slot(self, number, word):
        return HEADER + TICKET * TICKETS + SLOT * number + word

    def ticket(self, number, word=0):
        return HEADER + TICKET * number + word

    def turn(self, ticket, to):
        """The word of a connection's ticket: 1 sent, 2 begun, 3 withdrawn, 0 none."""
        number, serial = ticket
        if number < TICKETS:
            self[self.ticket(number)] = serial << 2 | to

    def release(self, slot):
        """Gives a place in the process back."""
        at = self.slot(slot, WORD)
        if self[at] & 0xFFFF:
            self[at] -= 1

    def set_state(self, slot, state, load=0, epoch=None):
        at = self.slot(slot, WORD)
        epoch = self[at] >> 20 if epoch is None else epoch
        self[at] = (epoch & 0xFFF) << 20 | state << 16 | load & 0xFFFF

    def fill(self, value, first=0, last=None):
        for word in range(first, self.size // 4 if last is None else last):
            self[word] = value

    def restore(self):
        self.memory[:] = self.original
