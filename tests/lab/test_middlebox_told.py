"""Real middleboxes of the lab end held sessions each in its own way; stresser tells them apart."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from stresser.lab.messages import KillRecord, KillsLost
from stresser.lab.process import running_lab
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind, Phase
from stresser.model.events import AnyEvent, AttemptFailed, Ended, SessionEnded, SessionOpened
from stresser.model.kill import Kill
from stresser.model.quantity import Quantity
from stresser.model.units import Duration, Size
from stresser.net.dial import Binding
from stresser.run.lab_plan import lab_plan
from stresser.run.routes import RouteBuilder
from stresser.run.runner import Runner
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.plan import Activity, Egress, Endpoint, Scenario, Sessions, Timeouts
from stresser.witness.clock import RunClock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="silent kills need Linux here"),
]


def _seconds(value: float) -> Duration:
    return Duration(round(value * 1e9))


IDLE = _seconds(1)
AGE = _seconds(2)
BOXES = {
    "plain": Middlebox(),
    "slow": Middlebox(delay=_seconds(0.02)),
    "idle-reset": Middlebox(idle_timeout=IDLE, kill=Kill.RESET),
    "idle-fin": Middlebox(idle_timeout=IDLE, kill=Kill.FIN),
    "idle-silent": Middlebox(idle_timeout=IDLE, kill=Kill.SILENT),
    "age-reset": Middlebox(age_limit=AGE, kill=Kill.RESET),
    "bytes-fin": Middlebox(byte_limit=Size(2400), kill=Kill.FIN),
    "hello-reset": Middlebox(on_client_hello=True, kill=Kill.RESET),
    "hello-silent": Middlebox(on_client_hello=True, kill=Kill.SILENT),
    "stall": Middlebox(stall_at=AGE),
    "blackhole": Middlebox(blackhole_at=_seconds(4)),
    "corrupt": Middlebox(corrupt_at=AGE),
    "intercept": Middlebox(intercept=True),
}
WSS_ENDINGS: dict[str, tuple[Phase, Kind]] = {
    "plain": (Phase.CLOSING, Kind.PLANNED),
    "slow": (Phase.CLOSING, Kind.PLANNED),
    "idle-reset": (Phase.HELD, Kind.TCP_RESET),
    "idle-fin": (Phase.HELD, Kind.TCP_FIN),
    "idle-silent": (Phase.HELD, Kind.SILENCE),
    "age-reset": (Phase.HELD, Kind.TCP_RESET),
    "bytes-fin": (Phase.HELD, Kind.TCP_FIN),
    "hello-reset": (Phase.TLS, Kind.TCP_RESET),
    "hello-silent": (Phase.TLS, Kind.TIMEOUT),
    "stall": (Phase.HELD, Kind.UNRESPONSIVE),
    "blackhole": (Phase.HELD, Kind.SILENCE),
    "corrupt": (Phase.HELD, Kind.TLS_ALERT),
    "intercept": (Phase.CLOSING, Kind.PLANNED),
}


class Recording:
    """An observer that keeps everything."""

    def __init__(self):
        self.events: list[AnyEvent] = []
        self.sampled: dict[tuple[Quantity, Cohort | None], list[int]] = {}
        self.kills: dict[int, KillRecord] = {}
        """By the client's port, as the lab told them."""

    def event(self, event: AnyEvent) -> None:
        self.events.append(event)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        self.samples(quantity, cohort, [value_ns])

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        self.sampled.setdefault((quantity, cohort), []).extend(values_ns)

    def kill(self, record: KillRecord | KillsLost) -> None:
        assert isinstance(record, KillRecord)
        self.kills[record.client_port] = record

    def endings(self, egress: str) -> list[Ended]:
        return [e for e in self.events if isinstance(e, Ended) and e.egress == egress]


async def _run() -> Recording:
    limit = _seconds(2)
    scenario = Scenario(
        name="boxes",
        duration=_seconds(8),
        sessions=Sessions(count=3, reconnect=False, attempts_per_second_per_endpoint=200.0),
        timeouts=Timeouts(resolve=limit, connect=limit, tls=limit, upgrade=limit, close=limit),
        # Due after the idle timeouts, so that they bite; often enough to find a black hole.
        activities=[Activity(name="heartbeat", every=_seconds(1.7), timeout=_seconds(1.5))],
        endpoints=[Endpoint(name="echo", url="lab+wss://echo")],
        egresses=[Egress(name=name, lab=box) for name, box in BOXES.items()],
    )
    plan = lab_plan(scenario)
    assert plan is not None
    recording = Recording()
    async with running_lab(plan, on_kill=recording.kill) as ready:
        headers: dict[str, Any] = {"echo": {}}
        bindings = {name: Binding() for name in BOXES}
        file = Path("boxes.toml")
        routes = RouteBuilder(scenario, file, headers, bindings, ready).build()
        with trio.fail_after(60):
            await Runner(scenario, routes, RunClock(), recording).run()
    return recording


@pytest.fixture(scope="module")
def recording() -> Recording:
    return trio.run(_run)


@pytest.mark.parametrize("box", list(BOXES))
def test_ending_is_right(recording, box):
    endings = recording.endings(box)

    assert [WSS_ENDINGS[box]] * 3 == [(e.ending.phase, e.ending.kind) for e in endings], endings


@pytest.mark.parametrize("box", ["idle-reset", "idle-fin"])
def test_idle_kill_is_dated_and_its_silence_measured(recording, box):
    # A busy machine makes box and loop late: each says by how much.
    late_ns = max(recording.sampled[Quantity.LOOP_LAG, None])
    for ended in recording.endings(box):
        assert ended.local is not None
        box_saw_ns = recording.kills[int(ended.local.rpartition(":")[2])].idle_ns
        assert box_saw_ns >= IDLE
        assert abs(ended.ending.idle_ns - box_saw_ns) < _seconds(0.1) + late_ns
        assert ended.ending.dead_by_ns == ended.ending.detected_at_ns


def test_age_limit_is_told_by_age_not_by_idleness(recording):
    opened = {e.session: e for e in recording.events if isinstance(e, SessionOpened)}
    for ending in recording.endings("age-reset"):
        # The box counts from TCP's beginning, the session from its opening.
        before_ns = sum(opened[ending.session].phases_ns.values())
        assert AGE - before_ns < ending.ending.age_ns < AGE + _seconds(0.1)
        assert ending.ending.idle_ns < AGE - _seconds(1)


def test_silent_kill_is_bracketed(recording):
    opened = {e.session: e for e in recording.events if isinstance(e, SessionOpened)}
    for ending in recording.endings("idle-silent"):
        assert isinstance(ending, SessionEnded)
        death_ns = opened[ending.session].t_ns + IDLE
        assert ending.ending.alive_at_ns <= death_ns <= ending.ending.dead_by_ns
        assert ending.ending.evidence.tcp_info is not None
        assert ending.ending.evidence.tcp_info.unacked > 0


def test_stalled_flow_is_acknowledged(recording):
    for ending in recording.endings("stall"):
        assert ending.ending.evidence.tcp_info is not None
        assert ending.ending.evidence.tcp_info.unacked == 0


def test_alert_after_a_corrupted_record_has_its_number(recording):
    assert [e.ending.alert for e in recording.endings("corrupt")] == [20] * 3


def test_intercepted_chain_is_told_and_the_session_held(recording):
    opened = [
        e for e in recording.events if isinstance(e, SessionOpened) and e.egress == "intercept"
    ]

    assert [e.tls is not None and e.tls.verified for e in opened] == [False] * 3
    assert all(e.tls is not None and e.tls.problem for e in opened)


def test_delay_is_seen_in_the_round_trip(recording):
    rtt = {
        cohort.egress: values
        for (quantity, cohort), values in recording.sampled.items()
        if quantity is Quantity.RTT and cohort is not None
    }

    assert min(rtt["slow"]) >= _seconds(0.04)
    assert min(rtt["plain"]) < _seconds(0.04)


def test_failed_attempts_are_no_sessions(recording):
    failed = [e for e in recording.events if isinstance(e, AttemptFailed)]

    assert {"hello-reset", "hello-silent"} == {e.egress for e in failed}
