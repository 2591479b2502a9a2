"""What a report takes of plotly, in three lines: to pack and to hash 5 MB takes half a second."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def in_place_of_plotly() -> Iterator[None]:
    """While it lasts, this package is the one that is found as `plotly`."""
    spec = importlib.util.spec_from_file_location(
        "plotly", __file__, submodule_search_locations=list(__path__)
    )
    assert spec is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly", importlib.util.module_from_spec(spec))
        yield
