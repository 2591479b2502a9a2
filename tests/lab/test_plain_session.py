"""Sessions without TLS: how the lab serves them, what stresser says of them beside those with it.

One run for all: an inspecting middlebox ends what it looks into at an age, and forwards the rest.
"""

import sys
from pathlib import Path

import pytest
import trio

from stresser.lab.process import running_lab
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import AttemptFailed, SessionEnded, SessionOpened
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.run.lab_plan import lab_plan
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.plan import Activity, Egress, Endpoint, Scenario, Sessions
from stresser.scenario.secrets import HeaderValues
from stresser.witness.clock import RunClock
from tests.lab.test_middlebox_told import Recording

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO and black holes are Linux's"),
]

LIVE = {"wss": "lab+wss://echo", "ws": "lab+ws://echo", "tcp": "lab+tcp://echo"}
ENDED = {
    "close": ("lab+ws://ws-close/1001:bye@1s", Kind.WS_CLOSE, "websocket_close"),
    "fin": ("lab+tcp://fin/1s", Kind.TCP_FIN, "eof_error"),
    "reset": ("lab+ws://reset/1s", Kind.TCP_RESET, "connection_reset"),
    "frame": ("lab+ws://bad-frame/opcode@1s", Kind.PROTOCOL_ERROR, "websocket_protocol_error"),
    "deaf": ("lab+ws://deaf/500ms", Kind.UNRESPONSIVE, "generic_timeout_error"),
    "vanish": ("lab+ws://vanish/500ms", Kind.SILENCE, "generic_timeout_error"),
}
FAILED = {
    "refuse": ("lab+ws://refuse/503", Phase.UPGRADE, Kind.HTTP_REFUSAL),
    "cut": ("lab+ws://fin-in-upgrade", Phase.UPGRADE, Kind.TCP_FIN),
    "garbage": ("lab+ws://garbage-in-upgrade", Phase.UPGRADE, Kind.PROTOCOL_ERROR),
    "no": ("lab+tcp://refused", Phase.CONNECT, Kind.REFUSED),
}


def _seconds(value: float) -> Duration:
    return Duration(round(value * 1e9))


async def _run() -> Recording:
    urls = LIVE | {name: row[0] for name, row in (ENDED | FAILED).items()}
    scenario = Scenario(
        name="plain",
        duration=_seconds(6),
        sessions=Sessions(count=3, reconnect=False, attempts_per_second_per_endpoint=200.0),
        activities=[Activity(name="heartbeat", every=_seconds(0.7), timeout=_seconds(1.5))],
        endpoints=[Endpoint(name=name, url=url) for name, url in urls.items()],
        egresses=[
            Egress(name="direct"),
            Egress(name="inspected", lab=Middlebox(intercept=True, age_limit=_seconds(2))),
        ],
    )
    plan = lab_plan(scenario)
    assert plan is not None
    recording = Recording()
    async with running_lab(plan) as ready:
        bindings = {"direct": Binding(), "inspected": Binding()}
        headers: dict[str, HeaderValues] = {name: {} for name in urls}
        routes = RouteBuilder(scenario, Path("x.toml"), headers, bindings, ready).build()
        await Runner(scenario, routes, RunClock(), recording).run()
    return recording


@pytest.fixture(scope="module")
def recording() -> Recording:
    return trio.run(_run)


def _ended(recording, endpoint, egress):
    ended = [e for e in recording.endings(egress) if e.endpoint == endpoint]
    assert len(ended) == 3
    return [e.ending for e in ended]


def test_nothing_of_tls_is_said_where_there_is_none(recording):
    opened = [e for e in recording.events if isinstance(e, SessionOpened)]
    for one in opened:
        assert (one.tls is None) == (one.endpoint != "wss")
        assert ("tls" in one.phases_ns) == (one.endpoint == "wss")
    # A box that accepts before its endpoint refuses makes a session without TLS for a moment.
    assert {one.endpoint for one in opened if one.egress == "direct"} == {*LIVE, *ENDED}


def test_what_is_looked_into_ends_and_the_same_without_tls_lives(recording):
    for name in LIVE:
        assert {e.kind for e in _ended(recording, name, "direct")} == {Kind.PLANNED}
    assert {e.kind for e in _ended(recording, "wss", "inspected")} == {Kind.TCP_RESET}
    for name in ("ws", "tcp"):
        assert {e.kind for e in _ended(recording, name, "inspected")} == {Kind.PLANNED}
        ended = [e for e in recording.endings("inspected") if e.endpoint == name]
        pongs = [e.pongs for e in ended if isinstance(e, SessionEnded)]
        assert all(pongs) == (name == "ws")


@pytest.mark.parametrize("name", ENDED)
def test_each_ending_is_named_and_lays_nothing_at_the_endpoints_door(recording, name):
    _, kind, failure = ENDED[name]
    for ending in _ended(recording, name, "direct"):
        assert (ending.phase, ending.kind, ending.failure) == (Phase.HELD, kind, failure)
        assert ending.in_clear
        if kind in {Kind.WS_CLOSE, Kind.TCP_FIN}:  # anybody on the path can say so
            assert ending.initiator is Initiator.UNKNOWN
            assert ending.grade in {Grade.ERRNO, Grade.PACKET}


def test_a_close_keeps_its_code_and_reason(recording):
    for ending in _ended(recording, "close", "direct"):
        assert (ending.code, ending.reason) == (1001, "bye")


@pytest.mark.parametrize("name", FAILED)
def test_each_failure_is_named(recording, name):
    _, phase, kind = FAILED[name]
    for ending in _ended(recording, name, "direct"):
        assert (ending.phase, ending.kind) == (phase, kind)
    of_one = [e for e in recording.endings("direct") if e.endpoint == name]
    assert len(of_one) == 3
    assert all(isinstance(e, AttemptFailed) for e in of_one)
