"""What this machine lets a run witness, tried out: for the manifest and for `stresser doctor`.

Nothing is concluded from a user id or a version: each witness is opened as a run would open it.
"""

import errno
import os
import shlex
import socket
import sys
from pathlib import Path

from msgspec import Struct

from stresser.witness.clock import suspended_ns
from stresser.witness.cpu import counts_waiting
from stresser.witness.path import open_netlink
from stresser.witness.resolver import RESOLVER_FILES, ResolverWatch
from stresser.witness.tcp_info import sample_tcp_info

_NEEDS_LINUX = "needs Linux"
_IS_LINUX = sys.platform == "linux"
_AF_PACKET = getattr(socket, "AF_PACKET", 17)
_REFUSED = (errno.EPERM, errno.EACCES)


class Capability(Struct, frozen=True, kw_only=True):
    """One witness: whether it is there, why, and how to get it."""

    name: str
    """As the manifest has it."""
    sees: str
    """What it adds to a run."""
    available: bool
    why: str
    """What was tried and what came of it, in words."""
    enable: list[str] = []
    """Commands that make it available; each does on its own. Empty: nothing does here."""


def survey() -> list[Capability]:
    """Try every witness. Takes some milliseconds, never raises."""
    return [
        _tcp_info(),
        _packets(),
        _hops(),
        _path(),
        _resolver(),
        _bind_to_interface(),
        _suspend(),
        _clock_steps(),
        _run_queue(),
    ]


def capabilities() -> dict[str, bool]:
    """Witness by witness: available or not."""
    return {one.name: one.available for one in survey()}


def _tcp_info() -> Capability:
    why = _NEEDS_LINUX
    available = False
    if _IS_LINUX:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            available = sample_tcp_info(sock) is not None
        why = "read from a socket" if available else "the kernel does not answer getsockopt"
    return Capability(
        name="tcp_info",
        sees="the kernel's state of each connection: black hole or idle peer, acknowledged or not",
        available=available,
        why=why,
    )


def _packets() -> Capability:
    return _with_raw_socket(
        "packets",
        "the packet that ended a session: when it came, and from how far away",
        "an AF_PACKET socket",
        (_AF_PACKET, 0),  # protocol 0: it receives nothing
    )


def _hops() -> Capability:
    return _with_raw_socket(
        "hops",
        "the routers that a flow passes, and after which of them a dead one stops",
        "a raw socket",
        (socket.AF_INET, socket.IPPROTO_RAW),
    )


def _with_raw_socket(name: str, sees: str, what: str, of: tuple[int, int]) -> Capability:
    family, protocol = of
    available, why, enable = False, _NEEDS_LINUX, list[str]()
    if _IS_LINUX:
        try:
            socket.socket(family, socket.SOCK_RAW, protocol).close()
            available, why = True, f"{what} opened"
        except OSError as error:
            why = f"{what}: {in_words(error)}"
            enable = _commands_for_raw_sockets(error)
    return Capability(name=name, sees=sees, available=available, why=why, enable=enable)


def _path() -> Capability:
    try:
        open_netlink().close()
        available, why = True, "a netlink socket opened; it needs no right"
    except OSError as error:
        available, why = (
            False,
            f"a netlink socket: {in_words(error)}" if _IS_LINUX else _NEEDS_LINUX,
        )
    return Capability(
        name="path",
        sees="links, tunnels, addresses, routes and default routes that come, go or change",
        available=available,
        why=why,
    )


def _resolver() -> Capability:
    files = " or ".join(str(path) for path in RESOLVER_FILES)
    available = ResolverWatch().is_available
    return Capability(
        name="resolver",
        sees="name servers that change, as a VPN changes them",
        available=available,
        why="the file can be read" if available else f"there is no {files} that can be read",
    )


def _bind_to_interface() -> Capability:
    available, why, enable = False, _NEEDS_LINUX, list[str]()
    if sys.platform == "linux":
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _loopback() + b"\0")
            available, why = True, "SO_BINDTODEVICE was accepted"
        except OSError as error:
            why = f"SO_BINDTODEVICE: {in_words(error)}"
            enable = _commands_for_raw_sockets(error)
    return Capability(
        name="bind_to_interface",
        sees='`interface = "tun0"` holds whatever the routing table says; without it sockets are'
        " bound to the interface's address",
        available=available,
        why=why,
        enable=enable,
    )


def _loopback() -> bytes:
    """The loopback interface's name: index 1 in every network namespace."""
    return socket.if_indextoname(1).encode()


def _suspend() -> Capability:
    available = suspended_ns() is not None
    return Capability(
        name="suspend",
        sees="whether this host slept, and so ended sessions itself",
        available=available,
        why="CLOCK_BOOTTIME is there" if available else "this system has no CLOCK_BOOTTIME",
    )


def _clock_steps() -> Capability:
    return Capability(
        name="clock_steps",
        sees="a wall clock that was set while the run went on",
        available=True,
        why="two clocks are compared each second",
    )


def _run_queue() -> Capability:
    available = counts_waiting()
    missing = "there is no /proc/thread-self/schedstat with figures" if _IS_LINUX else _NEEDS_LINUX
    return Capability(
        name="run_queue",
        sees="why stresser was late: its own work, no CPU, or stopped",
        available=available,
        why="/proc/thread-self/schedstat counts" if available else missing,
    )


def in_words(error: OSError) -> str:
    """An errno with its name: `Operation not permitted (EPERM)`."""
    name = errno.errorcode.get(error.errno or 0, "no errno")
    return f"{error.strerror or error} ({name})"


def _commands_for_raw_sockets(error: OSError) -> list[str]:
    if error.errno not in _REFUSED:
        return []
    if os.geteuid() == 0:
        return [
            "docker run --cap-add NET_RAW ...    # this root has lost CAP_NET_RAW: a container",
            "AmbientCapabilities=CAP_NET_RAW     # and in CapabilityBoundingSet=: a systemd unit",
        ]
    python = Path(sys.executable)
    alone = (
        f"sudo setpriv --reuid {os.geteuid()} --regid {os.getegid()} --init-groups"
        f" --inh-caps +net_raw --ambient-caps +net_raw -- {shlex.quote(str(python))}"
        " -m stresser run SCENARIO    # this run alone"
    )
    real = shlex.quote(str(python.resolve()))
    return [alone, f"sudo setcap cap_net_raw+eip {real}    # for good, for all it runs"]
