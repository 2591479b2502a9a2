"""A module that is imported when something of it is first used.

Most commands sign nothing, hash nothing and compute no intervals: they should pay neither the time
nor the memory of packages that could. Whoever needs one takes it here under `else:` of
`TYPE_CHECKING`, so that mypy sees the module itself.
"""

from importlib import import_module
from types import ModuleType
from typing import Any


class LateModule:
    """Stands for a module; what was asked of it once is kept as an attribute.

    Raises:
        ImportError: at the first use, there is no such module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._imported(), attribute)
        setattr(self, attribute, found)
        return found

    def _imported(self) -> ModuleType:
        return import_module(self._name)
