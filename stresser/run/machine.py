"""What this machine can hold and witness, asked for its own sake: what `stresser doctor` prints.

A run asks the same questions about its own scenario (`preflight.py`).
"""

import platform
import sys
from pathlib import Path

from msgspec import Struct

from stresser import __version__
from stresser.model.measured_limits import MeasuredLimits
from stresser.model.units import NS_PER_MS, NS_PER_S, format_duration
from stresser.net.dial import socket_options
from stresser.run.preflight import (
    BYTES_A_SESSION,
    BYTES_OF_TOOL,
    PORTS_KEPT_FREE,
    SPARE_FILES,
    local_port_range,
    memory_available,
)
from stresser.run.scenario_demand import Distance
from stresser.scenario.plan import Sessions
from stresser.witness.capabilities import Capability, survey

if sys.platform != "win32":
    import resource

_ENOUGH_FILES = 65_536
_ENOUGH_PORTS = 50_000
_SYSCTL = Path("/proc/sys")
_RTO_MIN_NS = 200 * NS_PER_MS
_RTO_MAX_NS = 120 * NS_PER_S


class Limit(Struct, frozen=True, kw_only=True):
    """Something of which this machine has only so much."""

    name: str
    finding: str
    sessions: int | None
    """How many sessions it is enough for; None: no limit, or not known."""
    enable: list[str] = []
    """Commands that allow more; each does on its own."""


class Timing(Struct, frozen=True, kw_only=True):
    """A setting that decides when something is noticed."""

    name: str
    value: str
    means: str


class Examination(Struct, frozen=True, kw_only=True):
    """What `stresser doctor` tells."""

    stresser: str
    python: str
    system: str
    witnesses: list[Capability]
    limits: list[Limit]
    timings: list[Timing]
    measured: MeasuredLimits | None = None
    """What was measured, now or before; None: nothing was."""
    scenario: str | None = None
    distances: list[Distance] = []
    """How far the scenario is from what was measured."""


def examine() -> Examination:
    """Ask this machine. Changes nothing; takes some milliseconds, never raises."""
    return Examination(
        stresser=__version__,
        python=f"{platform.python_version()} ({sys.executable})",
        system=platform.platform(),
        witnesses=survey(),
        limits=[_files(), _ports(), _memory()],
        timings=[*_kernel_timings(), *_socket_timings()],
    )


def _files() -> Limit:
    if sys.platform == "win32":
        return Limit(name="open files", finding="Windows has no such limit", sessions=None)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Limit(name="open files", finding="no limit", sessions=None)
    sessions = max(0, hard - SPARE_FILES - Sessions().handshakes_in_flight)
    finding = f"{soft:,} now, up to {hard:,} allowed; a run raises it by itself as far as it needs"
    return Limit(
        name="open files",
        finding=finding,
        sessions=sessions,
        enable=[] if hard >= _ENOUGH_FILES else _commands_for_files(),
    )


def _commands_for_files() -> list[str]:
    in_unit = f"LimitNOFILE={_ENOUGH_FILES}    # in a systemd unit"
    if sys.platform != "linux":
        return [f"ulimit -Hn {_ENOUGH_FILES}    # in a root shell", in_unit]
    raised = f"{_ENOUGH_FILES}:{_ENOUGH_FILES}"
    return [
        f"sudo prlimit --pid $$ --nofile={raised}    # for this shell and what it starts",
        f"ulimit -Hn {_ENOUGH_FILES}    # the same in a root shell",
        in_unit,
    ]


def _ports() -> Limit:
    low, high = local_port_range()
    usable = int((high - low + 1) * (1 - PORTS_KEPT_FREE))
    widen = "sudo sysctl -w net.ipv4.ip_local_port_range='10000 65535'"
    return Limit(
        name="local ports",
        finding=f"{low}-{high}; for each server address and source address",
        sessions=usable,
        enable=[widen] if sys.platform == "linux" and usable < _ENOUGH_PORTS else [],
    )


def _memory() -> Limit:
    available = memory_available()
    if available is None:
        return Limit(name="memory", finding="this system does not say", sessions=None)
    return Limit(
        name="memory",
        finding=f"{available / 2**20:,.0f} MiB available",
        sessions=max(0, (available - BYTES_OF_TOOL) // BYTES_A_SESSION),
    )


def _kernel_timings() -> list[Timing]:
    found = []
    retries = _number("tcp_retries2")
    if retries is not None:
        means = (
            "the kernel gives up on unacknowledged data after about"
            f" {format_duration(gives_up_after_ns(retries))}, or after the socket's own timeout"
        )
        found.append(Timing(name="net.ipv4.tcp_retries2", value=str(retries), means=means))
    syn_retries = _number("tcp_syn_retries")
    if syn_retries is not None:
        means = "the kernel sends a SYN again this often; timeouts.connect usually ends it sooner"
        found.append(Timing(name="net.ipv4.tcp_syn_retries", value=str(syn_retries), means=means))
    keepalive = [_number(f"tcp_keepalive_{name}") for name in ("time", "intvl", "probes")]
    if None not in keepalive:
        value = "/".join(str(number) for number in keepalive)
        means = "idle, interval, probes: the kernel's defaults, where a socket sets nothing else"
        found.append(Timing(name="net.ipv4.tcp_keepalive_*", value=value, means=means))
    return found


def _socket_timings() -> list[Timing]:
    return [
        Timing(name=name, value=str(value), means="on each session's socket")
        for name, value in socket_options().items()
    ]


def gives_up_after_ns(retries: int) -> int:
    """How long the kernel sends unacknowledged data again, with the shortest timeout it has.

    The timeout doubles from 200 ms to 120 s (kernel Documentation/networking/ip-sysctl.rst,
    tcp_retries2: 15 gives 924.6 s).
    """
    return sum(min(_RTO_MIN_NS << min(n, 32), _RTO_MAX_NS) for n in range(retries + 1))


def _number(name: str) -> int | None:
    try:
        return int((_SYSCTL / "net/ipv4" / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
