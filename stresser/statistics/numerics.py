"""numpy and scipy.special, imported when they are first used.

Commands that compute no intervals (`run`, `lab`, `check`) load the modules that could, and should
pay neither their half second nor their 30 MB. Whoever computes imports `np` and `special` from
here as if they were the packages.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import ArrayLike
    from scipy import special

    Numbers = np.ndarray[Any, Any]
else:
    ArrayLike = Generator = Numbers = Any

    class _Late:
        """Stands for a module; what was asked of it once is kept as an attribute."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            found = getattr(import_module(self._name), attribute)
            setattr(self, attribute, found)
            return found

    np = _Late("numpy")
    special = _Late("scipy.special")

__all__ = ["ArrayLike", "Generator", "Numbers", "np", "special"]
