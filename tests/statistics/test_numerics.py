import subprocess
import sys

CODE = """
import sys
from stresser.statistics.numerics import np, special
assert not {"numpy", "scipy"} & set(sys.modules)
zeros = np.zeros(2)
assert "numpy" in sys.modules and "scipy" not in sys.modules
import numpy, scipy.special
assert np.zeros is numpy.zeros and list(zeros) == [0, 0]
assert special.ndtri is scipy.special.ndtri
try:
    np.no_such_function
except AttributeError as error:
    assert "no_such_function" in str(error)
else:
    raise AssertionError
"""


def test_packages_are_imported_at_their_first_use():
    """In a process of its own: here other tests have long since imported them."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
