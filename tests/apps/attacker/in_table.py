"""Attacks on everybody who reads a group's table, by a process that writes it."""

import ctypes
import os
import random
import threading

import shared
import wire

ATTACKS = {}
MOST = 0xFFFFFFFF


def attack(function):
    def run(c):
        c.greeted()
        c.begin()
        c.finish()
        function(c.world.table, c.world.slot, c)
        c.send(wire.answer(b"written"))

    ATTACKS["table-" + function.__name__.replace("_", "-")] = run
    return function


def words(name, *pairs):
    """Writes those words of the header."""

    def write(table, slot, c):
        for word, value in pairs:
            table[word] = value

    write.__name__ = name
    attack(write)


words("version", (shared.VERSION, 99))
words("version_of_zeros", (shared.VERSION, 0))
words("used_beyond_its_end", (shared.USED, MOST), (shared.TICKETS_USED, MOST))
words("trouble", (shared.TROUBLE, 1))
words("closed", (shared.CLOSED, MOST))
words("waiting_beyond_measure", (shared.WAITING, MOST))
words("counters_at_their_end", (shared.SERIAL, MOST), (shared.CHANGES, MOST), (shared.SUCCESSIONS, MOST), (shared.BELL, MOST))


@attack
def zeros(table, slot, c):
    table.fill(0)


@attack
def ones(table, slot, c):
    table.fill(MOST)


@attack
def noise(table, slot, c):
    numbers = random.Random(5)
    for word in range(table.size // 4):
        table[word] = numbers.getrandbits(32)


@attack
def every_slot_serves(table, slot, c):
    """Processes that are not there, with threads beyond measure, in every slot."""
    table[shared.USED] = MOST
    for number in range(table.slots):
        if number != slot:
            table[table.slot(number, shared.THREADS)] = 0xFFFF
            table[table.slot(number, shared.DEFINITION)] = MOST
            table.set_state(number, shared.SERVING, 0)


@attack
def full(table, slot, c):
    table.set_state(slot, shared.SERVING, 0xFFFF)


@attack
def no_threads(table, slot, c):
    table[table.slot(slot, shared.THREADS)] = 0


@attack
def threads_beyond_measure(table, slot, c):
    table[table.slot(slot, shared.THREADS)] = MOST


@attack
def empty_while_it_serves(table, slot, c):
    table.set_state(slot, shared.EMPTY)


@attack
def another_epoch(table, slot, c):
    table.set_state(slot, shared.SERVING, 0, epoch=(c.world.epoch + 7) & 0xFFF)


@attack
def states_that_are_none(table, slot, c):
    table[table.slot(slot, shared.WORD)] |= 0xF0000


@attack
def processes_of_others(table, slot, c):
    """Its slot, and all others, are said to be those of init, of the supervisor, of httpd and of the victim."""
    others = [1, os.getppid(), 2, MOST, 0x80000000]
    table[shared.USED] = table.slots
    for number in range(table.slots):
        table[table.slot(number, shared.PID)] = others[number % len(others)]
        table[table.slot(number, shared.OWNER)] = others[(number + 1) % len(others)]
        if number != slot:
            table.set_state(number, shared.LEAVING, 1)


@attack
def tickets_of_others(table, slot, c):
    """Every ticket is taken, by those who live, by those who never were."""
    table[shared.TICKETS_USED] = shared.TICKETS
    for number in range(shared.TICKETS):
        table[table.ticket(number, 1)] = [1, os.getppid(), MOST, 0x7FFFFFFF][number % 4]
        table[table.ticket(number, 2)] = MOST
        table[table.ticket(number)] = MOST


@attack
def requests_that_were_withdrawn(table, slot, c):
    """A request that it answers is said never to have begun, or to have been taken back."""
    for number in range(shared.TICKETS):
        at = table.ticket(number)
        table[at] = table[at] & ~3 | shared.WITHDRAWN


@attack
def limits_that_nobody_reached(table, slot, c):
    for number in range(table.slots):
        table[table.slot(number, shared.LIMIT)] = MOST
        table[table.slot(number, shared.STACKS)] = MOST


@attack
def bells_without_end(table, slot, c):
    """Wakes all that wait, all the time, for some seconds."""
    libc = ctypes.CDLL(None)
    address = ctypes.addressof(ctypes.c_char.from_buffer(table.memory)) + 4 * shared.BELL
    until = threading.Event()
    threading.Timer(3, until.set).start()

    def ring():
        while not until.is_set():
            table[shared.BELL] += 1
            libc.syscall(202, ctypes.c_void_p(address), 1, 0x7FFFFFFF, 0, 0, 0)

    # Nobody serves meanwhile, so that there are some who wait.
    table.set_state(slot, shared.EMPTY)
    threading.Thread(target=ring, daemon=True).start()


@attack
def scribbled_while_it_is_read(table, slot, c):
    """Every word changes at any time, for some seconds."""
    until = threading.Event()
    threading.Timer(3, until.set).start()
    numbers = random.Random(6)
    values = (0, 1, 2, 3, MOST, 0x7FFFFFFF, 0x20000, 0x2FFFF)

    def scribble():
        while not until.is_set():
            for _ in range(1000):
                table[numbers.randrange(1, table.size // 4)] = numbers.choice(values)

    threading.Thread(target=scribble, daemon=True).start()
