"""Whole runs against a reflector in the same loop, through a box: both ends' account meanwhile."""

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from msgspec.structs import replace

from stresser.classify.reflector_rules import judged_by_both_ends
from stresser.model.ending import Grade, Initiator, Kind
from stresser.model.events import FarEndSeen, WitnessGap
from stresser.model.quantity import Quantity
from stresser.model.units import Duration
from stresser.net.reflector_hello import Introducer
from stresser.run.runner import Runner
from stresser.scenario.plan import Endpoint, Scenario, Sessions
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock
from tests.fakes.loopback import loopback_route
from tests.fakes.notebook import Notebook
from tests.reflector.served import reflecting, reset

pytestmark = pytest.mark.slow  # whole runs
GONE = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


class Box:
    """Forwards TCP on loopback, until it is told to harm the flows that it knows."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.flows: list[tuple[trio.SocketStream, trio.SocketStream]] = []
        self.swallows = False
        self.refuses = False
        self.lag_s = 0.0
        """Of every other flow, from the client to the server."""

    async def serve(self, *, task_status=trio.TASK_STATUS_IGNORED):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        try:
            async with trio.open_nursery() as nursery, listener:
                task_status.started(self)
                while True:
                    nursery.start_soon(self._flow, await listener.accept())
        finally:
            for stream in itertools.chain.from_iterable(self.flows):
                stream.socket.close()

    async def _flow(self, client: trio.SocketStream) -> None:
        if self.refuses:
            client.socket.close()
            return
        server = await trio.open_tcp_stream("127.0.0.1", self.upstream)
        self.flows.append((client, server))
        async with trio.open_nursery() as nursery:
            lag_s = self.lag_s * (len(self.flows) % 2)
            nursery.start_soon(self._pump, client, server, lag_s)
            nursery.start_soon(self._pump, server, client, 0.0)

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream, lag_s: float) -> None:
        with suppress(*GONE):
            while data := await source.receive_some():
                await trio.sleep(lag_s)
                if not self.swallows:
                    await sink.send_all(data)
            await sink.send_eof()

    def reset_clients(self) -> None:
        for client, _ in self.flows:
            reset(client)

    def reset_both(self) -> None:
        for client, server in self.flows:
            reset(client)
            reset(server)

    def swallow(self) -> None:
        self.swallows = True


def through(port, introducer, egress="vpn", **changes):
    route = loopback_route(port, endpoint="far", egress=egress)
    activity = replace(route.activity, timeout=Duration.parse("1s"))
    return dataclasses.replace(route, introducer=introducer, activity=activity, **changes)


class Going:
    """A run that goes on."""

    def __init__(self, runner: Runner, told: Notebook) -> None:
        self.runner = runner
        self.told = told

    def seen(self) -> dict[int, FarEndSeen]:
        """The latest of each session."""
        return {one.session: one for one in self.told.events if isinstance(one, FarEndSeen)}

    def judged(self):
        """Each drop of which the far end has told, by both ends."""
        seen = self.seen()
        return [
            judged_by_both_ends(one.ending, seen[one.session].far_end)
            for one in self.told.ended
            if one.ending.is_drop and one.session in seen
        ]

    async def until(self, holds: Callable[[], object]) -> None:
        with trio.fail_after(60):
            while not holds():  # noqa: ASYNC110 - it is told in many ways
                await trio.sleep(0.02)


@asynccontextmanager
async def going(routes, sessions=1):
    plan = Scenario(
        name="far",
        sessions=Sessions(count=sessions, ramp=Duration.parse("0s"), reconnect=False),
        endpoints=[Endpoint(name="far", url="wss://broker.example.net/")],
    )
    told = Notebook()
    runner = Runner(plan, list(routes), RunClock(), told)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        run = Going(runner, told)
        await run.until(lambda: len(told.opened) == sessions * len(routes))
        yield run
        runner.stop("the test")


def story(test):
    def run(tmp_path, **row):
        async def main():
            with trio.fail_after(100):
                async with reflecting(tmp_path) as served, trio.open_nursery() as nursery:
                    box = await nursery.start(Box(served.port).serve)
                    await test(served, box, **row)
                    nursery.cancel_scope.cancel()

        trio.run(main)

    given = list(inspect.signature(test).parameters.values())[2:]
    asked = inspect.Parameter("tmp_path", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([asked, *given])  # type: ignore[attr-defined] # for pytest
    run.__name__ = test.__name__
    return run


def judged_as(run, number=1):
    return lambda: len(run.judged()) == number


HARMS = [
    pytest.param(Box.reset_clients, {Kind.TCP_RESET}, "far-end-still-held-it", id="towards us"),
    pytest.param(Box.reset_both, {Kind.TCP_RESET}, "far-end-was-reset-too", id="both"),
    pytest.param(Box.swallow, {Kind.UNRESPONSIVE}, "acknowledged-in-between", id="swallowed"),
]


@pytest.mark.parametrize(("harm", "kinds", "rule"), HARMS)
@story
async def test_a_drop_is_judged_by_both_ends_while_the_run_goes_on(served, box, harm, kinds, rule):
    vpn, direct = (
        through(box.port, served.introducer),
        through(served.port, served.introducer, "direct"),
    )
    async with going([vpn, direct], sessions=3) as run:
        harm(box)
        await run.until(judged_as(run, 3))
        assert run.runner.reason is None
        judged = run.judged()
    assert {one.kind for one in judged} == kinds
    assert {(one.initiator, one.grade) for one in judged} == {
        (Initiator.MIDDLEBOX, Grade.REFLECTOR)
    }
    assert {one.evidence.why[0] for one in judged} == {rule}
    seen = run.seen()
    assert len(seen) == 6  # those that were closed as planned, too
    assert not [one for one in run.told.events if isinstance(one, WitnessGap)]
    assert run.runner.bugs == 0, run.runner.bug_reports


@story
async def test_sessions_of_bare_tls_as_well(served, box):
    vpn = through(box.port, served.introducer, request=None)
    direct = through(served.port, served.introducer, "direct", request=None)
    async with going([vpn, direct]) as run:
        await run.until(lambda: served.reception.guests == 2)  # a hello may still be on its way
        box.reset_clients()
        await run.until(judged_as(run))
        [drop] = run.judged()
        assert drop.evidence.why[0] == "far-end-still-held-it"


@story
async def test_a_dead_egress_is_told_of_through_another(served, box):
    vpn = through(box.port, served.introducer)
    direct = through(served.port, served.introducer, "direct")
    async with going([vpn, direct]) as run:
        box.refuses = True  # its control session does not come back
        box.reset_clients()
        await run.until(judged_as(run))
        assert run.judged()[0].initiator is Initiator.MIDDLEBOX


@story
async def test_what_is_told_first_is_told_again_when_it_has_ended_there(served, box):
    vpn = through(box.port, served.introducer)
    direct = through(served.port, served.introducer, "direct")
    async with going([vpn, direct]) as run:
        box.reset_clients()
        await run.until(judged_as(run))
        [seen] = run.seen().values()
        assert seen.far_end.kind is None
        for _, server in box.flows:
            reset(server)
        await run.until(lambda: next(iter(run.seen().values())).far_end.kind == "tcp_reset")
        again = run.seen()[seen.session].far_end
        assert again.at_ns is not None
        assert again.at_ns > seen.far_end.known_until_ns - again.within_ns
        # One moment of the reflector's by two alignments, each wrong by its `within` at most.
        within_ns = again.within_ns + seen.far_end.within_ns
        assert again.last_in_ns == pytest.approx(seen.far_end.last_in_ns, abs=within_ns)


@story
async def test_a_run_learns_in_which_direction_delays_vary(served, box):
    box.lag_s = 0.1
    async with going([through(box.port, served.introducer)], sessions=8) as run:
        pinged = run.runner._far._counts._pinged
        await run.until(lambda: sum(one.latest > 0 for one in pinged.values()) == 8)
    await run.until(lambda: len(run.told.values(Quantity.VARIATION_BACK)) >= 8)
    there, back = (
        sorted(run.told.values(one)) for one in (Quantity.VARIATION_THERE, Quantity.VARIATION_BACK)
    )
    assert len(there) == len(back)
    assert there[0] == back[0] == 0  # the fastest
    assert there[-1] > 50_000_000
    assert back[len(back) // 2] < 50_000_000
    assert run.runner.bugs == 0, run.runner.bug_reports


@story
async def test_without_an_account_it_is_said_that_none_came(served, box):
    unproved = Introducer(
        run=served.introducer.run,
        token=Secret("OTHER", "not the reflector's own token"),
        anchor_unix_ns=served.introducer.anchor_unix_ns,
    )
    async with going([through(served.port, unproved)]) as run:
        pass
    await run.until(lambda: [one for one in run.told.events if isinstance(one, WitnessGap)])
    [gap] = [one for one in run.told.events if isinstance(one, WitnessGap)]
    assert gap.witness == "far end"
    assert gap.detail.startswith("no account came of 1 session through vpn")
    assert run.seen() == {}
    assert run.runner.bugs == 0, run.runner.bug_reports
