"""Many sessions against a real TLS and WebSocket server on loopback."""

import dataclasses
import gc
import socket
from collections import Counter
from contextlib import suppress

import pytest
import trio
import trio_websocket

from stresser.model.ending import Initiator, Kind
from stresser.model.events import HostSlept
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration
from stresser.run.runner import Runner, shuffled_places
from stresser.scenario.plan import Activity, Endpoint, Reconnect, Scenario, Sessions
from stresser.session.held import HeldSession
from stresser.witness.clock import RunClock
from tests.fakes.loopback import loopback_route, loopback_server, stay
from tests.fakes.notebook import Notebook

RAMP_MS = 300


# Pure


def test_every_route_gets_its_places_and_none_goes_first():
    routes = [loopback_route(1, egress=name) for name in ("direct", "vpn", "proxy")]
    places = shuffled_places(routes, 400)
    assert Counter(r.cohort.egress for r in places) == {"direct": 400, "vpn": 400, "proxy": 400}
    for start in range(0, 1200, 300):  # every quarter of the ramp has its share of each
        share = Counter(route.cohort.egress for route in places[start : start + 300])
        assert all(60 <= share[name] <= 140 for name in ("direct", "vpn", "proxy")), share


def test_the_order_is_another_each_time():
    routes = [loopback_route(1, egress=name) for name in ("direct", "vpn")]
    orders = {tuple(r.cohort.egress for r in shuffled_places(routes, 20)) for _ in range(5)}
    assert len(orders) == 5


# Real


def scenario(count=1, *, duration=None, reconnect=False, ramp="0s"):
    return Scenario(
        name="test",
        duration=None if duration is None else Duration.parse(duration),
        sessions=Sessions(
            count=count,
            ramp=Duration.parse(ramp),
            reconnect=reconnect,
            attempts_per_second=1000,
            attempts_per_second_per_endpoint=1000,
        ),
        endpoints=[Endpoint(name="broker", url="wss://broker.example.net/")],
    )


class Until(Notebook):
    """Keeps what it is told, and notices when enough has happened: no test waits for a time."""

    def __init__(self, enough):
        super().__init__()
        self._enough = enough
        self.seen = trio.Event()

    def event(self, event):
        super().event(event)
        self.look()

    def sample(self, quantity, cohort, value_ns):
        super().sample(quantity, cohort, value_ns)
        self.look()

    def look(self):
        if not self.seen.is_set() and self._enough(self):
            self.seen.set()


def answered_since(all_open, pongs):
    """Enough: so many pongs since all were open. Pings go out in turn: each has had several."""
    before: list[int] = []

    def enough(seen):
        count = len(seen.values(Quantity.RTT))
        if not before and all_open(seen):
            before.append(count)
        return bool(before) and count - before[0] >= pongs

    return enough


async def stop_when_seen(runner, notebook, reason="enough seen"):
    await notebook.seen.wait()
    runner.stop(reason)


def ran(plan, *, enough, handler=stay, observer=Until):
    """The runner and its notebook, after a run that was stopped when enough had happened."""

    async def story():
        notebook = observer(enough)
        async with loopback_server(handler) as port, trio.open_nursery() as nursery:
            runner = Runner(plan, [loopback_route(port)], RunClock(), notebook)
            nursery.start_soon(stop_when_seen, runner, notebook)
            with trio.fail_after(30):
                await runner.run()
            nursery.cancel_scope.cancel()
        return runner, notebook

    return trio.run(story)


class Night:
    """One run of 50 sessions, with all that happened around it."""

    def __init__(self, patch):
        gc.unfreeze()  # what conftest.py set aside
        self.before = (gc.get_threshold(), gc.get_freeze_count())
        self.frozen = 0
        self.suspended_ns = self.sent_ns = 0
        self.answered = answered_since(lambda seen: len(seen.opened) == 50, 200)
        # The host "sleeps" for five seconds: the one thing a test cannot let happen.
        patch.setattr("stresser.witness.clock.suspended_ns", lambda: self.suspended_ns)
        trio.run(self.pass_by)
        self.after = (gc.get_threshold(), gc.get_freeze_count())

    async def pass_by(self):
        notebook = self.notebook = Until(self.enough)
        async with loopback_server() as port, trio.open_nursery() as nursery:
            clock = self.clock = RunClock()
            plan = scenario(50, ramp=f"{RAMP_MS}ms")
            runner = self.runner = Runner(plan, [loopback_route(port)], clock, notebook)
            nursery.start_soon(stop_when_seen, runner, notebook)
            with trio.fail_after(30):
                await runner.run()
            self.stamped = clock.woke_ns
            for _ in range(10):
                await trio.sleep(0.001)
            self.stamped_afterwards = clock.woke_ns

    def enough(self, notebook):
        if len(notebook.opened) == 50:
            self.suspended_ns = 5 * NS_PER_S
        if not self.frozen and len(notebook.values(Quantity.LOOP_LAG)) > 22:
            self.frozen = gc.get_freeze_count()  # counting takes its time
        if notebook.sampled and notebook.sampled[-1][0] is Quantity.SEND_LAG:
            self.sent_ns = self.clock.now_ns()  # what was due before has been sent, in turn
        slept = any(isinstance(event, HostSlept) for event in notebook.events)
        return self.answered(notebook) and slept and self.frozen > 0


@pytest.fixture(scope="module")
def night():
    with pytest.MonkeyPatch.context() as patch:
        return Night(patch)


def test_all_sessions_open_and_end_as_planned(night):
    notebook = night.notebook
    assert (len(notebook.opened), len(notebook.ended), len(notebook.failed)) == (50, 50, 0)
    assert {(e.ending.kind, e.ending.evidence.close) for e in notebook.ended} == {
        (Kind.PLANNED, "answered")
    }
    assert (night.runner.reason, night.runner.bugs) == ("enough seen", 0)
    # All ended by the plan's own moment, however long the closing took.
    assert len({e.t_ns for e in notebook.ended}) == 1


def test_no_heartbeat_is_missed(night):
    for end in night.notebook.ended:
        assert end.pings == end.pongs >= 1
    # A loop that was late may have skipped one, but a sample tells of it all the same. The last
    # ones may have been due in the very pass of the loop that sent the last ping, and what was
    # due after it may have been sent or not when the run stopped.
    sent = sum((night.sent_ns - one.t_ns) // (200 * NS_PER_MS) for one in night.notebook.opened)
    due = sum(end.ending.age_ns // (200 * NS_PER_MS) for end in night.notebook.ended)
    assert sent - 50 <= len(night.notebook.values(Quantity.RTT)) <= due + 50


def test_openings_are_spread_over_the_ramp(night):
    starts = sorted(e.t_ns - sum(e.phases_ns.values()) for e in night.notebook.opened)
    for index, start in enumerate(starts):
        assert start >= index * RAMP_MS * NS_PER_MS // 50 - NS_PER_MS


def test_the_loop_is_watched(night):
    lags = night.notebook.values(Quantity.LOOP_LAG)
    stopped_ns = night.notebook.ended[0].t_ns
    every_50_ms = stopped_ns / (50 * NS_PER_MS)
    assert every_50_ms / 2 <= len(lags) <= every_50_ms + 1
    assert {
        cohort for quantity, cohort, _ in night.notebook.sampled if quantity is Quantity.LOOP_LAG
    } == {None}


def test_nothing_of_the_run_stays_behind(night):
    assert night.frozen > 1000
    assert night.before == night.after
    assert night.stamped == night.stamped_afterwards > 0


def test_a_host_that_slept_is_told_and_utc_goes_on_from_there(night):
    (slept,) = [e for e in night.notebook.events if isinstance(e, HostSlept)]
    assert (5 * NS_PER_S, slept.utc) == (slept.slept_ns, night.clock.utc(slept.t_ns))
    opened, ended = night.notebook.opened[0], night.notebook.ended[0]
    seconds = [float(e.utc[17:26]) for e in (opened, ended)]
    assert (seconds[1] - seconds[0]) % 60 == pytest.approx(
        5 + (ended.t_ns - opened.t_ns) / NS_PER_S, abs=0.001
    )


def test_the_duration_ends_a_run():
    runner, notebook = ran(scenario(3, duration="700ms"), enough=lambda _: False)
    assert runner.reason == "duration"
    endings = [*notebook.ended, *notebook.failed]
    assert len(endings) == 3
    assert all(e.ending.planned and e.t_ns >= 700 * NS_PER_MS for e in endings)


def test_stop_ends_all_as_planned_and_the_first_reason_stands():
    async def story():
        notebook = Until(lambda seen: len(seen.opened) == 20)
        async with loopback_server() as port, trio.open_nursery() as nursery:
            runner = Runner(scenario(20), [loopback_route(port)], RunClock(), notebook)

            async def stop():
                await stop_when_seen(runner, notebook, "signal SIGINT")
                runner.stop("signal SIGTERM")

            nursery.start_soon(stop)
            with trio.fail_after(30):
                await runner.run()
        return runner, notebook

    runner, notebook = trio.run(story)
    assert runner.reason == "signal SIGINT"
    assert [e.ending.evidence.close for e in notebook.ended] == ["answered"] * 20


def test_a_stop_before_anything_began():
    async def story():
        notebook = Notebook()
        runner = Runner(scenario(20), [loopback_route(1)], RunClock(), notebook)
        runner.stop("changed my mind")
        await runner.run()
        return runner.reason, notebook.events

    assert trio.run(story) == ("changed my mind", [])


def test_a_run_whose_sessions_have_all_ended_is_over():
    async def hang_up(request):
        connection = await request.accept()
        await connection.aclose(1012, "service restart")

    async def story():
        notebook = Notebook()
        async with loopback_server(hang_up) as port:
            runner = Runner(scenario(5), [loopback_route(port)], RunClock(), notebook)
            with trio.fail_after(20):
                await runner.run()
        return runner, notebook

    runner, notebook = trio.run(story)
    assert runner.reason == "every session has ended and none is to be replaced"
    assert [e.ending.code for e in notebook.ended] == [1012] * 5


def test_one_cohort_that_fails_does_not_touch_another():
    """One endpoint refuses, one closes each session at once, one is well."""
    with socket.create_server(("127.0.0.1", 0)) as closed_listener:
        closed_port = closed_listener.getsockname()[1]

    async def hang_up(request):
        with suppress(trio_websocket.ConnectionClosed):  # the run may stop in mid-upgrade
            await (await request.accept()).aclose()

    answered = answered_since(lambda seen: sum(e.endpoint == "well" for e in seen.opened) == 10, 30)

    def enough(seen):
        is_answered = answered(seen)
        moody = sum(e.endpoint == "moody" for e in seen.ended)
        return is_answered and len(seen.failed) >= 50 and moody >= 50

    async def story():
        notebook = Until(enough)
        async with (
            loopback_server() as well,
            loopback_server(hang_up) as moody,
            trio.open_nursery() as nursery,
        ):
            # trio-websocket breaks where a ping crosses its close.
            seldom = Activity(every=Duration.parse("1h"), timeout=Duration.parse("5s"))
            routes = [
                loopback_route(closed_port, endpoint="refusing"),
                dataclasses.replace(loopback_route(moody, endpoint="moody"), activity=seldom),
                loopback_route(well, endpoint="well"),
            ]
            quick = Reconnect(
                initial=Duration.parse("50ms"), max=Duration.parse("50ms"), jitter=0.1
            )
            runner = Runner(scenario(10, reconnect=quick), routes, RunClock(), notebook)
            nursery.start_soon(stop_when_seen, runner, notebook)
            with trio.fail_after(30):
                await runner.run()
        return runner, notebook

    runner, notebook = trio.run(story)
    well = [e for e in notebook.ended if e.endpoint == "well"]
    assert [e.ending.kind for e in well] == [Kind.PLANNED] * 10
    assert all(e.pings == e.pongs >= 1 for e in well)
    refused = [e for e in notebook.failed if not e.ending.planned]
    assert {(e.endpoint, e.ending.kind) for e in refused} == {("refusing", Kind.REFUSED)}
    dropped = [e for e in notebook.ended if not e.ending.planned]
    assert {(e.endpoint, e.ending.kind) for e in dropped} == {("moody", Kind.WS_CLOSE)}
    assert len(notebook.opened) == len(notebook.ended)
    assert runner.bugs == 0


def test_a_bug_in_one_session_is_counted_and_the_others_live_on(monkeypatch):
    answered, pongs = HeldSession._answered, Counter[HeldSession]()

    def breaks_once(self):
        pongs[self] += 1
        if len(pongs) == 7 and pongs[self] == 1:
            raise LookupError("a bug")
        answered(self)

    monkeypatch.setattr(HeldSession, "_answered", breaks_once)
    runner, notebook = ran(
        scenario(20), enough=lambda seen: len(seen.opened) == 20 and len(seen.ended) == 1
    )
    broken = [e for e in notebook.ended if not e.ending.planned]
    assert [(e.ending.failure, e.ending.kind, e.ending.initiator) for e in broken] == [
        ("internal_error: LookupError", Kind.TOOL, Initiator.TOOL)
    ]
    assert "LookupError: a bug" in broken[0].ending.raw
    assert len(notebook.ended) == len(notebook.opened) == 20
    assert runner.bugs == 1
    assert "LookupError: a bug" in runner.bug_reports[0]


def test_an_observer_that_fails_ends_nothing():
    class Broken(Until):
        def event(self, event):
            super().event(event)
            raise ZeroDivisionError

    runner, notebook = ran(scenario(5), enough=lambda seen: len(seen.opened) == 5, observer=Broken)
    assert [e.ending.kind for e in notebook.ended] == [Kind.PLANNED] * 5
    assert runner.bugs == len(notebook.events)
