import pytest
from msgspec.structs import replace

from bench.night import measure
from bench.night_folder import write_night
from bench.night_plan import BASELINE, CANDIDATE, Night, NightPlan
from stresser.analysis.compare.comparison import compare_sides
from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.compare.sides import make_side
from stresser.analysis.summary.summary import summarise
from stresser.model.cohort import Cohort
from stresser.model.events import RunEnded, RunStarted, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity
from stresser.record.reader import open_run

pytestmark = pytest.mark.slow


PLAN = NightPlan(
    hours=1, endpoints=2, seats=15, incidents=12, ratio=4, silent_share=0, silent_seats=2
)
"""With no unannounced incidents: those of an hour so full cannot all be told apart."""


def test_every_session_opens_and_ends_once_in_order():
    night = Night(PLAN, 1)
    events = night.events()
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    opened = [e.session for e in events if isinstance(e, SessionOpened)]
    ended = [e.session for e in events if isinstance(e, SessionEnded)]
    assert sorted(opened) == sorted(ended) == list(range(1, night.truth.sessions + 1))
    assert [e.t_ns for e in events[:-1]] == sorted(e.t_ns for e in events[:-1])


def test_the_same_seed_makes_the_same_night():
    assert Night(PLAN, 5).events() == Night(PLAN, 5).events()
    assert Night(PLAN, 5).events() != Night(PLAN, 6).events()


def test_bursts_vary_more_than_independent_incidents():
    calm, bursts = (
        [
            len(Night(replace(PLAN, burst_shape=shape, hours=8), seed)._times(50))
            for seed in range(60)
        ]
        for shape in (None, 0.3)
    )

    def spread(numbers):
        mean = sum(numbers) / len(numbers)
        return sum((n - mean) ** 2 for n in numbers) / len(numbers) / mean

    assert spread(calm) < 2
    assert spread(bursts) > 5


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return write_night(tmp_path_factory.mktemp("night"), PLAN, 3)


def test_the_folder_is_a_genuine_run(night):
    path, truth = night
    summary = summarise(open_run(path))
    assert summary.doubts == []
    assert summary.status == "complete"
    assert summary.total.drops == truth.drops
    assert summary.total.sessions == truth.sessions
    pings = 2 * 2 * PLAN.seats * PLAN.seconds / PLAN.heartbeat_s
    assert summary.total.percentiles["rtt"].count == pytest.approx(pings, rel=0.03)
    cohort = Cohort("broker-1", "vpn", "silent")
    assert (Quantity.RTT, cohort) not in open_run(path).histograms()


def test_the_comparison_finds_what_was_planted(night):
    path, truth = night
    facts = read_run_facts(open_run(path))
    found = compare_sides(*(make_side(name, [facts], name) for name in (BASELINE, CANDIDATE)))
    assert found.rates is not None
    assert found.rates.baseline.incidents == pytest.approx(truth.incidents[BASELINE], abs=2)
    assert found.rates.candidate.incidents == pytest.approx(truth.incidents[CANDIDATE], rel=0.1)
    assert found.verdict == "worse"
    handshake = next(row for row in found.durations if row.quantity == "handshake")
    assert handshake.candidate_ns == pytest.approx(3 * handshake.baseline_ns, rel=0.1)


def test_the_cost_of_a_command_is_measured(night):
    cost = measure(["compare", str(night[0]), "--egress", BASELINE, CANDIDATE])
    assert cost.code == 1
    assert 0.1 < cost.seconds < 60
    assert 30 < cost.peak_mb < 500
