"""What stands for a module that may not be needed."""

import sys

import pytest

from stresser.model.late_module import LateModule


def test_it_is_imported_at_its_first_use(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    monkeypatch.setattr(sys.stdout, "write", lambda _text: 0)  # it prints when it is imported
    late = LateModule("this")
    assert "this" not in sys.modules
    assert late.d is sys.modules["this"].d
    assert vars(late)["d"] is late.d  # asked once


def test_what_is_missing_is_said_as_by_an_import():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        _ = LateModule("no_such_package").anything
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = LateModule("math").no_such_function
