"""Nothing of a lab stays: not after an error, not after the test process was killed."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.netlab.conftest import need
from tests.netlab.namespaces import Namespaces, remove_what_dead_tests_left
from tests.netlab.tester import TOP

MAKES_ONE_AND_WAITS = """
import sys, pathlib
from tests.netlab.namespaces import Namespaces
made = Namespaces(pathlib.Path(sys.argv[1])).add("left")
print(made.name, made.start("sleeper", "sleep", "600").pid, flush=True)
sys.stdin.read()
"""


def names():
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in listed.stdout.splitlines()}


def lives(pid):
    return Path("/proc", str(pid), "exe").exists()


def test_error_leaves_nothing(tmp_path):
    need("ip", "sysctl")
    with contextlib.suppress(ZeroDivisionError), Namespaces(tmp_path) as namespaces:
        made = namespaces.add("one")
        sleeper = made.start("sleeper", "sleep", "600")
        # A process that nobody keeps a note of.
        made.run("sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo started")
        assert made.name in names()
        raise ZeroDivisionError
    assert made.name not in names()
    assert not lives(sleeper.pid)


def test_killed_test_leaves_nothing_for_long(tmp_path):
    need("ip", "sysctl")
    child = subprocess.Popen(
        [sys.executable, "-c", MAKES_ONE_AND_WAITS, str(tmp_path)],
        cwd=TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    name, sleeper = child.stdout.readline().split()
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert name in names()
    remove_what_dead_tests_left()
    assert name not in names()
    assert not lives(int(sleeper))
