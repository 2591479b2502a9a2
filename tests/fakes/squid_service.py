"""A name for one squid's shared memory: two of the same name do not run beside each other.

One that is killed leaves its memory behind, and none of that name starts again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_numbers = count(1)


@contextmanager
def squid_service() -> Iterator[str]:
    """What `squid -n` takes (squid(8)); nothing of that name is left when the block is over."""
    name = f"stresser{os.getpid()}n{next(_numbers)}"
    try:
        yield name
    finally:
        for segment in Path("/dev/shm").glob(f"{name}-*.shm"):  # noqa: S108 - shm_overview(7)
            segment.unlink()
