"""Programs of this machine that some tests need: found, or the test says that it missed one."""

import os
import shutil
from typing import NoReturn

import pytest

_BESIDES_PATH = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", "/sbin"])


def missing(what: str) -> NoReturn:
    """Skip the test, with the reason; in CI, where nothing may be missing, fail it."""
    if os.environ.get("STRESSER_CI") or os.environ.get("CI"):
        pytest.fail(f"{what} (in CI nothing may be missing)")
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
