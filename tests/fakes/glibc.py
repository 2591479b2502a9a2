"""The C library's own account of its heap (mallinfo(3)), for tests of what is kept in it."""

import ctypes
import sys
from typing import Any

import pytest

_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS.split()]


def glibc() -> Any:
    """The library; a test without one that keeps such an account is skipped."""
    if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("needs glibc 2.33's mallinfo2")
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.mallinfo2.restype = _Mallinfo
    return library


def heap_in_use() -> int:
    """Bytes that C code has allocated."""
    used: int = glibc().mallinfo2().uordblks
    return used
