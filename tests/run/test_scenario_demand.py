"""What a scenario asks, and its share of what was measured."""

import pytest

from stresser.model.units import Duration
from stresser.run.scenario_demand import distances, handshakes_per_second, pings_per_second
from stresser.scenario.plan import Activity, ActivityKind, Egress, Endpoint, Scenario, Sessions
from tests.model.test_measured_limits import LIMITS

HUB = Endpoint(name="hub", url="wss://hub.example.net/")
GATE = Endpoint(name="gate", url="tls://gate.example.net:443")


def scenario(*activities: Activity, **sessions: object) -> Scenario:
    return Scenario(
        name="made-up",
        endpoints=[HUB, GATE],
        egresses=[Egress(name="direct"), Egress(name="vpn")],
        activities=list(activities) or [Activity(name="heartbeat")],
        sessions=Sessions(**sessions),  # type: ignore[arg-type] # a table of keys
    )


def every(text: str) -> Activity:
    return Activity(name=text, every=Duration.parse(text))


def test_pings_are_those_of_websocket_sessions_with_a_heartbeat():
    silent = Activity(name="silent", kind=ActivityKind.SILENT, every=Duration.parse("1s"))
    asked = scenario(every("10s"), every("2s"), silent, count=100)
    assert pings_per_second(asked) == pytest.approx(2 * 100 / 10 + 2 * 100 / 2)


@pytest.mark.parametrize(
    ("keys", "rate"),
    [
        ({"count": 1000}, 100),
        ({"count": 1000, "attempts_per_second_per_endpoint": 500.0}, 200),
        ({"count": 10}, 40),
        ({"count": 1000, "ramp": Duration.parse("100s")}, 40),
    ],
)
def test_handshakes_are_as_many_as_the_narrowest_rate_allows(keys, rate):
    assert handshakes_per_second(scenario(**keys)) == pytest.approx(rate)


def test_with_workers_as_many_cores_have_their_part(monkeypatch):
    monkeypatch.setattr("stresser.run.scenario_demand.usable_processors", lambda: 2)
    alone = distances(scenario(every("10s"), count=8192), LIMITS)
    spread = distances(scenario(every("10s"), count=8192, workers=4), LIMITS)
    search = Activity(name="search", kind=ActivityKind.IDLE_SEARCH)
    assert [one.limit for one in spread] == [
        alone[0].limit, 2 * alone[1].limit, 2 * alone[2].limit
    ]  # fmt: skip
    assert distances(scenario(search, workers=4), LIMITS)[1].limit == alone[1].limit


def test_each_limit_has_its_share():
    found = distances(scenario(every("10s"), count=8192), LIMITS)
    assert {one.name: one.share for one in found} == {
        "sessions": pytest.approx(0.5),
        "handshakes a second": pytest.approx(1.0),
        "pings a second": pytest.approx(1.6384),
    }
