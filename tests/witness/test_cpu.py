"""Why a window was lost: a table of accounts, and what a real thread's accounts say."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stresser.model.unfit import UnfitCause
from stresser.model.units import NS_PER_MS
from stresser.witness.cpu import CpuLedger, CpuReading, cause_of, counts_waiting

MS = NS_PER_MS
linux = pytest.mark.skipif(sys.platform != "linux", reason="schedstat is Linux")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
BEFORE = CpuReading(5000 * MS, 700 * MS, 90 * MS, 3)


def after(ran=0, waited: int | None = 0, collected=0, continued=0):
    return CpuReading(
        BEFORE.ran_ns + ran * MS,
        None if waited is None or BEFORE.waited_ns is None else BEFORE.waited_ns + waited * MS,
        BEFORE.collected_ns + collected * MS,
        BEFORE.continued + continued,
    )


@pytest.mark.parametrize(
    ("reading", "timer_was_due", "cause"),
    [
        (after(ran=900, collected=600), False, UnfitCause.GC),
        (after(ran=900, collected=499), False, UnfitCause.BUSY),
        (after(ran=500), True, UnfitCause.BUSY),
        (after(ran=400, waited=600), False, UnfitCause.STARVED),
        (after(ran=10, waited=980), True, UnfitCause.STARVED),
        (after(ran=10, waited=5), True, UnfitCause.STOPPED),
        (after(ran=10, waited=5), False, UnfitCause.UNKNOWN),
        (after(ran=10, waited=5, continued=1), False, UnfitCause.STOPPED),
        (after(ran=10, waited=5, collected=990, continued=1), False, UnfitCause.STOPPED),
        (after(ran=600, continued=1), False, UnfitCause.BUSY),
        (after(ran=10, waited=None), True, UnfitCause.UNKNOWN),
        (after(ran=10, waited=None, continued=1), True, UnfitCause.STOPPED),
        (after(ran=300, waited=300, collected=300), False, UnfitCause.UNKNOWN),
    ],
)
def test_the_cause_is_what_took_half_of_the_window(reading, timer_was_due, cause):
    assert cause_of(1000 * MS, BEFORE, reading, timer_was_due=timer_was_due) is cause


@pytest.fixture
def ledger():
    opened = CpuLedger()
    opened.open()
    yield opened
    opened.close()


def test_running_is_counted(ledger):
    before = ledger.read()
    end = time.thread_time_ns() + 50 * MS
    while time.thread_time_ns() < end:
        pass
    assert ledger.read().ran_ns - before.ran_ns >= 50 * MS


@linux
def test_waiting_for_a_cpu_is_counted():
    """A process beside three busy ones, all on the same CPU: it waits most of the time."""
    child = subprocess.run(
        [sys.executable, "-c", STARVED], capture_output=True, text=True, check=True, timeout=60
    )
    ran_ns, waited_ns = (int(word) for word in child.stdout.split())
    assert waited_ns > ran_ns


STARVED = """
import os, subprocess, sys
from stresser.witness.cpu import CpuLedger
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
try:
    ledger = CpuLedger(); ledger.open(); before = ledger.read()
    while ledger.read().waited_ns - before.waited_ns < 500_000_000:
        pass
    after = ledger.read()
    print(after.ran_ns - before.ran_ns, after.waited_ns - before.waited_ns)
finally:
    for process in busy:
        process.kill()
        process.wait()
"""


@pytest.mark.slow
def test_noticeable_collections_are_counted(ledger):
    heap: list[list[int]] = [[] for _ in range(500_000)]
    before, started = ledger.read(), time.perf_counter_ns()
    gc.collect()
    took = time.perf_counter_ns() - started
    counted = ledger.read().collected_ns - before.collected_ns
    del heap
    assert 0 < counted <= took
    before = ledger.read()
    gc.collect(0)
    assert ledger.read().collected_ns == before.collected_ns


@posix
def test_a_continue_is_counted_and_the_handler_given_back():
    opened = CpuLedger()
    opened.open()
    assert opened.read().continued == 0
    os.kill(os.getpid(), signal.SIGCONT)
    assert opened.read().continued == 1
    opened.close()
    assert signal.getsignal(signal.SIGCONT) is signal.SIG_DFL


@posix
def test_a_handler_of_others_is_left_alone():
    signal.signal(signal.SIGCONT, signal.SIG_IGN)
    try:
        opened = CpuLedger()
        opened.open()
        opened.close()
        assert signal.getsignal(signal.SIGCONT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCONT, signal.SIG_DFL)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


def test_it_leaves_nothing_behind():
    files = open_files()
    callbacks = len(gc.callbacks)
    for _ in range(5):
        opened = CpuLedger()
        opened.open()
        opened.close()
        opened.close()
    assert len(gc.callbacks) == callbacks
    assert open_files() == files


@linux
def test_this_kernel_counts_waiting():
    assert counts_waiting()
    opened = CpuLedger()
    assert opened.read().waited_ns is None  # not opened
