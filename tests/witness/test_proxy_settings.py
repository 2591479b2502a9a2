"""What systems have set: WinHTTP's answers, taken from its structs, and PAC files elsewhere.

A library of the same two functions stands for WinHTTP, small programs for scutil and gsettings.
"""

import ctypes
import sys

import pytest

from stresser.witness.proxy_settings import (
    WindowsProxies,
    ask_winhttp,
    pac_of_scutil,
    system_pac,
    windows_proxies,
)


class AllocatedTexts:
    """Texts at addresses, as GlobalAlloc gives them; remembers which were given back."""

    def __init__(self) -> None:
        self._texts: dict[int, ctypes.Array[ctypes.c_wchar]] = {}
        self.freed: list[int] = []

    def at(self, text: str | None) -> int | None:
        if text is None:
            return None
        buffer = ctypes.create_unicode_buffer(text)
        self._texts[ctypes.addressof(buffer)] = buffer
        return ctypes.addressof(buffer)

    def free(self, pointer: int) -> None:
        self.freed.append(pointer)

    @property
    def are_all_freed(self) -> bool:
        return sorted(self.freed) == sorted(self._texts)


class WinhttpLibrary:
    """winhttp.dll's two functions, answering what a test wants."""

    def __init__(self, texts, machine, user) -> None:
        self._texts, self._machine, self._user = texts, machine, user

    def WinHttpGetDefaultProxyConfiguration(self, reference):  # noqa: N802 - the vendor's name
        if self._machine is None:
            return 0
        info = reference._obj
        access_type, proxy, bypass = self._machine
        info.access_type = access_type
        info.proxy, info.bypass = self._texts.at(proxy), self._texts.at(bypass)
        return 1

    def WinHttpGetIEProxyConfigForCurrentUser(self, reference):  # noqa: N802 - the vendor's name
        if self._user is None:
            return 0
        config = reference._obj
        detect, pac, proxy, bypass = self._user
        config.auto_detect = detect
        config.pac, config.proxy = self._texts.at(pac), self._texts.at(proxy)
        config.bypass = self._texts.at(bypass)
        return 1


@pytest.mark.parametrize(
    ("machine", "user", "said"),
    [
        ((1, None, None), (0, None, None, None), WindowsProxies(winhttp="", user="")),
        (
            (3, "proxy.example.net:3128", "<local>"),
            (1, "http://wpad.example.net/proxy.pac", "other.example.net:80", "*.example.net"),
            WindowsProxies(
                winhttp="proxy.example.net:3128",
                user="other.example.net:80",
                user_pac="http://wpad.example.net/proxy.pac",
                user_looks_for_pac=True,
            ),
        ),
        (None, None, WindowsProxies()),
        (None, (0, None, "a:1", None), WindowsProxies(user="a:1")),
    ],
)
def test_what_winhttp_says_is_taken_and_its_memory_given_back(machine, user, said):
    texts = AllocatedTexts()
    assert ask_winhttp(WinhttpLibrary(texts, machine, user), texts.free) == said
    assert texts.are_all_freed


@pytest.mark.skipif(sys.platform == "win32", reason="there it answers")
def test_elsewhere_there_is_nothing_to_ask():
    assert windows_proxies() is None


# PAC files of other systems

SCUTIL = """<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
  }
  ProxyAutoConfigEnable : 1
  ProxyAutoConfigURLString : http://wpad.example.net/wpad.dat
  ProxyAutoDiscoveryEnable : 0
}
"""


def test_what_scutil_prints():
    assert pac_of_scutil(SCUTIL) == "http://wpad.example.net/wpad.dat"
    assert pac_of_scutil(SCUTIL.replace("Enable : 1", "Enable : 0")) == ""
    assert pac_of_scutil("") == ""


@pytest.fixture
def gsettings(tmp_path, monkeypatch):
    def answering(mode, url, code=0):
        program = tmp_path / "gsettings"
        program.write_text(
            f"#!/bin/sh\n[ \"$1 $2\" = 'get org.gnome.system.proxy' ] || exit 9\n"
            f"case $3 in mode) echo \"'{mode}'\";; autoconfig-url) echo \"'{url}'\";; esac\n"
            f"exit {code}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answering


DESKTOP = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="GNOME's settings")
@pytest.mark.parametrize(
    ("settings", "environment", "place"),
    [
        (("auto", "http://w/x"), DESKTOP, "http://w/x"),
        (("manual", "http://w/x"), DESKTOP, None),
        (("auto", ""), DESKTOP, None),
        (("auto", "http://w/x", 1), DESKTOP, None),
        (("auto", "http://w/x"), {}, None),
        (("auto", "http://w/x"), DESKTOP | {"auto_proxy": "http://v/y"}, "http://v/y"),
    ],
)
def test_gnomes_pac(gsettings, settings, environment, place):
    gsettings(*settings)
    found = system_pac(environment)
    assert (None if found is None else found.place) == place


def test_a_host_without_gsettings_has_no_pac(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert system_pac(DESKTOP) is None
