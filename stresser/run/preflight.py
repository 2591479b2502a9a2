"""Asks before a run whether this machine can hold it, and says what is missing and the remedy.

Failing at session 1,004 in the middle of the night is what it is there to prevent.
"""

import socket
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from stresser.model.errors import PreflightError
from stresser.net.dial import Binding, bind_to_egress
from stresser.record.host_facts import usable_processors
from stresser.run.worker_share import workers_of
from stresser.scenario.endpoint import parse_url
from stresser.scenario.pac_answer import said_words
from stresser.scenario.plan import ActivityKind, Egress, Scenario
from stresser.scenario.proxies import Proxies
from stresser.scenario.proxy_url import FROM_ENVIRONMENT

if sys.platform != "win32":
    import fcntl
    import resource

_OF_A_SEARCH = 100
"""Sessions of one search at the most: two ladders, and those beside them."""
SPARE_FILES = 128
"""Run folder, resolver threads, lab pipes, epoll, ..."""
ENDED_BESIDE = 512
"""Sockets of ended sessions whose evidence is awaited while their places are filled again: wanted,
and done without where the limit is lower."""
BYTES_A_SESSION = 64 * 1024
"""Above what bench/ measures, kernel socket buffers included."""
BYTES_OF_TOOL = 128 * 1024 * 1024
"""Of each process."""
_DEFAULT_PORTS = (32_768, 60_999)
_MOST_NAMES = 8
PORTS_KEPT_FREE = 0.1
"""Share of the local ports left to TIME_WAIT and to other programs."""


class Readiness(Struct, frozen=True, kw_only=True):
    """What preflight found; the figures go into the manifest."""

    sessions: int
    workers: int
    """Processes that hold them."""
    file_limit: int | None
    """Of each process."""
    local_ports: int
    memory_available: int | None
    bindings: dict[str, Binding]
    """By egress name."""
    notes: list[str]


def prepare(scenario: Scenario, proxies: Proxies | None = None) -> Readiness:
    """Check limits, raise the file limit as far as needed and allowed, bind each egress once.

    Nothing is dialled, and no name is looked up: what a proxy says is the run's to find out.

    Raises:
        PreflightError: one line for each thing that is missing, with figure and remedy.
    """
    sessions = sessions_of(scenario)
    missing: list[str] = []
    notes: list[str] = []
    workers = _workers(scenario, missing)
    limit = _raise_file_limit(_sockets_of(scenario, workers), missing)
    chosen = {} if proxies is None else proxies
    ports = _check_ports(scenario, chosen, missing)
    memory = _check_memory(sessions, workers, missing)
    bindings = {e.name: _check_egress(e, missing, notes) for e in scenario.egresses}
    notes += _without_proxy(scenario, chosen)
    notes += _in_clear(scenario, chosen)
    if missing:
        raise PreflightError(*missing)
    return Readiness(
        sessions=sessions,
        workers=workers,
        file_limit=limit,
        local_ports=ports,
        memory_available=memory,
        bindings=bindings,
        notes=notes,
    )


def sessions_of(scenario: Scenario) -> int:
    """How many sessions it asks for, over all cohorts."""
    cohorts = len(scenario.endpoints) * len(scenario.egresses) * len(scenario.activities)
    return cohorts * scenario.sessions.count


def _workers(scenario: Scenario, missing: list[str]) -> int:
    try:
        processors = 1 if sys.platform == "win32" else usable_processors() or 1
        workers = workers_of(scenario, sessions_of(scenario), processors)
    except ValueError as error:
        missing.append(str(error))
        return 1
    if workers > 1 and sys.platform == "win32":
        missing.append("sessions.workers: on Windows one process holds all; leave it out")
    return workers


def _sockets_of(scenario: Scenario, workers: int) -> int:
    """Of one process at once: sessions, handshakes, what a search opens beyond its first ladder."""
    pairs = len(scenario.endpoints) * len(scenario.egresses)
    searches = [one for one in scenario.activities if one.kind is ActivityKind.IDLE_SEARCH]
    beyond = pairs * len(searches) * max(_OF_A_SEARCH - scenario.sessions.count, 0)
    own = -(-sessions_of(scenario) // workers)
    return own + beyond + scenario.sessions.handshakes_in_flight


def sockets_to_spare(scenario: Scenario, workers: int = 1) -> int:
    """How many ended sessions may keep their sockets while others take their places.

    In one of so many `workers`.
    """
    if sys.platform == "win32":
        return ENDED_BESIDE
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = soft - _sockets_of(scenario, workers) - SPARE_FILES
    return ENDED_BESIDE if soft == resource.RLIM_INFINITY else min(max(spare, 0), ENDED_BESIDE)


def _raise_file_limit(files: int, missing: list[str]) -> int | None:
    if sys.platform == "win32":  # there is no such limit
        return None
    needed = files + SPARE_FILES
    wanted = needed + ENDED_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    for attempt in ((wanted, hard), (max(soft, needed), hard), (needed, max(needed, hard))):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, attempt)
        except (ValueError, OSError):
            continue
        return attempt[0]
    missing.append(
        f"sessions: {files} sockets and {SPARE_FILES} spare need {needed} open files, and this"
        f" process may open {hard}; raise the limit (`ulimit -Hn {needed}`, or LimitNOFILE={needed}"
        f" in a systemd unit) or lower sessions.count"
    )
    return None


def _without_proxy(scenario: Scenario, proxies: Proxies) -> Iterable[str]:
    """Where the environment's proxy was asked for, and it names none; what PAC files say."""
    for egress in scenario.egresses:
        pairs = {one.name: (one.name, egress.name) for one in scenario.endpoints}
        chosen = {name: proxies[pair] for name, pair in pairs.items() if pair in proxies}
        direct = [name for name in pairs if name not in chosen]
        if direct and egress.proxy == FROM_ENVIRONMENT:
            yield (
                f"egress {egress.name}: the environment (https_proxy, all_proxy, no_proxy) names no"
                f" proxy for {_listed(direct)}: reached directly"
            )
        said: dict[str, list[str]] = {}
        for name, one in chosen.items():
            if one.chosen_by is not None:
                taken = "reached directly" if one.first is None else f"through {one.first}"
                pac = one.chosen_by
                words = said_words(pac.source, pac.answer, pac.failure)
                said.setdefault(f"{words}: {taken}", []).append(name)
        for words, names in list(said.items())[:_MOST_NAMES]:
            yield f"egress {egress.name}: {words} ({_listed(names)})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if names[_MOST_NAMES:] else "")


def _in_clear(scenario: Scenario, proxies: Proxies) -> Iterable[str]:
    """Where a password may go out for all to read."""
    for egress in scenario.egresses:
        lists = [named.entries for (_, name), named in proxies.items() if name == egress.name]
        every = [proxy for entries in lists for proxy in entries]
        for proxy in sorted({str(one) for one in every if one and one.shows_password}):
            yield (
                f"egress {egress.name}: with Basic the password goes to {proxy} in clear, and"
                ' any box between can read it: leave "basic" out of proxy_auth, or use https://'
            )


def _check_ports(scenario: Scenario, proxies: Proxies, missing: list[str]) -> int:
    low, high = local_port_range()
    usable = int((high - low + 1) * (1 - PORTS_KEPT_FREE))
    for (host, port), count in _sessions_by_destination(scenario, proxies).items():
        if count > usable:
            missing.append(
                f"sessions: {count} sessions to {host or 'the lab'}:{port} from one source address"
                f" need as many local ports, and {usable} of {low}-{high} can be used; widen"
                " net.ipv4.ip_local_port_range, give several egresses a source address each, or"
                " lower sessions.count"
            )
    return usable


def _sessions_by_destination(scenario: Scenario, proxies: Proxies) -> Mapping[tuple[str, int], int]:
    # Egresses that share a source address cannot be told here; the largest group that surely
    # shares one is that of a single egress. All that goes through its proxy ends there.
    largest: dict[tuple[str, int], int] = {}
    for egress in scenario.egresses:
        counts: Counter[tuple[str, int]] = Counter()
        for endpoint in scenario.endpoints:
            address = parse_url(endpoint.url)
            where = (endpoint.address or address.host or endpoint.name, address.port)
            chosen = proxies.get((endpoint.name, egress.name))
            if chosen is not None and chosen.first is not None:
                where = (chosen.first.host, chosen.first.port)
            counts[where] += scenario.sessions.count * len(scenario.activities)
        for where, count in counts.items():
            largest[where] = max(largest.get(where, 0), count)
    return largest


def local_port_range() -> tuple[int, int]:
    """First and last port that the kernel gives out by itself (ip(7))."""
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        low, high = (int(word) for word in text.split())
    except (OSError, ValueError):
        return _DEFAULT_PORTS
    return low, high


def _check_memory(sessions: int, workers: int, missing: list[str]) -> int | None:
    processes = 1 if workers == 1 else workers + 1
    needed = sessions * BYTES_A_SESSION + processes * BYTES_OF_TOOL
    available = memory_available()
    if available is not None and needed > available:
        missing.append(
            f"sessions: {sessions} sessions need about {needed / 2**20:.0f} MiB of memory, and"
            f" {available / 2**20:.0f} MiB are available; lower sessions.count"
        )
    return available


def memory_available() -> int | None:
    """Bytes that this process may still use; None: the system does not tell."""
    found = [*_from_meminfo(), *_from_cgroup()]
    return min(found) if found else None


def _from_meminfo() -> Iterable[int]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _from_cgroup() -> Iterable[int]:
    # cgroup v2 (kernel Documentation/admin-guide/cgroup-v2.rst, memory.max)
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = (folder / "memory.current").read_text(encoding="ascii").strip()
        if limit != "max":
            yield max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return


def _check_egress(egress: Egress, missing: list[str], notes: list[str]) -> Binding:
    try:
        if egress.interface is not None:
            return _bind_to_interface(egress.interface, notes)
        if egress.source is not None:
            _try(Binding(source=egress.source))
            return Binding(source=egress.source)
    except OSError as exc:
        missing.append(f"egresses.{egress.name}: {exc.strerror or exc}; {_what_there_is(egress)}")
    return Binding()


def _bind_to_interface(name: str, notes: list[str]) -> Binding:
    socket.if_nametoindex(name)  # OSError when there is none of that name
    device = Binding(device=name)
    try:
        _try(device)
    except OSError:
        source = interface_address(name)
        if source is None:
            raise
        notes.append(
            f"egress through {name}: this process may not bind to a device, so its sockets are"
            f" bound to the interface's address {source} and the routing table has the last word"
        )
        return Binding(source=source)
    return device


def _try(binding: Binding) -> None:
    family = socket.AF_INET6 if ":" in (binding.source or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        bind_to_egress(sock, binding)


def interface_address(name: str) -> str | None:
    """The first IPv4 address of an interface (netdevice(7), SIOCGIFADDR); None without one."""
    if sys.platform != "linux":
        return None
    siocgifaddr = 0x8915
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock.fileno(), siocgifaddr, name.encode()[:15].ljust(40, b"\0"))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def _what_there_is(egress: Egress) -> str:
    if egress.interface is not None:
        names = ", ".join(name for _, name in socket.if_nameindex())
        return f'interface = "{egress.interface}" is not there or cannot be used; there are {names}'
    return f'source = "{egress.source}" must be an address of this host'
