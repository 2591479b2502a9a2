"""What a scenario asks of this machine, beside what the machine was measured to do."""

from contextlib import suppress

from msgspec import Struct

from stresser.model.measured_limits import MeasuredLimits
from stresser.record.host_facts import usable_processors
from stresser.run.preflight import sessions_of
from stresser.run.worker_share import workers_of
from stresser.scenario.endpoint import parse_url
from stresser.scenario.plan import BEATING, Scenario


class Distance(Struct, frozen=True, kw_only=True):
    """One limit, and how much of it a scenario takes."""

    name: str
    limit: float
    asked: float

    @property
    def share(self) -> float:
        """Of the limit; above 1 it is more than this machine can do."""
        return self.asked / self.limit


def distances(scenario: Scenario, limits: MeasuredLimits) -> list[Distance]:
    """How far a scenario is from each limit that was measured, with the workers it asks for."""
    processors = usable_processors() or 1
    with suppress(ValueError):  # of a search, which one process holds
        workers = workers_of(scenario, sessions_of(scenario), processors)
        limits = limits.of_processes(workers, processors)
    return [
        Distance(name="sessions", limit=max(limits.sessions, 1), asked=sessions_of(scenario)),
        Distance(
            name="handshakes a second",
            limit=limits.handshakes_per_second,
            asked=handshakes_per_second(scenario),
        ),
        Distance(
            name="pings a second", limit=limits.pings_per_second, asked=pings_per_second(scenario)
        ),
    ]


def handshakes_per_second(scenario: Scenario) -> float:
    """The most that its rates allow, while it ramps or opens sessions again."""
    sessions = scenario.sessions
    allowed = sessions.attempts_per_second_per_endpoint * len(scenario.endpoints)
    in_ramp = sessions_of(scenario) / max(sessions.ramp.seconds, 1.0)
    return min(sessions.attempts_per_second, allowed, in_ramp)


def pings_per_second(scenario: Scenario) -> float:
    """Once every session is open. TLS or TCP alone has no pings."""
    endpoints = sum(parse_url(one.url).scheme.is_websocket for one in scenario.endpoints)
    places = endpoints * len(scenario.egresses) * scenario.sessions.count
    return sum(
        places / activity.every.seconds
        for activity in scenario.activities
        if activity.kind in BEATING
    )
