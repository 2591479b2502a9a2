"""A network namespace of its own for one test, gone with the thread that it lives in."""

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from tests.fakes.tools import missing

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_PATIENCE_S = 60


def needs(condition: object, reason: str) -> None:
    """Go on only where this holds."""
    if not condition:
        missing(reason)


def needs_namespaces() -> None:
    needs(sys.platform == "linux", "network namespaces need Linux")
    needs(os.geteuid() == 0, "network namespaces need root")
    needs(shutil.which("ip") is not None, "needs ip (iproute2)")


def in_namespace(story: Callable[[], Awaitable[T]]) -> T:
    """Run a story in a new namespace: network namespaces belong to threads (unshare(2))."""
    needs_namespaces()
    results: list[T] = []
    errors: list[BaseException] = []

    def live() -> None:
        try:
            _unshare()
            results.append(trio.run(_patiently, story))
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            errors.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _unshare() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


async def _patiently(story: Callable[[], Awaitable[T]]) -> T:
    with trio.fail_after(_PATIENCE_S):
        return await story()


def ip(words: str, text: str | None = None) -> None:
    """One `ip` command in the namespace of this thread; the loop stands still meanwhile."""
    subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True, input=text)
