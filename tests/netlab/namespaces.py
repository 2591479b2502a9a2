"""Owns network namespaces: their names, the links between them, and that nothing stays behind.

A name holds the pid of the test process, so that what a killed test left is known as such.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.netlab.processes import Process
from tests.netlab.wait import until

_PREFIX = "netlab-"
_NAMED = Path("/run/netns")
_SERIAL = count()


class Namespace:
    """One network namespace, and what runs in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.processes: list[Process] = []
        subprocess.run(["ip", "netns", "add", name], check=True)
        # A prefix that nobody announces is a path change that nobody made.
        self.sysctl("net.ipv6.conf.all.disable_ipv6=1", "net.ipv4.conf.all.rp_filter=0")
        self.sysctl("net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.conf.default.rp_filter=0")
        self.ip("link set lo up")

    def ip(self, *lines: str) -> None:
        """Commands of ip(8), each without its `ip`."""
        self._checked(["ip", "-n", self.name, "-batch", "-"], "\n".join(lines) + "\n")

    def run(self, *command: str, text: str = "") -> str:
        """What a command in here prints."""
        return self._checked(["ip", "netns", "exec", self.name, *command], text)

    def _checked(self, command: list[str], text: str) -> str:
        ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (self.name, command, text, ran.stdout, ran.stderr)
        return ran.stdout

    def sysctl(self, *settings: str) -> None:
        self.run("sysctl", "-qw", *settings)

    def nft(self, rules: str) -> None:
        """Load rules (nft(8)); what they replace must be flushed in them."""
        self.run("nft", "-f", "-", text=rules)

    def start(
        self, name: str, *command: str, environment: Mapping[str, str] | None = None
    ) -> Process:
        process = Process(
            ["ip", "netns", "exec", self.name, *command],
            self.folder / f"{self.name}-{name}.log",
            environment=environment,
        )
        self.processes.append(process)
        return process

    def wait_until_listening(self, port: int) -> None:
        until(
            lambda: self.run("ss", "-Hltn", "sport", "=", f":{port}"), f"a listener on port {port}"
        )

    def close(self) -> None:
        """End all that runs in here; then the namespace."""
        for process in self.processes:
            process.kill()
        remove(self.name)


class Namespaces:
    """All namespaces of one lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stem = f"{_PREFIX}{os.getpid()}-{next(_SERIAL)}"
        self._made: list[Namespace] = []

    def add(self, role: str) -> Namespace:
        made = Namespace(f"{self._stem}-{role}", self.folder)
        self._made.append(made)
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        for namespace in self._made:
            namespace.close()


def link(one: tuple[Namespace, str, str], other: tuple[Namespace, str, str]) -> None:
    """A cable: (namespace, interface, address with its prefix length) at each end."""
    (left, left_name, _), (right, right_name, _) = one, other
    subprocess.run(
        ["ip", "link", "add", "name", left_name, "netns", left.name, "type", "veth",
         "peer", "name", right_name, "netns", right.name],
        check=True,
    )  # fmt: skip
    for end, name, address in (one, other):
        end.ip(f"addr add {address} dev {name}", f"link set {name} up")
        # veth would hand over packets without checksums and larger than any wire carries.
        end.run("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off")


def remove(name: str) -> None:
    """End the processes in a namespace and take its name away. Others may be at it, too."""

    def nobody_left() -> bool:
        pids = _quiet("pids", name).split()
        for pid in pids:
            _kill(int(pid))
        return not pids

    until(nobody_left, f"the end of all processes in {name}")
    _quiet("del", name)
    until(lambda: not (_NAMED / name).exists(), f"the end of {name}")


def remove_what_dead_tests_left() -> list[str]:
    """Names of namespaces whose test process is gone; they are gone now, too."""
    names = [path.name for path in _NAMED.glob(f"{_PREFIX}*")] if _NAMED.is_dir() else []
    left = [name for name in names if not Path("/proc", name.split("-")[1]).exists()]
    for name in left:
        remove(name)
    return left


def _quiet(*command: str) -> str:
    ran = subprocess.run(["ip", "netns", *command], capture_output=True, text=True, check=False)
    return ran.stdout


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
