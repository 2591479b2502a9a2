"""Events as a run emits them, for the tests of this room."""

from msgspec.structs import replace

from stresser.classify.standing import make_ending
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import AnyEvent, HostSlept, RunStarted, SessionEnded
from stresser.model.evidence import Evidence

COHORT = Cohort("broker", "vpn", "heartbeat")


def utc_of(t_ns: int) -> str:
    return f"2026-11-23T07:25:{t_ns // 10**9 % 60:02d}.{t_ns // 1000 % 10**6:06d}Z"


def run_started(t_ns: int = 0) -> RunStarted:
    return RunStarted(
        t_ns=t_ns, utc=utc_of(t_ns), scenario="quick", sessions_requested=2, cohorts=[COHORT]
    )


def numbered(number: int, t_ns: int = 0) -> HostSlept:
    """A small event that carries a number."""
    return HostSlept(t_ns=t_ns, utc=utc_of(t_ns), slept_ns=number)


def number_of(event: AnyEvent) -> int:
    assert isinstance(event, HostSlept)
    return event.slept_ns


def session_ended(**changes: object) -> SessionEnded:
    event = SessionEnded(
        t_ns=1_500_000_000,
        utc="2026-11-23T07:25:27.623456Z",
        endpoint="broker",
        egress="vpn",
        activity="heartbeat",
        attempt=3,
        session=2,
        local="192.0.2.10:50123",
        remote="198.51.100.7:443",
        ending=make_ending(
            phase=Phase.HELD,
            kind=Kind.TCP_RESET,
            failure="connection_reset",
            initiator=Initiator.UNKNOWN,
            grade=Grade.TCP_INFO,
            planned=False,
            age_ns=1_200_000_000,
            idle_ns=400_000_000,
            alive_at_ns=1_100_000_000,
            dead_by_ns=1_500_000_000,
            detected_at_ns=1_500_100_000,
            evidence=Evidence(operation="receive", since_sent_ns=400_000_000),
            raw="ConnectionResetError(104, 'Connection reset by peer')",
        ),
        pings=4,
        pongs=4,
    )
    own = {name: value for name, value in changes.items() if name in event.__struct_fields__}
    others = {name: value for name, value in changes.items() if name not in own}
    return replace(event, ending=replace(event.ending, **others), **own)
