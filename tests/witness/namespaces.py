"""Network namespaces that a test makes and takes away again (ip-netns(8)); addresses of RFC 5737.

Sockets belong to the namespace in which they are made, whoever uses them: `inside` makes them
there, and one trio loop serves them all.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.tools import missing

_CLONE_NEWNET = 0x40000000  # linux/sched.h


def need_capture() -> None:
    """What the packet witness itself needs."""
    if sys.platform != "linux":
        pytest.skip("packet sockets are Linux's")
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).close()
    except PermissionError:
        missing("needs CAP_NET_RAW")


def need_namespaces(*tools: str) -> None:
    """What these tests need besides."""
    need_capture()
    if os.geteuid() != 0:
        missing("network namespaces need root")
    for tool in ("ip", *tools):
        if shutil.which(tool) is None:
            missing(f"no {tool} on this machine")


def command(*words: str, check: bool = True) -> str:
    """Run a command and return what it prints."""
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    assert ran.returncode == 0 or not check, f"{' '.join(words)}: {ran.stderr}"
    return ran.stdout


class Namespace:
    """One network namespace."""

    def __init__(self, name: str) -> None:
        self.name = f"st{os.getpid()}{name}"
        command("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> str:
        """ip(8) in it."""
        return command("ip", "-n", self.name, *words)

    def run(self, *words: str, check: bool = True) -> str:
        """Another command in it."""
        return command("ip", "netns", "exec", self.name, *words, check=check)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Make sockets in it (setns(2)); the calling thread is back home afterwards."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path("/run/netns", self.name).open() as there:
                assert libc.setns(there.fileno(), _CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), _CLONE_NEWNET) == 0

    def remove(self) -> None:
        """Take it away; its links go with it."""
        command("ip", "netns", "del", self.name, check=False)


def link(one: Namespace, its_address: str, other: Namespace, others_address: str) -> None:
    """A veth pair between two namespaces, each end named for the other (`to-c`)."""
    names = [f"to-{end.name[-1]}" for end in (other, one)]
    peer = ["peer", "name", names[1], "netns", other.name]
    command("ip", "link", "add", names[0], "netns", one.name, "type", "veth", *peer)
    for end, name, address in zip((one, other), names, (its_address, others_address), strict=True):
        nodad = ["nodad"] if ":" in address else []
        end.ip("addr", "add", address, "dev", name, *nodad)
        end.ip("link", "set", name, "up")


class Lab:
    """Client - router - server. The server's packets reach the client one hop away."""

    def __init__(self) -> None:
        self._made: list[Namespace] = []
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    def _make(self) -> None:
        for name in ("c", "r", "s"):
            self._made.append(Namespace(name))
        self.client, self.router, self.server = self._made
        link(self.client, "198.51.100.2/26", self.router, "198.51.100.1/26")
        link(self.server, "203.0.113.2/26", self.router, "203.0.113.1/26")
        self.client.ip("addr", "add", "2001:db8:1::2/64", "dev", "to-r", "nodad")
        self.router.ip("addr", "add", "2001:db8:1::1/64", "dev", "to-c", "nodad")
        self.server.ip("addr", "add", "2001:db8:2::2/64", "dev", "to-r", "nodad")
        self.router.ip("addr", "add", "2001:db8:2::1/64", "dev", "to-s", "nodad")
        forwarding = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        self.router.run("sysctl", "-qw", *forwarding)
        for end, gateway in ((self.client, 1), (self.server, 2)):
            network = "198.51.100" if gateway == 1 else "203.0.113"
            end.ip("route", "add", "default", "via", f"{network}.1")
            end.ip("-6", "route", "add", "default", "via", f"2001:db8:{gateway}::1")

    def remove(self) -> None:
        """Take all of it away."""
        for namespace in self._made:
            namespace.remove()
