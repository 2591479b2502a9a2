import pytest

from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.run_reading import SessionsByCohort, pass_on
from stresser.analysis.views.curves import QUANTILES, quantile_curves, survival_curves
from stresser.model.quantity import Quantity
from stresser.statistics.duration_counts import SparseCounts
from tests.analysis.story import DIRECT, VPN, Story, idle_kill_story


def sessions_of(story):
    tally = Tally()
    by_cohort = SessionsByCohort(tally)
    pass_on(story.events, [tally, by_cohort])
    return by_cohort.sessions


def test_one_survival_curve_an_egress():
    direct, vpn = survival_curves(sessions_of(idle_kill_story()))
    assert (direct.egress, direct.sessions, direct.died, direct.median_s) == ("direct", 20, 0, None)
    assert (direct.times_s, direct.share) == ([0.0], [1.0])
    assert (vpn.egress, vpn.died) == ("vpn", 20)
    assert vpn.share[0] == 1
    assert vpn.share[-1] == 0
    assert vpn.median_s == pytest.approx(6, abs=1)
    assert vpn.low[1] is not None
    assert vpn.high[1] is not None
    assert vpn.low[1] <= vpn.share[1] <= vpn.high[1]


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    story = Story([VPN], 1)
    for n in range(900):
        story.drops(story.opens(VPN, 0), 1 + n / 10)
    [vpn] = survival_curves(sessions_of(story))
    assert len(vpn.times_s) <= 301
    assert (vpn.times_s[1], vpn.times_s[-1]) == (1, 90.9)
    assert vpn.share[-1] == 0


def test_quantiles_are_drawn_only_as_far_as_there_are_samples():
    distributions = {
        (Quantity.RTT, DIRECT): SparseCounts.of(
            range(1_000_000, 101_000_000, 1_000_000)
        ).distribution(),
        (Quantity.RTT, VPN): SparseCounts.of([5_000_000]).distribution(),
        (Quantity.LOOP_LAG, None): SparseCounts.of([1]).distribution(),
    }
    direct, vpn = quantile_curves(distributions)
    assert (direct.quantity, direct.egress, direct.count) == ("rtt", "direct", 100)
    reached = dict(zip(QUANTILES, direct.values_ns, strict=False))
    assert reached[0.5] == pytest.approx(50_000_000, rel=0.01)
    assert max(reached) == 0.99
    assert len(vpn.values_ns) == 1
