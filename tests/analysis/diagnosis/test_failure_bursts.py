"""Failed attempts that came together: when, where, and after which incident."""

from stresser.analysis.diagnosis.failure_bursts import burst_in_words, failure_bursts
from stresser.analysis.patterns.causes import find_causes
from stresser.model.ending import Kind, Phase
from stresser.model.events import RunResumed
from tests.analysis.diagnosis.made_runs import MadeRun, cohort
from tests.analysis.story import seconds, utc

SUS, CTL, OTHER = cohort("sus"), cohort("ctl"), cohort("sus", endpoint="other")


def bursts_of(run: MadeRun):
    case = run.case()
    return failure_bursts(case, find_causes(case.lives, case.plan).incidents, utc)


def outage(*, again: bool = True) -> MadeRun:
    run = MadeRun(SUS, CTL)
    for session in [run.opens(SUS, 1 + n / 10) for n in range(5)]:
        run.drops(session, 60, Kind.TCP_RESET)
    run.lives(run.opens(CTL, 1), 200)
    for number in range(6):
        run.fails(SUS, 62 + 5 * number, Kind.TIMEOUT, Phase.CONNECT)
    if again:
        for _ in range(5):
            run.lives(run.opens(SUS, 95), 200)
    return run


def test_a_burst_has_from_until_and_its_incident():
    [one] = bursts_of(outage())
    assert abs(one.from_ns - seconds(62)) < seconds(0.1)
    assert (one.until_ns, one.is_over) == (seconds(95), True)
    assert (one.failures, one.kinds) == (6, {"timeout": 6})
    assert (one.endpoint, one.egress) == ("server", "sus")
    assert (one.incident_ns, one.incident_drops) == (seconds(60), 5)
    said = burst_in_words(one)
    assert said.startswith("6 attempts to server through sus failed in 33 s, from ")
    assert said.endswith("(6 timeouts), after the incident of 5 drops 1 m into the run.")


def test_a_burst_that_nothing_ended_lasts_to_its_last_failure():
    [one] = bursts_of(outage(again=False))
    assert (one.until_ns, one.is_over) == (seconds(87), False)
    assert "at least until" in burst_in_words(one)


def test_nothing_is_said_of_the_gap_of_a_run_that_was_resumed():
    """Drops, failures, a gap of two hours, failures and openings: they are no one's burst."""
    run = outage(again=False)
    at = seconds(7_300)
    resumed = RunResumed(t_ns=at, utc=utc(at), since_ns=seconds(100), why="crashed")
    run.story.events.append(resumed)
    for number in range(4):
        run.fails(SUS, 7_301 + number, Kind.TIMEOUT, Phase.CONNECT)
    run.lives(run.opens(SUS, 7_310), 7_400)
    before, after = bursts_of(run)
    assert (before.failures, before.until_ns, before.is_over) == (6, seconds(87), False)
    assert (before.incident_drops, after.incident_drops) == (5, 0)
    assert (after.failures, after.until_ns, after.is_over) == (4, seconds(7_310), True)


def test_openings_between_failures_cut_a_burst_and_few_failures_are_none():
    run = MadeRun(SUS)
    for at in (1, 2, 3, 11, 12):
        run.fails(SUS, at, Kind.TIMEOUT, Phase.CONNECT)
    run.story.events.sort(key=lambda event: event.t_ns)
    run.lives(run.opens(SUS, 7), 30)
    [one] = bursts_of(run)
    assert (one.failures, one.until_ns) == (3, seconds(7))
    assert (one.incident_ns, one.incident_drops) == (None, 0)


def test_pairs_of_one_egress_that_fail_at_one_time_are_one_burst():
    run = MadeRun(SUS, OTHER, CTL)
    for at in range(4):
        run.fails(SUS, 10 + at, Kind.TIMEOUT, Phase.CONNECT)
        run.fails(OTHER, 10 + at, Kind.TIMEOUT, Phase.CONNECT)
    for at in range(3):
        run.fails(SUS, 100 + at, Kind.REFUSED, Phase.CONNECT)
        run.lives(run.opens(SUS, 50 + at), 60)
    first, second = bursts_of(run)
    assert (first.failures, first.endpoint, first.egress) == (8, None, "sus")
    assert (second.failures, second.endpoint) == (3, "server")


def test_bursts_that_a_third_one_joins_are_one():
    far = cohort("ctl", endpoint="other")
    run = MadeRun(SUS, CTL, OTHER, far)
    for number in range(4):
        for late, of in enumerate((SUS, far, OTHER)):  # the first two share nothing
            run.fails(of, 62 + 5 * number + late / 10, Kind.TIMEOUT, Phase.CONNECT)
    [one] = bursts_of(run)
    assert (one.failures, one.endpoint, one.egress) == (12, None, None)
    assert one.holds("other", "ctl", seconds(70))
    assert not one.holds("server", "ctl", seconds(70))


def test_what_belongs_to_a_burst():
    [one] = bursts_of(outage())
    assert one.holds("server", "sus", seconds(70))
    assert not one.holds("server", "ctl", seconds(70))
    assert not one.holds("server", "sus", seconds(99))


def test_an_incident_from_which_the_pair_had_recovered_is_not_the_bursts():
    run = outage()
    for at in range(3):
        run.fails(SUS, 150 + at, Kind.TIMEOUT, Phase.CONNECT)
    _, late = bursts_of(run)
    assert late.incident_ns is None


def test_pairs_that_fail_in_other_ways_are_bursts_of_their_own():
    run = MadeRun(SUS, OTHER)
    for at in range(4):
        run.fails(SUS, 10 + at, Kind.TIMEOUT, Phase.CONNECT)
        run.fails(OTHER, 10 + at, Kind.HTTP_REFUSAL, Phase.UPGRADE, status=401)
    assert [one.kinds for one in bursts_of(run)] == [{"timeout": 4}, {"http_refusal": 4}]
