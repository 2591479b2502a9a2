import subprocess
import sys

import pytest

pytest.importorskip("resource")

SCRIPT = """
import resource
from stresser.lab.file_limit import raise_file_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
assert raise_file_limit() == hard
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
"""


def test_the_soft_limit_becomes_the_hard_one():
    # In a process of its own: limits are inherited by all later tests.
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=30)
