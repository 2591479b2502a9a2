import pytest

from stresser.analysis.diagnosis.candidate import Candidate
from stresser.analysis.diagnosis.controls import locate
from stresser.analysis.diagnosis.diagnosis import Mechanism, Where
from stresser.model.ending import Kind, Phase
from tests.analysis.diagnosis.made_runs import MadeRun, cohort


def outcome(dead: list[tuple[str, str]], alive: list[tuple[str, str]]) -> Where:
    """Where drops of some pairs happened beside sessions of others that lived."""
    run = MadeRun(*(cohort(egress, endpoint=endpoint) for endpoint, egress in dead + alive))
    kept = [run.opens(cohort(g, endpoint=e), 0.1 * n) for e, g in alive for n in range(4)]
    for endpoint, egress in dead:
        for n in range(4):
            run.drops(run.opens(cohort(egress, endpoint=endpoint), 0.1 * n), 5, Kind.TCP_RESET)
    for one in kept:
        run.lives(one, 9)
    case = run.case()
    drops = frozenset(one.number for one in case.drops)
    candidate = Candidate(
        mechanism=Mechanism.STATE_LOST, drops=drops, through=lambda life: life.proved_age_ns > 0
    )
    return locate(candidate, case).where


@pytest.mark.parametrize(
    ("dead", "alive", "where"),
    [
        ([("a", "sus")], [("a", "ctl")], Where.EGRESS),
        ([("a", "sus"), ("b", "sus")], [("a", "ctl"), ("b", "ctl")], Where.EGRESS),
        ([("a", "sus"), ("a", "ctl")], [("b", "sus"), ("b", "ctl")], Where.ENDPOINT),
        ([("a", "sus"), ("a", "ctl")], [], Where.SHARED),
        ([("a", "sus"), ("b", "sus"), ("a", "ctl"), ("b", "ctl")], [], Where.SHARED),
        ([("a", "sus")], [], Where.UNKNOWN),
        ([("a", "sus")], [("b", "sus")], Where.UNKNOWN),
        ([("a", "sus")], [("b", "ctl")], Where.UNKNOWN),
    ],
)
def test_where_is_told_by_what_lived(dead, alive, where):
    assert outcome(dead, alive) == where


@pytest.mark.parametrize(
    ("url", "activity", "where", "unproved"),
    [
        ("tcp://broker.example.net:1883", "hb", "unknown", 1),
        ("tcp://broker.example.net:1883", "broker", "egress", 0),
        ("tls://broker.example.net:8883", "hb", "egress", 0),
    ],
)
@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.TIMEOUT])
def test_who_merely_accepts_is_no_control(url, activity, where, unproved, kind):
    ours, theirs = cohort("sus", activity), cohort("ctl", activity)
    run = MadeRun(ours, theirs, activities={"broker": {"kind": "mqtt"}})
    run.scenario["endpoints"] = [{"name": "server", "url": url}]
    kept = [run.opens(theirs, n) for n in range(4)]
    for n in range(8):
        run.fails(ours, n, kind, Phase.CONNECT)
    for one in kept:
        run.lives(one, 9)
    found = run.only()
    assert found.where == where
    assert sum("through ctl somebody accepts" in one for one in found.unproved) == unproved
