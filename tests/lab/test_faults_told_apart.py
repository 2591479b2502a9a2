"""A real peer commits each fault in each phase; stresser names each of them.

All faults run at once against one lab process: one session an endpoint, for both schemes and
both TLS versions. Each test then looks at one ending.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from stresser.lab.process import running_lab
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import AnyEvent, AttemptFailed, Ended, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.run.lab_plan import lab_plan
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.scenario.plan import (
    Activity,
    Egress,
    Endpoint,
    Scenario,
    Sessions,
    Timeouts,
    Verify,
)
from stresser.session.quiet_sessions import QuietSessions
from stresser.witness.clock import RunClock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="black holes and reset-by-SYN need Linux here"
    ),
]

WSS, TLS = ("wss",), ("tls",)
BOTH = ("wss", "tls")


@dataclass(frozen=True)
class Fault:
    """What a lab endpoint does, and what stresser must say of it."""

    behaviour: str
    schemes: tuple[str, ...]
    phase: Phase | tuple[Phase, ...]
    kind: Kind
    fields: dict[str, Any] = field(default_factory=dict)
    versions: tuple[str, ...] = ("1.2", "1.3")
    verify: Verify = Verify.REPORT


FAULTS = [
    Fault("refused", BOTH, Phase.CONNECT, Kind.REFUSED, {"failure": "connection_refused"}),
    Fault("blackhole-connect", BOTH, Phase.CONNECT, Kind.TIMEOUT),
    # The RST may be there before connect(2) has been looked at: then it belongs to that phase.
    Fault("reset-on-accept", BOTH, (Phase.CONNECT, Phase.TLS), Kind.TCP_RESET),
    Fault("fin-on-accept", BOTH, Phase.TLS, Kind.TCP_FIN, {"failure": "eof_error"}),
    Fault("reset-in-tls", BOTH, Phase.TLS, Kind.TCP_RESET),
    Fault("fin-in-tls", BOTH, Phase.TLS, Kind.TCP_FIN),
    Fault("stall-in-tls", BOTH, Phase.TLS, Kind.TIMEOUT, {"failure": "generic_timeout_error"}),
    Fault("drip-in-tls", BOTH, Phase.TLS, Kind.TIMEOUT),
    Fault("alert-in-tls/40", BOTH, Phase.TLS, Kind.TLS_ALERT, {"alert": 40}),
    Fault("alert-in-tls/112", BOTH, Phase.TLS, Kind.TLS_ALERT, {"alert": 112}),
    Fault("alert-in-tls/80", BOTH, Phase.TLS, Kind.TLS_ALERT, {"alert": 80}),
    Fault("alert-in-tls/99", BOTH, Phase.TLS, Kind.TLS_ALERT, {"alert": 99}),
    Fault("close-notify-in-tls", BOTH, Phase.TLS, Kind.TLS_CLOSE_NOTIFY),
    Fault("garbage-in-tls", BOTH, Phase.TLS, Kind.PROTOCOL_ERROR),
    Fault("expired", BOTH, Phase.TLS, Kind.CERTIFICATE, verify=Verify.REQUIRE),
    Fault(
        "wrong-name",
        BOTH,
        Phase.TLS,
        Kind.CERTIFICATE,
        {"failure": "ssl_invalid_hostname"},
        verify=Verify.REQUIRE,
    ),
    Fault(
        "self-signed",
        BOTH,
        Phase.TLS,
        Kind.CERTIFICATE,
        {"failure": "ssl_unknown_authority"},
        verify=Verify.REQUIRE,
    ),
    Fault("needs-client-cert", BOTH, Phase.TLS, Kind.TLS_ALERT, {"alert": 40}, ("1.2",)),
    Fault("needs-client-cert", WSS, Phase.UPGRADE, Kind.TLS_ALERT, {"alert": 116}, ("1.3",)),
    Fault("needs-client-cert", TLS, Phase.HELD, Kind.TLS_ALERT, {"alert": 116}, ("1.3",)),
    Fault("reset-in-upgrade", WSS, Phase.UPGRADE, Kind.TCP_RESET),
    Fault("fin-in-upgrade", WSS, Phase.UPGRADE, Kind.TCP_FIN),
    Fault("close-notify-in-upgrade", WSS, Phase.UPGRADE, Kind.TLS_CLOSE_NOTIFY),
    Fault("alert-in-upgrade", WSS, Phase.UPGRADE, Kind.TLS_ALERT, {"alert": 20}),
    Fault("stall-in-upgrade", WSS, Phase.UPGRADE, Kind.TIMEOUT),
    Fault("drip-in-upgrade", WSS, Phase.UPGRADE, Kind.TIMEOUT),
    Fault("refuse/503", WSS, Phase.UPGRADE, Kind.HTTP_REFUSAL, {"status": 503}),
    Fault("refuse/407", WSS, Phase.UPGRADE, Kind.HTTP_REFUSAL, {"status": 407}),
    Fault("redirect/302", WSS, Phase.UPGRADE, Kind.HTTP_REFUSAL, {"status": 302}),
    Fault("wrong-accept", WSS, Phase.UPGRADE, Kind.PROTOCOL_ERROR),
    Fault("no-upgrade-header", WSS, Phase.UPGRADE, Kind.PROTOCOL_ERROR),
    Fault("garbage-in-upgrade", WSS, Phase.UPGRADE, Kind.PROTOCOL_ERROR),
    Fault("endless-headers", WSS, Phase.UPGRADE, Kind.PROTOCOL_ERROR),
    Fault("reset", BOTH, Phase.HELD, Kind.TCP_RESET, {"failure": "connection_reset"}),
    Fault("fin", BOTH, Phase.HELD, Kind.TCP_FIN, {"failure": "eof_error"}),
    Fault("close-notify", BOTH, Phase.HELD, Kind.TLS_CLOSE_NOTIFY),
    Fault("close-notify-only", BOTH, Phase.HELD, Kind.TLS_CLOSE_NOTIFY),
    Fault("half-close", BOTH, Phase.HELD, Kind.TCP_FIN),
    Fault("half-close-notify", BOTH, Phase.HELD, Kind.TLS_CLOSE_NOTIFY),
    Fault("alert", BOTH, Phase.HELD, Kind.TLS_ALERT, {"alert": 20}),
    Fault("garbage-record", BOTH, Phase.HELD, Kind.PROTOCOL_ERROR),
    Fault("vanish", WSS, Phase.HELD, Kind.SILENCE),
    Fault("deaf", WSS, Phase.HELD, Kind.UNRESPONSIVE),
    Fault(
        "ws-close/1001:going-away",
        WSS,
        Phase.HELD,
        Kind.WS_CLOSE,
        {"code": 1001, "reason": "going-away"},
    ),
    Fault("ws-close/none", WSS, Phase.HELD, Kind.WS_CLOSE, {"code": 1005, "reason": None}),
    Fault("bad-frame", WSS, Phase.HELD, Kind.PROTOCOL_ERROR),
    Fault("bad-frame/mask", WSS, Phase.HELD, Kind.PROTOCOL_ERROR),
    Fault("huge-close-reason", WSS, Phase.HELD, Kind.PROTOCOL_ERROR),
    Fault("bomb", WSS, Phase.HELD, Kind.PROTOCOL_ERROR),
]
CASES = [
    (fault, scheme, version)
    for fault in FAULTS
    for scheme in fault.schemes
    for version in fault.versions
]
NAMES = [
    f"{scheme}-{version}-{fault.behaviour}".replace("/", "_").replace(":", "_")
    for fault, scheme, version in CASES
]


class Recording:
    """An observer that keeps everything."""

    def __init__(self):
        self.events: list[AnyEvent] = []

    def event(self, event: AnyEvent) -> None:
        self.events.append(event)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        pass

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        pass


def _seconds(value: float) -> Duration:
    return Duration(round(value * 1e9))


def _scenario() -> Scenario:
    limit = _seconds(2.5)
    return Scenario(
        name="faults",
        duration=_seconds(12),
        sessions=Sessions(
            ramp=_seconds(1), reconnect=False, attempts_per_second=500.0, handshakes_in_flight=8
        ),
        timeouts=Timeouts(resolve=limit, connect=limit, tls=limit, upgrade=limit, close=limit),
        activities=[Activity(name="heartbeat", every=_seconds(0.5), timeout=_seconds(2))],
        endpoints=[
            Endpoint(
                name=name,
                url=f"lab+{scheme}://{fault.behaviour}",
                tls_version=version,  # type: ignore[arg-type]  # "1.2" or "1.3", from the table
                verify=fault.verify,
            )
            for name, (fault, scheme, version) in zip(NAMES, CASES, strict=True)
        ],
        egresses=[Egress(name="direct")],
    )


async def _run() -> Recording:
    scenario = _scenario()
    plan = lab_plan(scenario)
    assert plan is not None
    recording = Recording()
    async with running_lab(plan) as ready:
        headers: dict[str, Any] = {endpoint.name: {} for endpoint in scenario.endpoints}
        bindings = {"direct": Binding()}
        routes = RouteBuilder(scenario, Path("faults.toml"), headers, bindings, ready).build()
        runner = Runner(scenario, routes, RunClock(), recording)
        with trio.fail_after(60):
            await runner.run()
    return recording


@pytest.fixture(scope="module", params=[True, False], ids=["together", "each for itself"])
def recording(request) -> Recording:
    """With quiet sessions waited for together, and as on a system without epoll."""
    with pytest.MonkeyPatch.context() as patch:
        if not request.param:
            patch.setattr(QuietSessions, "open", lambda _hangups: None)
        return trio.run(_run)


def _ended(recording: Recording, name: str) -> list[Ended]:
    return [e for e in recording.events if isinstance(e, Ended) and e.endpoint == name]


@pytest.mark.parametrize(("name", "case"), list(zip(NAMES, CASES, strict=True)), ids=NAMES)
def test_ending_is_right(recording, name, case):
    fault, _, _ = case

    endings = _ended(recording, name)

    assert len(endings) == 1, "every attempt and every session emits exactly one ending"
    event, ending = endings[0], endings[0].ending
    assert fault.kind == ending.kind, ending
    assert ending.phase in (fault.phase if isinstance(fault.phase, tuple) else (fault.phase,))
    assert fault.fields == {key: getattr(ending, key) for key in fault.fields}
    assert ending.raw
    assert isinstance(event, SessionEnded if fault.phase is Phase.HELD else AttemptFailed)


@pytest.mark.parametrize("name", NAMES)
def test_times_are_in_order(recording, name):
    ending = _ended(recording, name)[0].ending

    assert 0 <= ending.alive_at_ns <= ending.dead_by_ns <= ending.detected_at_ns
    assert ending.age_ns >= 0


def test_nothing_is_unknown(recording):
    unknown = [
        e for e in recording.events if isinstance(e, Ended) and e.ending.kind is Kind.UNKNOWN
    ]

    assert unknown == []


def test_what_nobody_proved_has_no_culprit(recording):
    unproved = {Kind.TCP_RESET, Kind.TCP_FIN, Kind.SILENCE, Kind.TIMEOUT, Kind.REFUSED}

    blamed = [
        e
        for e in recording.events
        if isinstance(e, Ended)
        and e.ending.kind in unproved
        and e.ending.initiator is not Initiator.UNKNOWN
    ]

    assert blamed == []


def test_a_flow_that_vanishes_alone_is_known_to_be_dropped_and_not_by_whom(recording):
    """A fresh connection to the same port was answered. By one egress nobody knows more."""
    vanished = [
        e
        for e in recording.events
        if isinstance(e, Ended) and e.ending.kind is Kind.SILENCE and e.endpoint.endswith("-vanish")
    ]

    assert vanished
    for e in vanished:
        assert e.ending.evidence.why == ["flow-dropped-somewhere"]
        assert "answered" in {look.result for look in e.ending.evidence.fresh_connections}


def test_close_over_a_verified_chain_is_the_endpoints(recording):
    closes = [
        e for e in recording.events if isinstance(e, Ended) and e.ending.kind is Kind.WS_CLOSE
    ]

    assert closes
    assert {Initiator.ENDPOINT} == {e.ending.initiator for e in closes}


def test_age_of_a_held_fault_is_no_less_than_the_labs_delay(recording):
    """However busy the machine is: the lab waits from when it has shaken hands.

    We begin to shake hands before it, so that with the handshake each age holds all of the delay.
    """
    delay_ns = 200_000_000
    kinds = {Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY, Kind.WS_CLOSE}
    opened = {e.session: e for e in recording.events if isinstance(e, SessionOpened)}
    held = [
        (opened[e.session], e.ending)
        for e in recording.events
        if isinstance(e, SessionEnded) and e.ending.kind in kinds
    ]

    assert held
    for opening, ending in held:
        shaking = opening.phases_ns["tls"] + opening.phases_ns.get("upgrade", 0)
        assert ending.age_ns + shaking >= delay_ns, ending
        # A busy loop may learn of the end before it has said that the session is open.
        assert ending.age_ns == max(ending.dead_by_ns - opening.t_ns, 0), ending


@pytest.mark.parametrize("behaviour", ["expired", "wrong-name", "self-signed"])
def test_a_bad_chain_is_held_and_told_when_asked_to_report(behaviour):
    async def main() -> Recording:
        scenario = Scenario(
            name="report",
            duration=_seconds(1),
            endpoints=[Endpoint(name="bad", url=f"lab+wss://{behaviour}")],
            egresses=[Egress(name="direct")],
            activities=[Activity(name="heartbeat")],
        )
        plan = lab_plan(scenario)
        assert plan is not None
        recording = Recording()
        async with running_lab(plan) as ready:
            bindings = {"direct": Binding()}
            routes = RouteBuilder(scenario, Path("x.toml"), {"bad": {}}, bindings, ready).build()
            await Runner(scenario, routes, RunClock(), recording).run()
        return recording

    recording = trio.run(main)

    opened = [e for e in recording.events if isinstance(e, SessionOpened)]
    assert len(opened) == 1
    assert opened[0].tls is not None
    assert opened[0].tls.verified is False
    assert opened[0].tls.problem
