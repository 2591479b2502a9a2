"""A run that workers recorded says what it says where one process records it, to the byte."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.analysis.summary.summary import summarise
from stresser.analysis.views.run_report import gather_report
from stresser.bundle.evidence_zip import report_json
from stresser.model.ending import Kind, Proof
from stresser.model.events import (
    AddressesSeen,
    AnyEvent,
    HopsSeen,
    HostSlept,
    RunResumed,
    WorkerEnded,
)
from stresser.model.hops import Hop
from stresser.record.reader import RecordedRun
from stresser.report.console import json_text
from tests.analysis.story import DIRECT, INSPECTED_TLS, VPN, Story, chain_seen, seconds, utc
from tests.fakes.thoroughness import examples
from tests.record.worker_runs import recorded_by, samples_of

LENGTH_S = 120
KINDS = (Kind.TCP_RESET, Kind.TCP_FIN, Kind.SILENCE, Kind.WS_CLOSE, Kind.FOUND_DEAD)


class Life(NamedTuple):
    """One session, or an attempt that became none. Times: milliseconds."""

    through_vpn: bool
    begins: int
    lasts: int
    ends: str
    """`opens not`, `stays open`, `planned`, or the kind of a drop."""
    idle: int


lives = st.builds(
    Life,
    through_vpn=st.booleans(),
    begins=st.integers(1, 60_000),
    lasts=st.integers(1, 59_000),
    ends=st.sampled_from(["opens not", "stays open", "planned", "planned", *KINDS]),
    idle=st.sampled_from([0, 100, 5_000, 30_000]),
)
plans = st.lists(lives, max_size=30, unique_by=(lambda one: one.begins))


def told(plan: list[Life], *beside: AnyEvent) -> Story:
    """No two events at one time: which of two comes first differs truly."""
    story = Story([DIRECT, VPN], 8)
    story.events.append(chain_seen(DIRECT, INSPECTED_TLS, at=0.0003))
    taken = {life.begins for life in plan}
    for life in sorted(plan, key=lambda one: one.begins):
        cohort = VPN if life.through_vpn else DIRECT
        if life.ends == "opens not":
            story.fails(cohort, life.begins / 1000)
            continue
        session = story.opens(cohort, life.begins / 1000, INSPECTED_TLS)
        ends = next(
            at for at in range(life.begins + life.lasts, LENGTH_S * 9000) if at not in taken
        )
        taken.add(ends)
        if life.ends == "planned":
            proved = Proof.UNPROVED if life.idle == 0 else Proof.ALIVE
            story.ends_as_planned(session, ends / 1000, proved=proved)
        elif life.ends != "stays open":
            story.drops(
                session, ends / 1000, Kind(life.ends), idle=min(life.idle, life.lasts) / 1000
            )
    story.events.extend(beside)
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(LENGTH_S)
    return story


def said(run: RecordedRun) -> tuple[str, bytes]:
    """`summary.json`, with all that `show` prints; and `report --format json`."""
    return json_text(summarise(run)), b"".join(report_json(gather_report([run], None)))


def of_one_and_of(workers: int, story: Story) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    samples = samples_of(story)
    with TemporaryDirectory() as top:
        one = recorded_by(1, Path(top) / "1" / "run", story.events, samples)
        several = recorded_by(workers, Path(top) / "n" / "run", story.events, samples)
        assert len(list(several.folder.workers.iterdir())) == workers
        return said(one), said(several)


@settings(max_examples=examples(20))
@given(plan=plans, workers=st.integers(2, 9))
def test_how_many_recorded_it_changes_no_byte(plan, workers):
    one, several = of_one_and_of(workers, told(plan))
    assert several == one


@pytest.mark.parametrize("workers", [2, 3, 64])
def test_nor_does_it_where_more_happens(workers):
    at = seconds(50.0005)
    common: dict[str, Any] = {"t_ns": at, "utc": utc(at)}
    hops = HopsSeen(
        **VPN._asdict(), t_ns=at + 1, utc=utc(at), session=5, remote="r",
        hops=[Hop(number=1, address="192.0.2.1")],
    )  # fmt: skip
    looked_up = AddressesSeen(
        **VPN._asdict(), t_ns=at + 2, utc=utc(at), name="broker", addresses=["192.0.2.7"]
    )
    plan = [
        Life(n % 3 == 0, 500 * n + 1, 20_000 + n, "tcp_reset" if n % 3 == 0 else "stays open", 5000)
        for n in range(80)
    ]
    story = told(
        plan,
        HostSlept(**common, slept_ns=1),
        hops,
        looked_up,
        WorkerEnded(**common, worker=2, workers=3, how="killed by SIGKILL", sessions=7),
        RunResumed(t_ns=at + 3, utc=utc(at), since_ns=at - 9, why="crashed"),
    )
    one, several = of_one_and_of(workers, story)
    assert several == one
    assert "Worker 2 of 3 died" in one[0]
    assert one[0].count('"drops": 0') < one[0].count('"drops"')
