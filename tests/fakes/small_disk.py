"""A file system of its own that is soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.fakes.tools import missing, root, tool


@contextmanager
def mounted_disk(at: Path) -> Iterator[Path]:
    """A real one of two MiB, in a new folder."""
    root()
    at.mkdir()
    command = [tool("mount"), "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(at)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"mount: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run([tool("umount"), "-l", str(at)], check=True)


def fill(disk: Path) -> Path:
    """Write until no page is left; the file that took them."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return ballast
