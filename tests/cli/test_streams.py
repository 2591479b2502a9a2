"""Standard streams as a shell hands them over: full, closed, or read no further."""

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stresser.cli.streams import unwritable
from tests.cli.run_process import PATIENCE_S, ROOT, STRESSER

FULL = Path("/dev/full")
LOST = "the output cannot be written: No space left on device; it is not whole\n"
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def slow(*values):
    """Each is a process of its own: one of a kind stays in the everyday loop."""
    return pytest.param(*values, marks=pytest.mark.slow)


def shell(redirected: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command with its streams as `redirected` says, in the words of sh."""
    command = ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *STRESSER, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_full
@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        *map(slow, [("explain",), ("schema", "events"), ("lab",), ("--help",)]),
    ],
)
def test_output_on_a_full_device_is_one_line_and_inconclusive(words):
    done = shell(">/dev/full", *words)
    assert (done.returncode, done.stderr) == (3, LOST)


@needs_full
@pytest.mark.parametrize(
    ("redirected", "words", "code"),
    [
        slow(">/dev/full 2>/dev/full", ("schema", "events"), 3),
        (">/dev/full", ("show", "nosuch"), 2),
        slow("2>/dev/full", ("show", "nosuch"), 2),
        slow("2>/dev/full", ("run", "--nosuch"), 2),
        ("2>/dev/full", ("--version",), 0),
    ],
)
def test_a_full_standard_error_changes_no_exit_code(redirected, words, code):
    assert shell(redirected, *words).returncode == code


@pytest.mark.parametrize("closed", ["<&-", "2>&-", ">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"),
    [(("--version",), 0), slow(("explain",), 0), slow(("show", "nosuch"), 2)],
)
def test_closed_streams_are_no_mistake(closed, words, code):
    done = shell(closed, *words)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_file_never_gets_the_number_of_a_closed_stream(tmp_path):
    """Else what is said on standard error would stand in it."""
    made = tmp_path / "new.toml"
    assert shell("2>&- >&-", "init", str(made)).returncode == 0
    assert made.read_text().startswith("#")
    assert "stresser check" not in made.read_text().splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.ENOSPC, "full", "a file"), False),
        (OSError(errno.ECONNRESET, "reset"), False),
        (ValueError("closed"), False),
        (ExceptionGroup("", [ExceptionGroup("", [OSError(errno.EIO, "gone")])]), True),
        (ExceptionGroup("", [OSError(errno.EIO, "gone"), ValueError("a bug")]), False),
    ],
)
def test_what_is_a_streams_error(error, is_lost):
    assert (unwritable(error) is not None) is is_lost


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_the_imports_is_one_line(number, tmp_path):
    """The import waits here at a FIFO, in a module that a `run` takes before its own."""
    waits = tmp_path / "typer.py"
    reached, fifo = tmp_path / "reached", tmp_path / "fifo"
    waits.write_text(
        "import os, pathlib\n"
        f"os.mkfifo({str(fifo)!r})\n"
        f"pathlib.Path({str(reached)!r}).touch()\n"
        f"open({str(fifo)!r}).read()\n"
    )
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code = f"{path}; import stresser.__main__ as entry; entry.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + PATIENCE_S
    while not reached.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it imported nothing"
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (130, "", "stopped: nothing had begun\n")
