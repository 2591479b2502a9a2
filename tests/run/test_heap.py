"""What lies free in the C heap goes back to the system; large blocks never get into it."""

import ctypes
import resource
import sys
from pathlib import Path

import trio
from trio.testing import MockClock

from stresser.run.heap import keep_heap_small
from tests.fakes.glibc import glibc

BLOCK, BLOCKS = 16_000, 2_000
LARGE = 200_000


def blocks_out_of_the_heap(library):
    return library.mallinfo2().hblks


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def kept_small_for(seconds):
    async def keep():
        with trio.move_on_after(seconds):
            await keep_heap_small(every_s=10)

    trio.run(keep, clock=MockClock(autojump_threshold=0))


def filled(library, size):
    """A block that was written to, so that it is really there."""
    block = library.malloc(size)
    ctypes.memset(block, 1, size)
    return block


def test_free_memory_below_what_is_in_use_is_given_back():
    library = glibc()
    blocks = [filled(library, BLOCK) for _ in range(BLOCKS)]
    for block in blocks[:-1]:  # the last one keeps glibc from cutting the heap by itself
        library.free(block)
    before = resident_bytes()
    kept_small_for(9)
    assert before - resident_bytes() < BLOCK * BLOCKS // 4
    kept_small_for(11)
    assert before - resident_bytes() > BLOCK * BLOCKS // 2
    library.free(blocks[-1])


def test_large_blocks_stay_out_of_the_heap_however_many_were_freed():
    """But for those that fit into a gap which somebody has left there."""
    library = glibc()
    kept_small_for(1)
    library.free(filled(library, LARGE))  # by itself glibc takes this for a sign to raise its limit
    before = blocks_out_of_the_heap(library)
    blocks = [filled(library, LARGE) for _ in range(500)]
    out = blocks_out_of_the_heap(library) - before
    for block in blocks:
        library.free(block)
    assert out > 250


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    trio.run(keep_heap_small)  # returns
