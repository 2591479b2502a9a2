"""What endings say is kept once; what is known of each comes back as it was."""

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
