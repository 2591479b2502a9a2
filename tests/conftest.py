"""What holds for all tests."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Where it is set (containers), each worker and each of a hundred processes compiles everything;
# before hypothesis, whose modules pytest rewrites and would not keep.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

from hypothesis import settings

from tests.fakes.small_disk import mounted_disk

# A busy machine makes an example slow; that is no failure of what is tested.
settings.register_profile("everyday", deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None)
settings.load_profile("thorough" if "STRESSER_THOROUGH" in os.environ else "everyday")

# What was measured of the machine that runs the tests is not to show in their runs.
os.environ["XDG_STATE_HOME"] = os.path.join(os.devnull, "none")  # noqa: PTH118 - no path at all

gc.disable()  # while tests are collected, there is nothing to throw away


class _Aside:
    """Modules and tests by the thousand, which no collection need looks through.

    A run in this process (`run/runner.py`) lets all go; asking the collector whether it did would
    take longer than it saves.
    """

    def __init__(self) -> None:
        self._is_let_go = True
        self._unfreeze = gc.unfreeze

    def unfreeze(self) -> None:
        self._is_let_go = True
        self._unfreeze()

    def keep(self) -> None:
        if self._is_let_go:
            gc.collect()
            gc.freeze()
            self._is_let_go = False


_ASIDE = _Aside()
gc.unfreeze = _ASIDE.unfreeze


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _set_aside() -> None:
    _ASIDE.keep()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of two MiB; needs root."""
    with mounted_disk(tmp_path / "disk") as disk:
        yield disk
