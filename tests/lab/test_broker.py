"""The lab's broker, and what stresser says of it: four schemes, both versions, in one run."""

import sys
from pathlib import Path

import pytest
import trio

from stresser.lab.process import running_lab
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import SessionEnded, SessionOpened
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.run.lab_plan import lab_plan
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.scenario.plan import (
    Activity,
    ActivityKind,
    Broker,
    Egress,
    Endpoint,
    Scenario,
    Sessions,
)
from stresser.scenario.secrets import HeaderValues
from stresser.witness.clock import RunClock
from tests.lab.test_middlebox_told import Recording

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="quiet sessions are Linux's"),
]
SCHEMES = ("tls", "wss", "tcp", "ws")
VERSIONS = {"v3": Broker(), "v5": Broker(version="5")}
URLS = {
    f"{scheme}-{name}-{version}": (f"lab+{scheme}://{behaviour}", broker)
    for scheme in SCHEMES
    for version, broker in VERSIONS.items()
    for name, behaviour in {
        "live": "mqtt", "no": "mqtt/135", "bye": "mqtt-disconnect/139@1s", "reset": "reset/1s",
    }.items()
}  # fmt: skip


def _seconds(value: float) -> Duration:
    return Duration(round(value * 1e9))


async def _run() -> Recording:
    scenario = Scenario(
        name="mqtt",
        duration=_seconds(4),
        sessions=Sessions(count=2, reconnect=False, attempts_per_second_per_endpoint=200.0),
        activities=[
            Activity(name="mqtt", kind=ActivityKind.MQTT, every=_seconds(0.6), timeout=_seconds(2))
        ],
        endpoints=[
            Endpoint(name=name, url=url, mqtt=broker) for name, (url, broker) in URLS.items()
        ],
        egresses=[Egress(name="direct")],
    )
    plan = lab_plan(scenario)
    assert plan is not None
    recording = Recording()
    async with running_lab(plan) as ready:
        headers: dict[str, HeaderValues] = {name: {} for name in URLS}
        routes = RouteBuilder(
            scenario, Path("x.toml"), headers, {"direct": Binding()}, ready
        ).build()
        await Runner(scenario, routes, RunClock(), recording).run()
    return recording


@pytest.fixture(scope="module")
def recording() -> Recording:
    return trio.run(_run)


def _ended(recording, endpoint):
    ended = [e for e in recording.endings("direct") if e.endpoint == endpoint]
    assert len(ended) == 2
    return ended


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_broker_that_lives_answers_its_pings(recording, scheme, version):
    name = f"{scheme}-live-{version}"
    for one in _ended(recording, name):
        assert isinstance(one, SessionEnded)
        assert one.ending.kind is Kind.PLANNED
        assert one.pongs >= one.pings - 1 >= 3
        assert one.quiet_survived_ns > 0
    opened = [e for e in recording.events if isinstance(e, SessionOpened) and e.endpoint == name]
    assert all(e.phases_ns["open"] > 0 for e in opened)
    assert {e.subprotocol for e in opened} == ({"mqtt"} if scheme in {"ws", "wss"} else {None})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_refusal_has_its_code(recording, scheme, version):
    for one in _ended(recording, f"{scheme}-no-{version}"):
        ending = one.ending
        assert (ending.phase, ending.kind, ending.code) == (Phase.OPEN, Kind.MQTT_REFUSAL, 135)
        assert ending.reason == ("not authorized" if version == "v5" else None)
        said = scheme in {"tls", "wss"}
        assert ending.initiator is (Initiator.ENDPOINT if said else Initiator.UNKNOWN)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_disconnect_is_how_the_broker_ended_it(recording, scheme):
    for one in _ended(recording, f"{scheme}-bye-v5"):
        ending = one.ending
        assert (ending.phase, ending.kind, ending.code) == (Phase.HELD, Kind.MQTT_DISCONNECT, 139)
        assert ending.reason == "server shutting down"
        said = scheme in {"tls", "wss"}
        assert ending.initiator is (Initiator.ENDPOINT if said else Initiator.UNKNOWN)
    for one in _ended(recording, f"{scheme}-bye-v3"):  # version 3.1.1 has no word for it
        wanted = Kind.TLS_CLOSE_NOTIFY if scheme in {"tls", "wss"} else Kind.TCP_FIN
        assert one.ending.kind is wanted


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_no_broker_breaks_the_protocol(recording, scheme):
    """An echo sends CONNECT back, which no broker may."""
    for one in _ended(recording, f"{scheme}-reset-v5"):
        assert (one.ending.phase, one.ending.kind) == (Phase.OPEN, Kind.PROTOCOL_ERROR)
        assert one.ending.failure == "mqtt_protocol_error"
        assert one.ending.evidence.first_bytes is not None
