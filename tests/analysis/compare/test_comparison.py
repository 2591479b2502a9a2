import msgspec
import pytest

from stresser.analysis.compare.comparison import compare_sides
from stresser.analysis.compare.comparison_verdict import ComparisonVerdict
from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.compare.sides import make_side
from stresser.analysis.counts.cohort_sessions import lifetimes
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.model.errors import RunFolderError
from stresser.statistics.rates import holm
from tests.analysis.sides_story import DIRECT, HOUR, VPN, incident_story, recorded_sides
from tests.analysis.story import Story


def test_two_egresses_of_one_run(tmp_path):
    found = compare_sides(*recorded_sides(tmp_path, incident_story(7, 41)))
    assert found.verdict is ComparisonVerdict.WORSE
    assert found.rates is not None
    assert (found.rates.baseline.incidents, found.rates.candidate.incidents) == (7, 41)
    assert (found.baseline.label, found.candidate.label) == ("direct", "vpn")
    assert found.candidate.drop_kinds == {"tcp_reset": 41}
    assert found.baseline.sessions == 11
    assert len(found.endpoints) == 1
    assert found.paragraph.endswith(f"Verdict: vpn is worse: {found.reason}.")


def test_deaths_by_host_and_tool_are_censored(tmp_path):
    story = incident_story(4, 4)
    story.drops(story.opens(VPN, 5), 9, Kind.HOST_SLEPT, initiator=Initiator.HOST)
    story.drops(story.opens(VPN, 6), 9, Kind.TOOL, initiator=Initiator.TOOL)
    found = compare_sides(*recorded_sides(tmp_path, story))
    assert found.rates is not None
    assert found.rates.candidate.drops == 4
    assert (found.candidate.ended_by_host, found.candidate.ended_by_tool) == (1, 1)
    assert found.limits[0].startswith("The figures are in doubt: 1 ending through limits")


@pytest.mark.slow
def test_lifetimes_are_those_of_kaplan_and_meier(tmp_path):
    from tests.statistics.judges import lifelines

    sides = recorded_sides(tmp_path, incident_story(7, 41))
    found = compare_sides(*sides).candidate
    lived = lifetimes(sides[1].sessions)
    theirs = lifelines.KaplanMeierFitter().fit(lived.durations, lived.died)
    assert found.restricted_to_ns is not None
    until = found.restricted_to_ns / 1e9
    mean = lifelines.utils.restricted_mean_survival_time(theirs, until) * 1e9
    assert found.restricted_mean_ns == pytest.approx(mean, rel=1e-6)
    assert found.median_lifetime_ns == pytest.approx(theirs.median_survival_time_ * 1e9, rel=1e-6)
    assert found.restricted_mean_low_ns is not None
    assert found.restricted_mean_high_ns is not None
    assert found.restricted_mean_low_ns < mean < found.restricted_mean_high_ns


def test_only_what_both_held_is_compared(tmp_path):
    story = incident_story(7, 41)
    gateway = Cohort("gateway", "vpn", "heartbeat")
    for number in range(30):
        story.drops(story.opens(gateway, 10 + number), 50 + 7 * number)
    found = compare_sides(*recorded_sides(tmp_path, story))
    assert found.rates is not None
    assert found.rates.candidate.incidents == 41
    assert [row.endpoint for row in found.endpoints] == ["broker"]
    assert found.limits[-1] == "Held on one side alone and left out: gateway heartbeat."


def test_endpoints_are_corrected_for_their_number(tmp_path):
    story = incident_story(3, 12)
    incident_story(4, 5, endpoint="gateway", story=story)
    found = compare_sides(*recorded_sides(tmp_path, story)).endpoints
    assert [row.endpoint for row in found] == ["broker", "gateway"]
    assert [row.candidate_incidents for row in found] == [12, 5]
    corrected = holm([row.ratio.p_value for row in found])
    assert [row.holm_p_value for row in found] == pytest.approx(corrected)
    assert found[0].holm_p_value == pytest.approx(2 * found[0].ratio.p_value)


def test_several_runs_a_side(tmp_path):
    runs = []
    for number, (direct, vpn) in enumerate([(3, 0), (4, 0), (0, 20), (0, 21)]):
        story = incident_story(direct, vpn)
        story.events.sort(key=lambda event: event.t_ns)
        story.stops(2 * HOUR)
        runs.append(read_run_facts(story.recorded(tmp_path / f"run{number}")))
    baseline = make_side("without", runs[:2], "direct")
    candidate = make_side("with", runs[2:], "vpn")
    found = compare_sides(baseline, candidate)
    assert found.verdict is ComparisonVerdict.WORSE
    assert found.rates is not None
    assert (found.rates.baseline.incidents, found.rates.candidate.incidents) == (7, 41)
    assert found.baseline.runs == ["run0", "run1"]


def test_sides_with_nothing_in_common(tmp_path):
    story = Story([DIRECT], 1)
    story.opens(DIRECT, 1)
    story.opens(Cohort("gateway", "vpn", "heartbeat"), 2)
    with pytest.raises(RunFolderError, match="no endpoint with one activity was held on both"):
        compare_sides(*recorded_sides(tmp_path, story))


def test_a_comparison_is_json_and_the_same_twice(tmp_path):
    sides = recorded_sides(tmp_path, incident_story(0, 9, size=2))
    texts = {msgspec.json.encode(compare_sides(*sides)) for _ in range(2)}
    assert len(texts) == 1
    read = msgspec.json.decode(texts.pop())
    assert read["rates"]["ratio"]["ratio"] is None
    assert read["rates"]["ratio"]["interval"][1] is None
    assert read["verdict"] == "worse"
