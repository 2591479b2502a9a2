"""Programs of this machine that some tests need: found, or the test says that it missed one."""

import os
import shutil
from typing import NoReturn

import pytest

_BESIDES_PATH = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", "/sbin"])


def missing(what: str) -> NoReturn:
    """Skip the test, with the reason; where CI has promised to have everything, fail it."""
    if os.environ.get("STRESSER_CI"):
        pytest.fail(f"{what} (STRESSER_CI is set: nothing may be missing here)")
    pytest.skip(what)


def tool(name: str) -> str:
    """The path of a program, also of one that only administrators have on their PATH."""
    search = os.environ.get("PATH", "") + os.pathsep + _BESIDES_PATH
    found = shutil.which(name, path=search)
    if found is None:
        missing(f"{name} is not installed")
    return found


def root() -> None:
    """Go on only as root."""
    if os.geteuid() != 0:
        missing("needs root")
