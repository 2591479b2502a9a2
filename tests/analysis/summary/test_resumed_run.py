"""A run that was resumed: no figure counts the gap, and what was open before it is censored."""

import pytest
from msgspec.structs import replace

from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.counts.cohort_sessions import lifetimes
from stresser.analysis.summary.run_reading import read_run
from stresser.analysis.summary.summary import summarise
from stresser.analysis.views.run_report import gather_report
from stresser.analysis.views.session_story import StoryTeller
from stresser.model.events import RunResumed
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, utc
from tests.model.test_measured_limits import LIMITS

S = NS_PER_S
HOUR = 3600


def resumes(story, since, at, why="crashed"):
    story.events.append(RunResumed(t_ns=at * S, utc=utc(at * S), since_ns=since * S, why=why))


def two_parts(gap_s):
    """Four sessions each: an hour, a gap of `gap_s`, another hour; through vpn two drop in each."""
    story = Story([DIRECT, VPN], 4)
    for part in range(2):
        began = part * (HOUR + gap_s)
        held = [story.opens(cohort, began + 1) for cohort in (DIRECT, VPN) for _ in range(4)]
        for n, session in enumerate(held[4:6]):
            story.drops(session, began + 600 + n)
        for n in range(2):
            held.append(story.opens(VPN, began + 610 + n, replaces=held[4 + n]))
        if part == 0:
            resumes(story, HOUR, HOUR + gap_s)
        else:
            for session in [*held[:4], *held[6:]]:
                story.ends_as_planned(session, began + HOUR)
    story.stops(2 * HOUR + gap_s)
    return story


def summed(tmp_path, gap_s, **scenario):
    run = two_parts(gap_s).recorded(tmp_path / str(gap_s), scenario=SCENARIO | scenario)
    return summarise(run)


THRESHOLDS = {"thresholds": {"open_ratio": ">= 0.99", "drops_per_session_hour": "<= 0.3"}}


def test_how_long_the_gap_was_changes_no_figure(tmp_path):
    short, long = (summed(tmp_path, gap, **THRESHOLDS) for gap in (1, 100 * HOUR))
    assert long.gaps_ns == 100 * HOUR * S
    assert short.elapsed_ns == long.elapsed_ns == 2 * HOUR * S
    assert short.total == long.total
    assert short.cohorts == long.cohorts
    assert len(short.thresholds) == 2
    assert short.thresholds == long.thresholds
    assert short.verdict == long.verdict
    assert short.resumptions == long.resumptions == 1


def test_each_session_is_counted_once_and_those_cut_off_are_no_endings(tmp_path):
    total = summed(tmp_path, 500).total
    assert (total.sessions, total.drops, total.cut_off, total.planned) == (20, 4, 8, 8)
    assert total.sessions == total.drops + total.cut_off + total.planned
    assert total.sessions_open == 8
    assert total.session_time_ns == pytest.approx(2 * S * (8 * HOUR - 8 - 2 * 10), rel=1e-3)


def test_survival_censors_what_was_open_before_the_gap(tmp_path):
    run = two_parts(100 * HOUR).recorded(tmp_path / "run")
    reading = read_run(run, sessions=True)
    lived = lifetimes(list(reading.sessions.values()))
    assert len(lived.durations) == 20
    assert int(lived.died.sum()) == 4
    assert max(lived.durations) <= HOUR
    assert max(life.ended_ns - life.opened_ns for life in reading.lives.lives) <= HOUR * S
    assert len(reading.lives.lives) == 20


def test_what_is_shown_says_so(tmp_path):
    summary = summed(tmp_path, 2 * HOUR, duration=2 * HOUR * S)
    assert summary.answer.heading[1] == "2 h in 2 parts, complete"
    assert any("resumed once" in note and "2 h" in note for note in summary.notes)
    run = two_parts(2 * HOUR).recorded(tmp_path / "again")
    timeline = gather_report([run], None).runs[0].timeline
    assert [(mark.what, mark.from_us, mark.until_us) for mark in timeline.marks] == [
        ("gap", HOUR * 10**6, 3 * HOUR * 10**6)
    ]
    for one in timeline.sessions:
        during = [
            number
            for at, number in zip(one.t_us, one.open, strict=True)
            if HOUR * 10**6 < at <= 3 * HOUR * 10**6
        ]
        assert set(during) <= {0}
        assert max(one.open) == 4


def test_what_no_part_held_for_so_long_is_not_proved(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    resumes(story, HOUR, 3 * HOUR)
    story.ends_as_planned(story.opens(VPN, 3 * HOUR), 4 * HOUR)
    story.stops(4 * HOUR)
    said = summarise(story.recorded(tmp_path / "run")).answer.not_proved
    assert "Limits slower than 1 h: no session was held longer." in said


def test_pings_a_second_are_those_of_the_time_that_it_ran(tmp_path):
    story = two_parts(20 * HOUR)
    story.samples(Quantity.RTT, VPN, *[1.0] * round(0.9 * 2 * HOUR))
    run = story.recorded(tmp_path / "run", measured=replace(LIMITS, pings_per_second=1.0))
    assert "1 of 1 pings a second" in summarise(run).near_limits[0]


def test_a_session_that_was_cut_off_tells_so(tmp_path):
    run = two_parts(HOUR).recorded(tmp_path / "run")
    teller = StoryTeller(session=1)
    for event in run.events():
        teller.event(event)
    story = teller.story(read_run(run).tally.served)
    assert story is not None
    assert ("ending", "none recorded: open 1 h into the run, when that ended (crashed)") in (
        story.lines
    )


def test_a_comparison_counts_the_hours_that_it_ran(tmp_path):
    facts = read_run_facts(two_parts(50 * HOUR).recorded(tmp_path / "run"))
    assert (facts.ran_ns, facts.elapsed_ns) == (2 * HOUR * S, 52 * HOUR * S)


def test_a_part_that_opened_fewer_is_no_shortfall_where_another_opened_all(tmp_path):
    story = Story([VPN], 3)
    for _ in range(3):
        story.opens(VPN, 1)
    resumes(story, 100, 200, why="signal SIGINT")
    for _ in range(2):
        story.opens(VPN, 201)
    story.stops(300)
    assert not [d for d in summarise(story.recorded(tmp_path / "a")).doubts if "never opened" in d]
    story = Story([VPN], 3)
    for at in (1, 2):
        story.opens(VPN, at)
    resumes(story, 100, 200)
    for _ in range(2):
        story.opens(VPN, 201)
    story.stops(300)
    doubts = summarise(story.recorded(tmp_path / "b")).doubts
    assert [d for d in doubts if d.startswith("1 of 3 sessions never opened")]
