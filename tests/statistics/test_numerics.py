import subprocess
import sys

import pytest

CODE = """
import sys
from stresser.statistics.numerics import np, special
assert not {"numpy", "scipy"} & set(sys.modules)
zeros = np.zeros(2)
assert "numpy" in sys.modules and "scipy" not in sys.modules
assert special.ndtri(0.5) == 0
assert not {"scipy.linalg", "numpy.testing", "scipy.special"} & set(sys.modules)
import numpy, scipy.special
assert np.zeros is numpy.zeros and list(zeros) == [0, 0]
names = "betainc betaincinv chdtrc gammaincc gammaincinv gammaln ndtri stdtrit".split()
assert all(getattr(special, name) is getattr(scipy.special, name) for name in names)
assert scipy.special.logsumexp([0, 0]) > 0  # the rest of the package is there for who wants it
try:
    np.no_such_function
except AttributeError as error:
    assert "no_such_function" in str(error)
else:
    raise AssertionError
"""
AFTER = """
import scipy.special
from stresser.statistics.numerics import special
assert special.ndtri is scipy.special.ndtri and sys.modules["scipy.special"] is scipy.special
"""


def _runs(code: str) -> None:
    """In a process of its own: here other tests have long since imported them."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_packages_are_imported_at_their_first_use_and_scipys_functions_alone():
    _runs(CODE)


@pytest.mark.slow
def test_a_package_that_is_imported_already_is_used():
    _runs(f"import sys{AFTER}")
