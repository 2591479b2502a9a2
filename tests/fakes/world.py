"""A run's surroundings on memory paths and virtual time: lives of hours in milliseconds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeVar

import trio
from trio.testing import MockClock

from stresser.model.clocks import Clock, Hangups
from stresser.model.cohort import Cohort
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.net.mqtt import MqttLogin
from stresser.net.resolve import Address
from stresser.net.tap import Tap
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.plan import Activity, ActivityKind, Reconnect, Timeouts
from stresser.session.heartbeat import Heartbeats
from stresser.session.lifecycle import keep_open
from stresser.session.proof_ages import ProofAges
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.witness.clock import RunClock
from stresser.witness.loop import LoopStamp
from tests.fakes.certificates import SERVER_NAME, client_context, judge
from tests.fakes.notebook import Notebook
from tests.fakes.path import Path
from tests.fakes.peers import Program

T = TypeVar("T")

COHORT = Cohort("broker", "vpn", "heartbeat")
HOST = "192.0.2.1"


def in_virtual_time(story: Callable[[], Awaitable[T]]) -> T:
    """Run a story on a clock that jumps to the next deadline whenever nothing else is to do."""
    return trio.run(story, clock=MockClock(autojump_threshold=0))


def seconds(value: float) -> Duration:
    return Duration.parse(f"{value}s")


def heartbeat(every: str = "15s", timeout: str = "10s") -> Activity:
    return Activity(name="heartbeat", every=Duration.parse(every), timeout=Duration.parse(timeout))


def silent() -> Activity:
    return Activity(name="silent", kind=ActivityKind.SILENT)


class OpenGate:
    """Lets everybody in; counts who is inside."""

    def __init__(self) -> None:
        self.inside = 0

    @asynccontextmanager
    async def admit(self, cohort: Cohort) -> AsyncIterator[None]:
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class World:
    """One run: its clock, its notebook, and the paths that its sessions went."""

    def __init__(self, nursery: trio.Nursery, program: Program, latency_s: float) -> None:
        self.clock = RunClock()
        self.notebook = Notebook()
        self.gate = OpenGate()
        self.heartbeats = Heartbeats(self.clock)
        self.around = RunContext(
            clock=self.clock,
            observer=self.notebook,
            gate=self.gate,
            heartbeats=self.heartbeats,
            room_beside=512,
        )
        self.latency_s = latency_s
        self.program = program
        self.paths: list[Path] = []
        self.dialled: list[Address] = []
        self.finished = 0
        """Seats whose life has returned."""
        self._scopes: list[trio.CancelScope] = []
        self.stays_open = trio.CancelScope(shield=True)
        self._nursery = nursery
        self._ports = count(50_000)
        nursery.start_soon(self._beside)

    async def _beside(self) -> None:
        with trio.CancelScope() as scope:
            self._scopes.append(scope)
            async with trio.open_nursery() as nursery:
                self.around.beside = nursery
                # As in a run, it takes what a session that is being stopped has to say.
                with self.stays_open:
                    await trio.sleep_forever()

    async def connect(
        self, address: Address, binding: Binding, clock: Clock, hangups: Hangups | None
    ) -> Tap:
        """`session.route.Connect`: a path in memory, with the server's program at its far end."""
        del binding, hangups
        self.dialled.append(address)
        await trio.sleep(2 * self.latency_s)
        path = Path(latency_s=self.latency_s, local_port=next(self._ports))
        self.paths.append(path)
        self._nursery.start_soon(self._serve, path)
        return path.tap(clock)

    async def _serve(self, path: Path) -> None:
        # What a server says of a client that went away is no part of a test.
        try:
            await self.program(path.server)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    def route(
        self,
        *,
        scheme: str = "wss",
        activity: Activity | None = None,
        timeouts: Timeouts | None = None,
        tls_version: str | None = None,
        connect: Callable[..., Awaitable[Tap]] | None = None,
        host: str = HOST,
        mqtt: MqttLogin | None = None,
    ) -> Route:
        request = UpgradeRequest(host=SERVER_NAME, target="/connect")
        return Route(
            cohort=COHORT,
            host=host,
            port=443,
            binding=Binding(),
            server_name=SERVER_NAME,
            context=client_context(tls_version),
            judge=judge(),
            request=request if scheme == "wss" else None,
            mqtt=mqtt,
            activity=heartbeat() if activity is None else activity,
            timeouts=Timeouts() if timeouts is None else timeouts,
            connect=self.connect if connect is None else connect,
        )

    def start(
        self,
        route: Route,
        *,
        reconnect: Reconnect | None = None,
        at_s: float = 0.0,
        proofs: ProofAges | None = None,
    ) -> None:
        """Keep a session open until `stop`."""
        at_s += trio.current_time()
        self._nursery.start_soon(self._keep_open, route, reconnect, at_s, proofs)

    async def _keep_open(
        self, route: Route, reconnect: Reconnect | None, at_s: float, proofs: ProofAges | None
    ) -> None:
        with trio.CancelScope() as scope:
            self._scopes.append(scope)
            await trio.sleep_until(at_s)
            await keep_open(route, self.around, reconnect, proofs)
        self.finished += 1

    def stop(self) -> None:
        """The plan's stop, as `run.runner` does it."""
        self.around.stop_at_s = trio.current_time()
        for scope in self._scopes:
            scope.cancel()


def life(
    program: Program,
    until_s: float,
    *,
    during: Callable[[World], Awaitable[None]] | None = None,
    latency_s: float = 0.0,
    patience_s: float = 1.0,
    **route: Any,
) -> World:
    """The world after one session's life in virtual time.

    `during` plays the network's part; at `until_s` the run is stopped.
    """

    async def story() -> World:
        async with world(program, latency_s=latency_s) as made:
            made.start(made.route(**route))
            with trio.move_on_at(until_s):
                if during is not None:
                    await during(made)
                await trio.sleep_forever()
            made.stop()
            await trio.sleep(patience_s)
            return made

    return in_virtual_time(story)


@asynccontextmanager
async def world(program: Program, *, latency_s: float = 0.0) -> AsyncIterator[World]:
    """A world whose servers run `program`; when left, all that still runs in it is ended."""
    async with trio.open_nursery() as nursery:
        made = World(nursery, program, latency_s)
        stamp = LoopStamp(made.clock, then=[made.heartbeats.beat_due])
        trio.lowlevel.add_instrument(stamp)
        nursery.start_soon(made.heartbeats.run)
        try:
            yield made
        finally:
            trio.lowlevel.remove_instrument(stamp)
            made.stays_open.cancel()
        nursery.cancel_scope.cancel()
