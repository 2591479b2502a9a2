"""Each event is read once, whatever is asked of a run, and everything counts the same drops."""

import io
from random import Random
from typing import Any

import pytest

from stresser.analysis.compare.run_facts import facts_of
from stresser.analysis.compare.sides import make_side
from stresser.analysis.summary.run_reading import read_run
from stresser.analysis.summary.summary import summary_of
from stresser.analysis.views.curves import survival_curves
from stresser.analysis.views.run_report import gather_report
from stresser.bundle.network_page import DroppedFlows
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.record.reader import RecordedRun
from tests.analysis.story import DIRECT, VPN, Story, idle_kill_story


class CountedRun:
    """A recorded run that counts how often its files are gone through."""

    def __init__(self, run: RecordedRun) -> None:
        self.run = run
        self.events_read = self.histograms_read = 0

    def __getattr__(self, name):
        return getattr(self.run, name)

    def events(self):
        self.events_read += 1
        return self.run.events()

    def histograms(self, watch=None):
        self.histograms_read += 1
        return self.run.histograms(watch)


@pytest.mark.parametrize("ask", [lambda run: summary_of(read_run(run)),
                                 lambda run: gather_report([run], None)],
                         ids=["summary", "report"])  # fmt: skip
def test_each_file_is_read_once(tmp_path, ask):
    run = CountedRun(idle_kill_story().recorded(tmp_path / "run"))
    ask(run)
    assert (run.events_read, run.histograms_read) == (1, 1)


def test_lives_and_durations_are_not_held_at_once(tmp_path):
    """Each takes tens of megabytes of a long night."""
    run: Any = CountedRun(idle_kill_story().recorded(tmp_path / "run"))
    reading = read_run(run, sessions=True)
    lives = reading.lives.lives
    assert len(lives) > len(reading.lives.drops) > 0
    assert reading.explained.diagnoses
    assert len(lives) == run.histograms_read == 0
    for gone in ("lives", "rows_of"):
        with pytest.raises(AttributeError):
            getattr(reading.lives, gone)
    assert not {"drops", "opened"} & vars(reading.evidence).keys()
    assert reading.lives.longest_ns > 0
    assert {drop.cohort for drop in reading.lives.drops} == {VPN}
    assert reading.rtt.by_cohort == {}  # the story has none
    assert run.histograms_read == 1


ENDS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.TCP_RESET, {}),
    (Kind.TCP_FIN, {}),
    (Kind.SILENCE, {}),
    (Kind.FOUND_DEAD, {}),
    (Kind.WS_CLOSE, {"code": 1001}),
    (Kind.HOST_SLEPT, {"initiator": Initiator.HOST}),
    (Kind.TOOL, {"initiator": Initiator.TOOL}),
    (Kind.TCP_RESET, {"initiator": Initiator.HOST, "evidence": {"why": ["host-unfit"]}}),
    (Kind.SILENCE, {"initiator": Initiator.TOOL, "evidence": {"why": ["tool-unfit"]}}),
    (Kind.TCP_RESET, {"initiator": Initiator.HOST}),
]


def random_run(seed: int) -> Story:
    """Sessions of four cohorts that end in every way, at random."""
    chance = Random(seed)  # noqa: S311 - the same run each time
    cohorts = [VPN, DIRECT, Cohort("hub", "vpn", "quiet"), Cohort("hub", "direct", "quiet")]
    story = Story(cohorts, 40)
    lives = []
    for _ in range(40):
        opened = chance.uniform(0, 20)
        lives.append((opened, opened + chance.uniform(1, 30), chance.choice(cohorts)))
    for opened, ends, cohort in sorted(lives):
        session = story.opens(cohort, opened)
        kind, fields = chance.choice([*ENDS, (Kind.PLANNED, {})])
        if kind is Kind.PLANNED:
            story.ends_as_planned(session, ends)
        else:
            story.drops(session, ends, kind, idle=chance.uniform(0.1, 1), **fields)
    story.events.sort(key=lambda event: event.t_ns)
    story.stops(60)
    return story


@pytest.mark.parametrize("seed", range(12))
def test_everything_that_counts_drops_counts_the_same(tmp_path, seed):
    run = random_run(seed).recorded(tmp_path / "run")
    flows = {}

    def watch(of):
        flows["seen"] = DroppedFlows("run", of.anchor_unix_ns, io.StringIO(), io.BytesIO())
        return [flows["seen"]]

    report = gather_report([run], None, watch)
    reading = read_run(run, sessions=True)
    facts = facts_of(reading)
    shown = report.runs[0]
    total = shown.summary.total.drops
    assert total == len(shown.drops.session) == len(shown.ended)
    assert total == sum(flows["seen"].counts.values())
    assert total == sum(len(one.drops) for one in facts.incidents)
    assert total == sum(curve.died for curve in survival_curves(reading.sessions))
    assert total == sum(make_side(name, [facts], name).tally.drops for name in ("vpn", "direct"))
    assert total == sum(cohort.drops for cohort in shown.summary.cohorts)
