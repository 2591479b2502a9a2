"""What holds for all tests."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

# Where it is set (containers), each worker and each of a hundred processes compiles everything;
# before hypothesis, whose modules pytest rewrites and would not keep.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

from hypothesis import settings

from tests.fakes.small_disk import mounted_disk
from tests.fakes.small_plotly import in_place_of_plotly
from tests.fakes.thoroughness import IS_THOROUGH

# A busy machine makes an example slow; that is no failure of what is tested.
settings.register_profile("everyday", deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None)
settings.load_profile("thorough" if IS_THOROUGH else "everyday")

# What was measured of the machine that runs the tests is not to show in their runs.
os.environ["XDG_STATE_HOME"] = os.path.join(os.devnull, "none")  # noqa: PTH118 - no path at all

gc.disable()  # while tests are collected, there is nothing to throw away


def pytest_collection_finish() -> None:
    gc.freeze()  # modules and tests by the thousand, which no collection need look through
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _set_aside_again() -> Iterator[None]:
    """A run that has ended in this process gave back to the collector all that was set aside."""
    yield
    gc.collect(1)
    gc.freeze()


@pytest.fixture(scope="module")
def small_plotly() -> Iterator[None]:
    """For what looks at all of a bundle or a report but its charts; `make test` takes plotly."""
    with nullcontext() if IS_THOROUGH else in_place_of_plotly():
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of two MiB; needs root."""
    with mounted_disk(tmp_path / "disk") as disk:
        yield disk
