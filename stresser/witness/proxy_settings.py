"""What this host's settings say of proxies, beside the environment: WinHTTP's and the user's.

On Windows as WinHTTP answers it: `WinHttpGetDefaultProxyConfiguration` (what `netsh
winhttp` sets) and `WinHttpGetIEProxyConfigForCurrentUser` (what a user's programs take, PAC
included). Written after the vendor's documentation (winhttp.h) and not yet run on Windows. Of other
systems only the PAC file is asked for: by `scutil --proxy` on macOS (not yet run there), elsewhere
GNOME's settings by `gsettings`.
"""

import ctypes
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

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


class SystemPac(NamedTuple):
    """The PAC file that programs on this host are to follow."""

    place: str
    """Its URL, as it is set."""
    set_by: str
    """Where that is set, in words."""


_WITHIN_S = 2
_GNOME = ("get", "org.gnome.system.proxy")
_MACOS = re.compile(r"^\s*(\w+) : (.*?)\s*$", re.MULTILINE)


def system_pac(environment: Mapping[str, str]) -> SystemPac | None:
    """The PAC file that is set here; None: there is none, or none that can be asked for.

    The variable `auto_proxy` comes first, which Chromium reads. WPAD, the search for one in the
    network, is nobody's setting and is not done.
    """
    named = environment.get("auto_proxy")
    if named:
        return SystemPac(named, "the environment variable auto_proxy")
    if sys.platform == "win32":
        windows = windows_proxies()
        place, set_by = "" if windows is None else windows.user_pac, "this user's settings"
    elif sys.platform == "darwin":
        place, set_by = pac_of_scutil(_output("scutil", "--proxy")), "this system's settings"
    else:
        place, set_by = _pac_of_gnome(environment), "GNOME's settings"
    return SystemPac(place, set_by) if place else None


def with_system_pac(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with this system's PAC file as its `auto_proxy`."""
    found = system_pac(environment)
    return {**environment} if found is None else {**environment, "auto_proxy": found.place}


def pac_of_scutil(output: str) -> str:
    """The PAC's URL in what `scutil --proxy` prints; empty: none is switched on."""
    values = dict(_MACOS.findall(output))
    is_on = values.get("ProxyAutoConfigEnable") == "1"
    return values.get("ProxyAutoConfigURLString", "") if is_on else ""


def _pac_of_gnome(environment: Mapping[str, str]) -> str:
    if "DBUS_SESSION_BUS_ADDRESS" not in environment:
        return ""  # no desktop, and nobody whose settings they would be
    if _output("gsettings", *_GNOME, "mode").strip() != "'auto'":
        return ""
    return _output("gsettings", *_GNOME, "autoconfig-url").strip().strip("'")


def _output(command: str, *words: str) -> str:
    """What a program of the system prints; empty: it is not there, or did not answer."""
    program = shutil.which(command)
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system
            [program, *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


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
