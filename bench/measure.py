"""Owns the measuring of one client: its phases as the server counts them, its CPU and memory.

Nothing here asks the client anything, so stresser and the floor are measured alike.
"""

import time
from dataclasses import dataclass

from bench.client import Client, Command, Job, running_client
from bench.counters import Counter
from bench.peer import BenchError, Peer

IDLE_S = 3600.0
"""An interval between pings that no run reaches."""
_START_S = 60.0
_RAMP_S = 300.0
_SETTLE_S = 1.5  # covers what is put off: the last answers, a flush each second, a collection
_QUIET_S = 2.0
_POLL_S = 0.02
_MET_RATE = 0.95
_DONE = (0, 3)  # 3: stresser found itself too slow to judge; what it did is done all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """N sessions opened and held with nothing sent."""

    sessions: int
    rss_kib: int
    pss_kib: int
    cpu_handshakes_s: float
    """From the first TCP connection to all sessions open and the client quiet again."""
    ramp_s: float
    """From the first TCP connection to the last upgrade."""
    start_s: float
    """From the start of the process to the first TCP connection, by the clock."""
    cpu_start_s: float
    """Of CPU until then: a busy machine changes it little."""
    idle_cpu: float
    """CPU seconds a second of the quiet client."""
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinged:
    """A window of ping round trips with N sessions."""

    sessions: int
    round_trips: int
    cpu_s: float
    window_s: float
    rate_met: float
    """Round trips a second, as a share of those asked for."""
    exit_code: int

    @property
    def saturated(self) -> bool:
        """The client did not keep to the schedule, so its CPU was measured at another rate."""
        return self.rate_met < _MET_RATE


def measure_held(peer: Peer, command: Command, job: Job) -> Held:
    """Open all sessions of the job, hold them, and measure both.

    Raises:
        BenchError: not every session opened, one was lost, or one sent a ping.
    """
    accepted, pings = peer.counters[Counter.ACCEPTED], peer.counters[Counter.PINGS]
    started_s = time.monotonic()
    with running_client(command, job) as client:
        client.wait_until(
            lambda: peer.counters[Counter.ACCEPTED] > accepted, _START_S, "the first connection"
        )
        cpu_s, began_s = client.cpu_s(), time.monotonic()
        _wait_open(client, peer, job.sessions)
        ramp_s = time.monotonic() - began_s
        client.watch(_SETTLE_S, "the client to settle")
        opened_cpu_s = client.cpu_s()
        client.watch(_QUIET_S, "the quiet window")
        idle_cpu = (client.cpu_s() - opened_cpu_s) / _QUIET_S
        memory = client.memory()
        _require_all(peer, job.sessions)
        if peer.counters[Counter.PINGS] != pings:
            raise BenchError("there were pings in the window that must have none")
        exit_code = _stopped(client, peer)
    return Held(
        sessions=job.sessions,
        **memory,
        cpu_handshakes_s=opened_cpu_s - cpu_s - idle_cpu * _SETTLE_S,
        ramp_s=ramp_s,
        start_s=began_s - started_s,
        cpu_start_s=cpu_s,
        idle_cpu=idle_cpu,
        exit_code=exit_code,
    )


def measure_pinged(peer: Peer, command: Command, job: Job, round_trips: int) -> Pinged:
    """Hold all sessions of the job with pings, and measure a window of `round_trips`.

    Raises:
        BenchError: not every session opened, one was lost, or the window took three times as
            long as the schedule says.
    """
    pings_per_s = job.sessions / job.every_s
    with running_client(command, job) as client:
        _wait_open(client, peer, job.sessions)
        client.watch(max(_SETTLE_S, job.every_s), "the first ping of each session")
        cpu_s, began_s = client.cpu_s(), time.monotonic()
        pings = peer.counters[Counter.PINGS]
        _wait_pings(client, peer, pings + round_trips, 3 * round_trips / pings_per_s)
        window_s, cpu_s = time.monotonic() - began_s, client.cpu_s() - cpu_s
        done = peer.counters[Counter.PINGS] - pings
        _require_all(peer, job.sessions)
        exit_code = _stopped(client, peer)
    return Pinged(
        sessions=job.sessions,
        round_trips=done,
        cpu_s=cpu_s,
        window_s=window_s,
        rate_met=done / window_s / pings_per_s,
        exit_code=exit_code,
    )


def _wait_open(client: Client, peer: Peer, sessions: int) -> None:
    client.wait_until(
        lambda: peer.counters.open_sessions >= sessions, _RAMP_S, f"{sessions} open sessions"
    )


def _wait_pings(client: Client, peer: Peer, total: int, within_s: float) -> None:
    """In steps: a window of seconds needs no half milliseconds, and the server needs its core."""
    deadline = time.monotonic() + within_s
    while peer.counters[Counter.PINGS] < total:
        client.watch(_POLL_S, "the pings")
        if time.monotonic() > deadline:
            raise BenchError(f"the pings took more than three times as long as due ({within_s} s)")


def _require_all(peer: Peer, sessions: int) -> None:
    if peer.counters.open_sessions != sessions:
        raise BenchError(f"{peer.counters.open_sessions} sessions are open instead of {sessions}")


def _stopped(client: Client, peer: Peer) -> int:
    code = client.stop()
    if code not in _DONE:
        raise BenchError(f"the client ended with code {code}:\n{client.errors()}")
    peer.wait_empty()
    return code
