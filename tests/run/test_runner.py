"""Many sessions against a real TLS and WebSocket server on loopback."""

import gc
import socket
import time
from collections import Counter

import pytest
import trio

from stresser.model.ending import Initiator, Kind
from stresser.model.events import HostSlept, SessionOpened, TesterLate
from stresser.model.quantity import Quantity
from stresser.model.scenario import Endpoint, Reconnect, Scenario, Sessions
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration
from stresser.run.runner import Runner, shuffled_places, start_offsets_s
from stresser.witness.clock import RunClock
from tests.fakes.loopback import loopback_route, loopback_server
from tests.fakes.notebook import Notebook

RAMP_MS = 300


# Pure


def test_starts_are_spread_evenly_over_the_ramp():
    assert start_offsets_s(5, 10) == [0, 2, 4, 6, 8]
    assert start_offsets_s(3, 0) == [0, 0, 0]
    offsets = start_offsets_s(10_000, 120)
    assert (offsets[0], offsets[-1]) == (0, 120 * 9999 / 10_000)
    assert offsets == sorted(offsets)


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


class Night:
    """One run of 50 sessions over 1.5 s, with all that happened around it."""

    def __init__(self):
        self.notebook = Notebook()
        self.before = (gc.get_threshold(), gc.get_freeze_count())
        self.most_frozen = 0
        self.suspended_ns = 0
        trio.run(self.pass_by)
        self.after = (gc.get_threshold(), gc.get_freeze_count())

    async def pass_by(self):
        async with loopback_server() as port:
            clock = self.clock = RunClock()
            plan = scenario(50, duration="1500ms", ramp=f"{RAMP_MS}ms")
            self.runner = Runner(plan, [loopback_route(port)], clock, self)
            await self.runner.run()
            self.stamped = clock.woke_ns
            for _ in range(10):
                await trio.sleep(0.001)
            self.stamped_afterwards = clock.woke_ns

    def event(self, event):
        self.notebook.event(event)

    def sample(self, quantity, cohort, value_ns):
        self.most_frozen = max(self.most_frozen, gc.get_freeze_count())
        self.notebook.sample(quantity, cohort, value_ns)


@pytest.fixture(scope="module")
def night():
    # The host "sleeps" five seconds: the one thing a test cannot let happen.
    with pytest.MonkeyPatch.context() as patch:
        started = time.monotonic()
        patch.setattr(
            "stresser.witness.clock.suspended_ns",
            lambda: 0 if time.monotonic() < started + 0.6 else 5 * NS_PER_S,
        )
        return Night()


def test_all_sessions_open_and_end_as_planned(night):
    notebook = night.notebook
    assert (len(notebook.opened), len(notebook.ended), len(notebook.failed)) == (50, 50, 0)
    assert {(Kind.PLANNED, "answered")} == {(e.kind, e.evidence["close"]) for e in notebook.ended}
    assert (night.runner.reason, night.runner.bugs) == ("duration", 0)
    # All ended by the plan's own moment, however long the closing took.
    assert len({e.t_ns for e in notebook.ended}) == 1
    assert notebook.ended[0].t_ns == pytest.approx(1500 * NS_PER_MS, abs=200 * NS_PER_MS)


def test_no_heartbeat_is_missed(night):
    for end in night.notebook.ended:
        assert end.pings == end.pongs >= 3
    # A loop that was late may have skipped one, but a sample tells of it all the same.
    due = sum(end.age_ns // (200 * NS_PER_MS) for end in night.notebook.ended)
    assert due - 50 <= len(night.notebook.values(Quantity.RTT)) <= due


def test_openings_are_spread_over_the_ramp(night):
    starts = sorted(e.t_ns - sum(e.phases_ns.values()) for e in night.notebook.opened)
    for index, start in enumerate(starts):
        due = index * RAMP_MS * NS_PER_MS // 50
        assert due <= start + NS_PER_MS
        assert start < due + 200 * NS_PER_MS


def test_the_loop_is_watched(night):
    lags = night.notebook.values(Quantity.LOOP_LAG)
    assert 20 <= len(lags) <= 31  # every 50 ms for 1.5 s
    assert [None] * len(lags) == [
        cohort for quantity, cohort, _ in night.notebook.samples if quantity is Quantity.LOOP_LAG
    ]


def test_nothing_of_the_run_stays_behind(night):
    assert night.most_frozen > 1000
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


def ran(plan, routes, *, observer=None, during=None):
    """The runner and its notebook after a run of its own."""

    async def story(notebook):
        async with loopback_server() as port:
            clock = RunClock()
            made = [route(port) for route in routes]
            runner = Runner(plan, made, clock, notebook)
            async with trio.open_nursery() as nursery:
                if during is not None:
                    nursery.start_soon(during, runner, notebook)
                with trio.fail_after(20):
                    await runner.run()
            return runner

    notebook = observer or Notebook()
    return trio.run(story, notebook), notebook


class Watched(Notebook):
    """Lets a test wait for the n-th opening."""

    def __init__(self, openings):
        super().__init__()
        self.openings = openings
        self.all_open = trio.Event()

    def event(self, event):
        super().event(event)
        if len(self.opened) >= self.openings:
            self.all_open.set()


def test_stop_ends_all_as_planned_and_the_first_reason_stands():
    async def stop(runner, notebook):
        await notebook.all_open.wait()
        runner.stop("signal SIGINT")
        runner.stop("signal SIGTERM")

    runner, notebook = ran(scenario(20), [loopback_route], observer=Watched(20), during=stop)
    assert runner.reason == "signal SIGINT"
    assert {(Kind.PLANNED, "answered")} == {(e.kind, e.evidence["close"]) for e in notebook.ended}
    assert len(notebook.ended) == 20


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
    assert [e.code for e in notebook.ended] == [1012] * 5


def test_one_cohort_that_fails_does_not_touch_another():
    """One endpoint refuses, one closes each session at once, one is well."""
    with socket.create_server(("127.0.0.1", 0)) as closed_listener:
        closed_port = closed_listener.getsockname()[1]

    async def hang_up(request):
        await (await request.accept()).aclose()

    async def story():
        notebook = Watched(10)
        async with loopback_server() as well, loopback_server(hang_up) as moody:
            routes = [
                loopback_route(closed_port, endpoint="refusing"),
                loopback_route(moody, endpoint="moody"),
                loopback_route(well, endpoint="well"),
            ]
            quick = Reconnect(
                initial=Duration.parse("50ms"), max=Duration.parse("50ms"), jitter=0.1
            )
            plan = scenario(10, duration="700ms", reconnect=quick)
            runner = Runner(plan, routes, RunClock(), notebook)
            with trio.fail_after(20):
                await runner.run()
        return runner, notebook

    runner, notebook = trio.run(story)
    well = [e for e in notebook.ended if e.endpoint == "well"]
    assert [e.kind for e in well] == [Kind.PLANNED] * 10
    assert all(e.pings == e.pongs >= 2 for e in well)
    refused = [e for e in notebook.failed if not e.planned]
    assert {("refusing", Kind.REFUSED)} == {(e.endpoint, e.kind) for e in refused}
    assert len(refused) >= 50
    dropped = [e for e in notebook.ended if not e.planned]
    assert {("moody", Kind.WS_CLOSE)} == {(e.endpoint, e.kind) for e in dropped}
    assert len(dropped) >= 50
    assert len(notebook.opened) == len(notebook.ended)
    assert runner.bugs == 0


def test_a_bug_in_one_session_is_counted_and_the_others_live_on(monkeypatch):
    from stresser.net.websocket import WebSocket

    take, taken = WebSocket._take, Counter[WebSocket]()

    def breaks_once(self, on_pong):
        taken[self] += 1
        if len(taken) == 7 and taken[self] == 1:
            raise LookupError("a bug")
        return take(self, on_pong)

    monkeypatch.setattr(WebSocket, "_take", breaks_once)
    runner, notebook = ran(scenario(20, duration="600ms"), [loopback_route])
    broken = [e for e in notebook.ended if not e.planned]
    assert [(e.failure, e.kind, e.initiator) for e in broken] == [
        ("internal_error: LookupError", Kind.TOOL, Initiator.TOOL)
    ]
    assert "LookupError: a bug" in broken[0].raw
    assert len(notebook.ended) == len(notebook.opened) == 20
    assert runner.bugs == 1
    assert "LookupError: a bug" in runner.bug_reports[0]


def test_an_observer_that_fails_ends_nothing():
    class Broken(Notebook):
        def event(self, event):
            super().event(event)
            raise ZeroDivisionError

    runner, notebook = ran(scenario(5, duration="300ms"), [loopback_route], observer=Broken())
    assert [e.kind for e in notebook.ended] == [Kind.PLANNED] * 5
    assert runner.bugs == len(notebook.events)
    assert runner.reason == "duration"


def test_a_loop_that_was_late_is_told_once():
    class Slow(Notebook):
        def event(self, event):
            super().event(event)
            if isinstance(event, SessionOpened) and len(self.opened) == 3:
                time.sleep(0.25)  # what a swapping host does to us

    _, notebook = ran(scenario(3, duration="700ms"), [loopback_route], observer=Slow())
    late = [e for e in notebook.events if isinstance(e, TesterLate)]
    assert len(late) == 1
    assert 100 * NS_PER_MS <= late[0].late_ns < 700 * NS_PER_MS
