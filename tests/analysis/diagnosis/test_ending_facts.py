"""What endings say is kept once; what is known of each comes back as it was."""

from array import array

from stresser.analysis.diagnosis.ending_facts import OwnDrops, OwnFact, OwnRows
from stresser.analysis.diagnosis.run_evidence import RunEvidence
from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import MadeRun, cohort


def evidence_of(*drops: tuple[float, Kind]) -> RunEvidence:
    run = MadeRun(cohort("sus"))
    for at, kind in drops:
        run.drops(run.opens(cohort("sus"), 0), at, kind)
    return run.case().evidence


def test_endings_that_say_the_same_share_what_they_say():
    first, second, other = evidence_of(
        (4, Kind.TCP_RESET), (5, Kind.TCP_RESET), (6, Kind.TCP_FIN)
    ).drops.values()
    assert first.fact is second.fact
    assert first.fact is not other.fact
    assert (first.fact.kind, other.fact.kind) == (Kind.TCP_RESET, Kind.TCP_FIN)


def test_each_has_its_own_numbers():
    first, second = evidence_of((4, Kind.TCP_RESET), (5, Kind.TCP_RESET)).drops.values()
    assert second.t_ns - first.t_ns == 10**9
    assert second.attempt != first.attempt
    assert first.port != second.port
    assert first.hops is None


def test_of_a_session_that_ended_twice_the_later_is_told():
    rows = OwnRows()
    known = OwnDrops(rows)
    for session, row in ((7, 0), (3, 1), (7, 2)):
        known.add(session, OwnFact(rows, row))
    assert list(known.rows(array("q", [3, 4, 7, 9, 1]))) == [1, -1, 2, -1, -1]
    assert (known[7].row, list(known), 4 in known) == (2, [7, 3], False)
    assert list(OwnDrops(rows).rows(array("q", [3]))) == [-1]
