"""Signals before a command has begun."""

import signal
import subprocess
import sys

import pytest

from stresser.run.early_stop import heed_as_usual

CHILD = """
import signal
import sys

from stresser.run.early_stop import heed_as_usual, heed_early

heed_early()
if sys.argv[2] == "later":
    heed_as_usual()
signal.raise_signal(int(sys.argv[1]))
print("lives")
"""


def child(number, when):
    words = [sys.executable, "-c", CHILD, str(int(number)), when]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_and_gone(number):
    done = child(number, "early")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "stopped: nothing had begun\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_afterwards_both_unwind_what_is_at_work(number):
    assert "KeyboardInterrupt" in child(number, "later").stderr


def test_a_handler_of_somebody_else_is_kept():
    before = signal.signal(signal.SIGTERM, print_nothing)
    try:
        heed_as_usual()
        assert signal.getsignal(signal.SIGTERM) is print_nothing
    finally:
        signal.signal(signal.SIGTERM, before)


def print_nothing(*_):
    """A handler."""
