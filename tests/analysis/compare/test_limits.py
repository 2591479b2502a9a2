from msgspec.structs import replace

from stresser.analysis.compare.incident_rates import compare_rates
from stresser.analysis.compare.limits import limits_of
from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.compare.sides import Held, make_side
from stresser.model.events import SessionOpened
from stresser.record.manifest import Status
from tests.analysis.sides_story import DIRECT, HOUR, VPN, incident_story, recorded_sides
from tests.analysis.story import Story


def limits(sides, *, alone=(), unfit=(), is_one_run=True):
    baseline, candidate = sides
    rates = compare_rates(baseline, candidate)
    return limits_of(baseline, candidate, rates, alone, unfit, is_one_run=is_one_run)


def test_a_sound_comparison_names_the_smallest_effect_alone(tmp_path):
    [limit] = limits(recorded_sides(tmp_path, incident_story(20, 31)))
    assert limit.startswith("The smallest effect that this could have seen: a true ratio of 2.1")


def test_few_incidents(tmp_path):
    found = limits(recorded_sides(tmp_path, incident_story(2, 3)))
    assert found[0] == "Few incidents: 5 on both sides together."


def test_a_baseline_without_incidents(tmp_path):
    found = limits(recorded_sides(tmp_path, incident_story(0, 12)))
    assert "with 6 or more on vpn the sides would have differed by more than chance" in found[0]


def test_doubts_come_first(tmp_path):
    sides = recorded_sides(tmp_path, incident_story(20, 31))
    assert limits(sides, unfit=["this host slept"])[0] == (
        "The figures are in doubt: this host slept."
    )


def test_what_only_one_side_held(tmp_path):
    sides = recorded_sides(tmp_path, incident_story(20, 31))
    found = limits(sides, alone=[Held("gate\x1bway", "silent")])
    assert found[-1] == "Held on one side alone and left out: gate\\x1bway silent."


def test_different_addresses_may_be_different_sites(tmp_path):
    story = incident_story(20, 31)
    for event in story.events:
        if isinstance(event, SessionOpened) and event.egress == "vpn":
            event.remote = "203.0.113.9:443"
    found = limits(recorded_sides(tmp_path, story))
    assert "Different addresses behind one name (broker)" in found[1]


def test_unequal_exposure_and_bursts(tmp_path):
    story = incident_story(direct=12, vpn=12, sessions=2)
    for _ in range(20):
        story.ends_as_planned(story.opens(DIRECT, 2), 2 * HOUR)
    for burst in range(40):
        story.drops(story.opens(VPN, 3000 + 3 * burst), 3002 + 3 * burst, idle=1)
    found = " ".join(limits(recorded_sides(tmp_path, story)))
    assert "Incidents came in bursts (their variance is" in found
    assert "Unequal exposure: 22 sessions at a time against 2" in found


def at(facts, anchor_unix_ns):
    return make_side("later", [replace(facts, anchor_unix_ns=anchor_unix_ns)], None)


def test_runs_at_different_times(tmp_path):
    runs = []
    for number in range(2):
        story = Story([DIRECT], 1)
        story.ends_as_planned(story.opens(DIRECT, 1), HOUR)
        story.stops(HOUR)
        runs.append(read_run_facts(story.recorded(tmp_path / f"run{number}")))
    sides = [make_side(f"run {n}", [facts], None) for n, facts in enumerate(runs)]
    assert not any("Different times" in limit for limit in limits(sides, is_one_run=False))
    assert runs[1].anchor_unix_ns is not None
    sides[1] = at(runs[1], runs[1].anchor_unix_ns + 86_400 * 10**9)
    found = " ".join(limits(sides, is_one_run=False))
    assert "the baseline ran 2026-11-23 00:00Z to 2026-11-23 01:00Z" in found
    assert "the candidate 2026-11-24 00:00Z" in found
    sides[1] = at(runs[1], None)
    assert "not recorded" in " ".join(limits(sides, is_one_run=False))
    sides[1] = at(runs[1], 2**70)
    assert "Different times" in " ".join(limits(sides, is_one_run=False))


def test_a_run_that_did_not_end_as_planned(tmp_path):
    story = Story([DIRECT, VPN], 1)
    story.opens(DIRECT, 1)
    story.opens(VPN, 2)
    facts = read_run_facts(story.recorded(tmp_path / "run", status=Status.RUNNING))
    sides = [make_side(name, [facts], name) for name in ("direct", "vpn")]
    assert limits(sides)[-1] == "The run run was crashed."


def test_other_weights_of_the_endpoints(tmp_path):
    story = incident_story(4, 4, sessions=4)
    more = incident_story(4, 4, sessions=4, endpoint="gateway", story=story)
    for _ in range(8):
        more.ends_as_planned(more.opens(DIRECT, 5), 2 * HOUR)
    found = limits(recorded_sides(tmp_path, more))
    assert "weigh their endpoints differently (broker, gateway)" in found[-1]
