"""numpy and the functions of scipy.special, imported when they are first used.

Commands that compute no intervals (`run`, `lab`, `check`) load the modules that could, and should
pay neither their half second nor their 30 MB. Whoever computes imports `np` and `special` from
here as if they were the packages.

`scipy.special` itself would load linear algebra, numpy.testing and f2py: 10 MB beside the 4 of its
compiled functions, which are all that is used here. So those are loaded alone.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from stresser.model.late_module import LateModule

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import ArrayLike
    from scipy import special

    Numbers = np.ndarray[Any, Any]
else:
    ArrayLike = Generator = Numbers = Any

    class _CompiledPart(LateModule):
        """A compiled module of a package, whose own `__init__` does not run."""

        def _imported(self) -> ModuleType:
            package = self._name.rpartition(".")[0]
            spec = None if package in sys.modules else find_spec(package)
            if spec is None:
                return import_module(self._name)
            sys.modules[package] = module_from_spec(spec)  # where its parts are; nothing has run
            try:
                return import_module(self._name)
            finally:
                del sys.modules[package]  # who imports the package itself later gets all of it

    np = LateModule("numpy")
    special = _CompiledPart("scipy.special._ufuncs")

__all__ = ["ArrayLike", "Generator", "Numbers", "np", "special"]
