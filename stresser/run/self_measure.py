"""Measures what this machine can hold and how well it dates, in half a minute.

Three short runs against the lab on loopback, each as a user's run is made: silent sessions (memory,
handshakes, how late the loop is), sessions that ping, sessions that a box of the lab resets. Rates
are of this process's own CPU time: what the lab's process takes is not counted, and a machine with
other work gives nearly the same figures.
"""

import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import trio

from stresser import __version__
from stresser.lab.messages import KillRecord, KillsLost
from stresser.model.cohort import Cohort
from stresser.model.errors import LabError
from stresser.model.events import AnyEvent, AttemptFailed, LabKilled, SessionEnded, SessionOpened
from stresser.model.measured_limits import MeasuredLimits
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration
from stresser.net.dial import Binding
from stresser.run.lab_witness import LabWitness
from stresser.run.preflight import memory_available
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.scenario.lab_table import LabReady, Middlebox
from stresser.scenario.plan import Activity, ActivityKind, Egress, Endpoint, Scenario, Sessions
from stresser.scenario.secrets import HeaderValues
from stresser.session.route import Route
from stresser.statistics.duration_counts import Distribution, SparseCounts
from stresser.witness.clock import RunClock
from stresser.witness.cpu import CpuLedger
from stresser.witness.loop import watch_lag
from stresser.witness.packets import PacketWitness

if sys.platform != "win32":
    import resource

_SESSIONS: Final = 500
_WARM: Final = 100
"""The first ones pay for what all share: they are not counted."""
_AT_ONCE: Final = 8
"""Handshakes: what they take besides is not to be mistaken for a session's."""
_SETTLED_S: Final = 1.0
_IDLE_S: Final = 5.0
_PINGING_S: Final = 5.0
_PING_EVERY: Final = Duration(250 * NS_PER_MS)
_AGE_LIMIT: Final = Duration(3 * NS_PER_S)
_ASKED_EVERY_NS: Final = 5 * NS_PER_MS
_PATIENCE_S: Final = 60.0
_ENOUGH: Final = 0.9
"""Of the sessions: on a busy machine an attempt may fail."""
_NO_MEMORY = 1 << 40
"""Where the system does not say how much there is, memory is no limit."""
_Story = Callable[["_Tape", RunClock], Awaitable[None]]


def measuring_scenario(sessions: int = _SESSIONS) -> Scenario:
    """What the measurement holds, and the lab that it needs."""
    return Scenario(
        name="measure",
        sessions=Sessions(
            count=sessions,
            reconnect=False,
            handshakes_in_flight=_AT_ONCE,
            attempts_per_second=1e6,
            attempts_per_second_per_endpoint=1e6,
        ),
        activities=[
            Activity(name="silent", kind=ActivityKind.SILENT),
            Activity(name="heartbeat", every=_PING_EVERY),
        ],
        endpoints=[Endpoint(name="echo", url="lab+wss://echo")],
        egresses=[Egress(name="direct"), Egress(name="box", lab=Middlebox(age_limit=_AGE_LIMIT))],
    )


class _Mark(NamedTuple):
    """What the process had used."""

    cpu_ns: int
    memory: int

    @classmethod
    def now(cls) -> "_Mark":
        return cls(time.process_time_ns(), _resident_bytes())


class _Tape:
    """An Observer of one of the three runs."""

    def __init__(self, sessions: int) -> None:
        self._sessions = sessions
        self.opened = self.failed = self.pongs = 0
        self.ended: dict[int, int] = {}
        """When sessions ended, by their local port."""
        self.killed: dict[int, int] = {}
        """When the lab ended them."""
        self.warm_at = max(sessions * _WARM // _SESSIONS, 1)
        self.warm = self.full = self.settled = _Mark(0, 0)
        self.all_opened, self.all_ended = trio.Event(), trio.Event()

    def event(self, event: AnyEvent) -> None:
        match event:
            case SessionOpened():
                self.opened += 1
                if self.opened == self.warm_at:
                    self.warm = _Mark.now()
                self._tried()
            case AttemptFailed() if not event.ending.planned:
                self.failed += 1
                self._tried()
            case SessionEnded(local=str(local)) if not event.ending.planned:
                self.ended[int(local.rpartition(":")[2])] = event.ending.dead_by_ns
            case LabKilled():
                self.killed[event.client_port] = event.t_ns
        if len(self.ended) + self.failed >= self._sessions:
            self.all_ended.set()

    def _tried(self) -> None:
        if self.opened + self.failed == self._sessions:
            self.full = _Mark.now()
            self.all_opened.set()

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        self.samples(quantity, cohort, (value_ns,))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        del cohort
        self.pongs += len(values_ns) if quantity is Quantity.RTT else 0


class SelfMeasurement:
    """One measurement. The lab that `run` is handed is to call `on_kill`."""

    def __init__(self, sessions: int = _SESSIONS, scale: float = 1.0) -> None:
        """`scale`: of the times that are waited; shorter ones measure less well."""
        self.scenario = measuring_scenario(sessions)
        self._sessions = sessions
        self._scale = scale
        self._witness = LabWitness()

    def on_kill(self, record: KillRecord | KillsLost) -> None:
        """What the lab says that it ended."""
        self._witness.on_kill(record)

    async def run(self, ready: LabReady) -> MeasuredLimits:
        """Measure.

        Raises:
            LabError: the sessions did not open, or not end, within a minute each.
        """
        memory = memory_available() or _NO_MEMORY
        routes = {route.cohort[1:]: route for route in self._routes(ready)}
        ledger = CpuLedger()
        ledger.open()
        try:
            before, began_ns = ledger.read(), time.perf_counter_ns()
            silent, lag = await self._silent(routes["direct", "silent"])
            pings_per_second = await self._pinging(routes["direct", "heartbeat"])
            dating = await self._reset(routes["box", "silent"])
            after, took_ns = ledger.read(), time.perf_counter_ns() - began_ns
        finally:
            ledger.close()
        counted = silent.opened - silent.warm_at
        cpu_s = (silent.full.cpu_ns - silent.warm.cpu_ns) / NS_PER_S
        return MeasuredLimits(
            stresser=__version__,
            measured_utc=RunClock().utc(0),
            sessions_held=self._sessions,
            bytes_a_session=max((silent.settled.memory - silent.warm.memory) // counted, 1),
            memory_bytes=memory,
            handshakes_per_second=counted / cpu_s,
            pings_per_second=pings_per_second,
            timer_p50_ns=lag.quantile(0.5),
            timer_p99_ns=lag.quantile(0.99),
            dating_p50_ns=dating.quantile(0.5),
            dating_p99_ns=dating.quantile(0.99),
            without_cpu=min(((after.waited_ns or 0) - (before.waited_ns or 0)) / took_ns, 1.0),
        )

    def _routes(self, ready: LabReady) -> list[Route]:
        bindings = {egress.name: Binding() for egress in self.scenario.egresses}
        headers: dict[str, HeaderValues] = {one.name: {} for one in self.scenario.endpoints}
        return RouteBuilder(self.scenario, Path(), headers, bindings, ready).build()

    async def _silent(self, route: Route) -> tuple["_Tape", Distribution]:
        """Handshakes and memory; then how late the loop is while nothing happens."""
        lags = SparseCounts()

        async def story(tape: _Tape, clock: RunClock) -> None:
            await self._sleep(_SETTLED_S)
            tape.settled = _Mark.now()
            with trio.move_on_after(_IDLE_S * self._scale):
                await watch_lag(clock, lambda _, lag_ns: lags.add(lag_ns), _ASKED_EVERY_NS)

        return await self._hold(route, story), lags.distribution()

    async def _pinging(self, route: Route) -> float:
        """Pings and their pongs, by second of CPU time."""
        rates: list[float] = []

        async def story(tape: _Tape, _clock: RunClock) -> None:
            await self._sleep(_SETTLED_S)
            pongs, cpu_ns = tape.pongs, time.process_time_ns()
            await self._sleep(_PINGING_S)
            await self._until(lambda: tape.pongs > pongs)
            rates.append((tape.pongs - pongs) / (time.process_time_ns() - cpu_ns) * NS_PER_S)

        await self._hold(route, story)
        return rates[0]

    async def _reset(self, route: Route) -> Distribution:
        """From each reset to the time recorded for it; either may lie before the other."""

        async def story(tape: _Tape, _clock: RunClock) -> None:
            await tape.all_ended.wait()
            await self._sleep(_SETTLED_S)  # the lab's word comes by another way
            await self._until(lambda: bool(tape.killed.keys() & tape.ended.keys()))

        tape = await self._hold(route, story)
        pairs = (
            (tape.ended[port], at_ns) for port, at_ns in tape.killed.items() if port in tape.ended
        )
        return SparseCounts.of(abs(dated_ns - at_ns) for dated_ns, at_ns in pairs).distribution()

    async def _sleep(self, seconds: float) -> None:
        await trio.sleep(seconds * self._scale)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._sleep(_SETTLED_S)

    async def _hold(self, route: Route, story: _Story) -> "_Tape":
        """A run of this route alone, until the story is at its end."""
        clock, tape = RunClock(), _Tape(self._sessions)
        packets: PacketWitness | None = None
        with suppress(OSError):  # as in a run: without the right to, without them
            packets = PacketWitness.open(clock, self._sessions)
        runner = Runner(self.scenario, [route], clock, tape, packets=packets)
        self._witness.tell(tape, clock)

        async def tell() -> None:
            with trio.move_on_after(_PATIENCE_S) as patience:
                await tape.all_opened.wait()
                if tape.opened >= _ENOUGH * self._sessions:
                    await story(tape, clock)
            runner.stop("measured")
            if patience.cancelled_caught or tape.opened < _ENOUGH * self._sessions:
                raise LabError(
                    f"this machine was too busy to be measured: {tape.opened} of"
                    f" {self._sessions} sessions with the lab opened in {_PATIENCE_S:.0f} s,"
                    f" {len(tape.ended)} were reset"
                )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            await runner.run()
        return tape


def _resident_bytes() -> int:
    """Of this process (proc_pid_statm(5)); where there is no /proc, the largest it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if sys.platform != "win32" else 0
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
