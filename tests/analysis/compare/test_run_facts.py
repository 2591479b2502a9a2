from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.summary.summary import summarise
from stresser.model.quantity import Quantity
from stresser.record.manifest import Status
from tests.analysis.sides_story import DIRECT, HOUR, VPN, incident_story
from tests.analysis.story import Story, seconds


def recorded(tmp_path, story, **changes):
    return read_run_facts(story.recorded(tmp_path / "20261123T000000Z-made-up", **changes))


def test_a_run_is_read_once_for_all_that_a_comparison_needs(tmp_path):
    story = incident_story(direct=2, vpn=6, size=2)
    story.samples(Quantity.RTT, VPN, 20, 30)
    story.stops(2 * HOUR)
    facts = recorded(tmp_path, story)
    assert facts.name == "20261123T000000Z-made-up"
    assert set(facts.sessions) == {DIRECT, VPN}
    assert len(facts.incidents) == 8
    assert facts.elapsed_ns == seconds(2 * HOUR)
    assert sum(counts.count for counts in facts.rtt[VPN].values()) == 2
    assert facts.unfit == []
    assert facts.tally.cohorts[VPN].drops == 12


def test_sessions_that_are_open_at_the_end_are_censored_then(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 10)
    story.stops(60)
    facts = recorded(tmp_path, story)
    assert list(facts.sessions[VPN].ended_ns) == [seconds(60)]
    assert list(facts.sessions[VPN].died) == [0]


def test_a_tester_that_was_late_or_lost_something_is_unfit(tmp_path):
    story = Story([VPN], 1)
    story.ends_as_planned(story.opens(VPN, 1), 60)
    story.samples(Quantity.LOOP_LAG, None, *[400] * 10)
    story.stops(60, unrecorded_events=3)
    facts = recorded(tmp_path, story)
    assert len(facts.unfit) == 2
    assert "loop lag p99" in facts.unfit[0]
    assert "3 events were not recorded" in facts.unfit[1]


def test_an_event_with_impossible_figures_makes_it_unfit(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 1, recovery_ns=10**40)
    story.opens(VPN, 2)
    story.stops(60)
    assert recorded(tmp_path, story).unfit == ["events.jsonl: 1 unreadable lines were skipped"]


def test_a_crashed_run_tells_what_it_has(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 1)
    story.drops(story.opens(VPN, 2), 30)
    facts = recorded(tmp_path, story, status=Status.RUNNING)
    assert facts.status == "crashed"
    assert facts.tally.cohorts[VPN].drops == 1
    assert facts.elapsed_ns == seconds(30)


def test_the_runs_own_answer_comes_of_the_same_reading(tmp_path):
    story = incident_story(direct=2, vpn=6, size=2)
    story.stops(2 * HOUR)
    run = story.recorded(tmp_path / "20261123T000000Z-made-up")
    assert read_run_facts(run).answer is None
    assert read_run_facts(run, has_answer=True).answer == summarise(run).answer
