"""What this host's settings say of proxies, beside the environment: WinHTTP's and the user's.

On Windows alone, as WinHTTP answers it: `WinHttpGetDefaultProxyConfiguration` (what `netsh
winhttp` sets) and `WinHttpGetIEProxyConfigForCurrentUser` (what a user's programs take, PAC
included). Written after the vendor's documentation (winhttp.h) and not yet run on Windows. Other
systems have no one place for it: nothing is asked there.
"""

import ctypes
import sys
from typing import Any

from msgspec import Struct

_NAMED_PROXY = 3
"""WINHTTP_ACCESS_TYPE_NAMED_PROXY."""


class WindowsProxies(Struct, frozen=True, kw_only=True):
    """Texts as Windows has them: `proxy:8080`, or `http=a:80;https=b:443`. None: it did not say."""

    winhttp: str | None = None
    """Empty: WinHTTP connects directly."""
    user: str | None = None
    """Empty: this user has none."""
    user_pac: str = ""
    """Address of the user's PAC file."""
    user_looks_for_pac: bool = False
    """WPAD: "automatically detect settings"."""


class _ProxyInfo(ctypes.Structure):
    """WINHTTP_PROXY_INFO."""

    _fields_ = (
        ("access_type", ctypes.c_ulong),
        ("proxy", ctypes.c_void_p),
        ("bypass", ctypes.c_void_p),
    )


class _UserConfig(ctypes.Structure):
    """WINHTTP_CURRENT_USER_IE_PROXY_CONFIG."""

    _fields_ = (
        ("auto_detect", ctypes.c_int),
        ("pac", ctypes.c_void_p),
        ("proxy", ctypes.c_void_p),
        ("bypass", ctypes.c_void_p),
    )


def windows_proxies() -> WindowsProxies | None:
    """None: this is no Windows."""
    if sys.platform == "win32":
        free = ctypes.windll.kernel32.GlobalFree
        free.argtypes, free.restype = (ctypes.c_void_p,), ctypes.c_void_p
        return ask_winhttp(ctypes.windll.winhttp, free)
    return None


def ask_winhttp(library: Any, free: Any) -> WindowsProxies:
    """Ask WinHTTP.

    Args:
        library: winhttp.dll.
        free: GlobalFree of kernel32.dll, by which the texts are given back.
    """
    info, config = _ProxyInfo(), _UserConfig()
    winhttp: str | None = None
    if library.WinHttpGetDefaultProxyConfiguration(ctypes.byref(info)):
        proxy = _taken(info.proxy, free)
        _taken(info.bypass, free)
        winhttp = proxy if info.access_type == _NAMED_PROXY else ""
    if not library.WinHttpGetIEProxyConfigForCurrentUser(ctypes.byref(config)):
        return WindowsProxies(winhttp=winhttp)
    _taken(config.bypass, free)
    return WindowsProxies(
        winhttp=winhttp,
        user=_taken(config.proxy, free),
        user_pac=_taken(config.pac, free),
        user_looks_for_pac=bool(config.auto_detect),
    )


def _taken(pointer: int | None, free: Any) -> str:
    """A text that the system allocated; empty where there is none."""
    if not pointer:
        return ""
    text = ctypes.wstring_at(pointer)
    free(pointer)
    return text
