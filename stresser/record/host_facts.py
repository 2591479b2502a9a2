"""What the host says of itself: the facts of a manifest, and whether a recorded process lives.

All of it is best effort: what a system does not tell is left out, never guessed.
"""

import os
import platform
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import stresser
from stresser.model.measured_limits import MeasuredLimits
from stresser.model.units import format_utc
from stresser.record.manifest import Manifest, ProcessIdentity

if sys.platform != "win32":
    import resource

_SYSCTL = Path("/proc/sys")
_SYSCTLS = (
    "net.core.default_qdisc",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_mtu_probing",
    "net.ipv4.tcp_orphan_retries",
    "net.ipv4.tcp_retries1",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_rto_max_ms",
    "net.ipv4.tcp_rto_min_us",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_wmem",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans",
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged",
)
"""What decides when this host's own TCP, or its own firewall, gives a connection up
(kernel Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst)."""
_LIBRARIES = ("cryptography", "hdrhistogram", "msgspec", "structlog", "trio", "wsproto")
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_AS", "RLIMIT_NPROC")
_CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE, _START_TIME = 3 - 3, 22 - 3
"""Places in /proc/PID/stat after the name, whose own end is the last `)` (proc_pid_stat(5))."""
_GONE_STATES = ("Z", "X")


def gather_manifest(
    *,
    scenario: dict[str, Any],
    run_id: str | None = None,
    listened: str | None = None,
    anchor_unix_ns: int,
    command_line: list[str],
    capabilities: dict[str, Any],
    socket_options: dict[str, Any],
    measured: MeasuredLimits | None = None,
    workers: int = 1,
) -> Manifest:
    """A manifest of the run that starts now, in this process.

    Secrets in `scenario` and `command_line` must be masked already. Takes some milliseconds.
    """
    return Manifest(
        stresser=stresser.__version__,
        scenario=scenario,
        run_id=run_id,
        listened=listened,
        started_utc=format_utc(anchor_unix_ns),
        anchor_unix_ns=anchor_unix_ns,
        workers=workers,
        process=this_process(),
        command_line=command_line,
        versions=_versions(),
        host=_host(),
        kernel=_kernel(),
        socket_options=socket_options,
        capabilities=capabilities,
        limits=_limits(),
        measured=measured,
    )


def this_process() -> ProcessIdentity:
    """Who writes."""
    return ProcessIdentity(
        pid=os.getpid(),
        started=_started(os.getpid()),
        boot_id=_text(_BOOT_ID),
        pid_namespace=_pid_namespace(),
        host=platform.node() or None,
    )


def lives(process: ProcessIdentity) -> bool | None:
    """Whether that very process still runs; None: it is not known from here."""
    if process.boot_id != _text(_BOOT_ID):
        # Another boot of this host ended it. Another host's process is beyond our sight.
        return False if process.host == (platform.node() or None) else None
    if process.boot_id is None and process.host != (platform.node() or None):
        return None
    if process.pid_namespace != _pid_namespace():
        return None
    if process.started is not None:
        return _started(process.pid) == process.started
    return _exists(process.pid)


def _exists(pid: int) -> bool | None:
    if os.name != "posix":
        return None  # on Windows os.kill would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _started(pid: int) -> str | None:
    """Start time of a process that runs; None: it does not, or there is no /proc."""
    stat = _text(Path(f"/proc/{pid}/stat"))
    fields = stat.rpartition(")")[2].split() if stat else []
    if len(fields) <= _START_TIME or fields[_STATE] in _GONE_STATES:
        return None
    return fields[_START_TIME]


def _pid_namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _versions() -> dict[str, str]:
    versions = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": import_module("ssl").OPENSSL_VERSION,
        "kernel": f"{platform.system()} {platform.release()}",
    }
    for library in _LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return versions


def _host() -> dict[str, Any]:
    facts = {
        "name": platform.node(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "usable_processors": usable_processors(),
        "memory_bytes": _memory_bytes(),
        "clock_source": _text(_CLOCK_SOURCE),
    }
    return {name: value for name, value in facts.items() if value}


def usable_processors() -> int | None:
    """CPUs that this process may run on (sched_getaffinity(2)); None: the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _kernel() -> dict[str, str]:
    found = {}
    for name in _SYSCTLS:
        value = _text(_SYSCTL.joinpath(*name.split(".")))
        if value is not None:
            found[name] = " ".join(value.split())
    return found


def _limits() -> dict[str, Any]:
    if sys.platform == "win32":
        return {}
    found = {}
    for name in _LIMITS:
        soft, hard = resource.getrlimit(getattr(resource, name))
        found[name] = {"soft": _limit(soft), "hard": _limit(hard)}
    return found


def _limit(value: int) -> int:
    return -1 if sys.platform != "win32" and value == resource.RLIM_INFINITY else value
