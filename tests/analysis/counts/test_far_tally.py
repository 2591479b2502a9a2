"""What the two kernels counted, added up."""

from typing import Any

import pytest
from msgspec.structs import replace

from stresser.analysis.counts.far_tally import BothEndsFigures, FarTally
from stresser.analysis.counts.percentiles import Distributions
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.far_end import FarEnd, OneWay
from stresser.model.quantity import Quantity
from stresser.statistics.duration_counts import Distribution, SparseCounts
from tests.record.sample_events import session_ended

S = 10**9
CLEAN = OneWay(sent=50, arrived=50)
ENDED = session_ended()  # at 1.5 s, from port 50123


def distribution(*values_ms: int) -> Distribution:
    return SparseCounts.of(one * 10**6 for one in values_ms).distribution()


DISTRIBUTIONS: Distributions = {
    (Quantity.VARIATION_THERE, Cohort("a", "vpn", "h")): distribution(1, 2),
    (Quantity.VARIATION_THERE, Cohort("b", "vpn", "h")): distribution(30),
    (Quantity.VARIATION_THERE, Cohort("a", "direct", "h")): distribution(9000),
    (Quantity.VARIATION_BACK, Cohort("a", "vpn", "h")): distribution(4),
    (Quantity.RTT, Cohort("a", "vpn", "h")): distribution(7000),
}


def far(peer: str = "203.0.113.9:50123", **more: Any) -> FarEnd:
    base = FarEnd(within_ns=0, known_until_ns=2 * S, peer=peer)
    return replace(base, **more)


def ways(there: OneWay, back: OneWay) -> dict[str, Any]:
    return {"there": there, "back": back}


def figures(*ends: FarEnd) -> BothEndsFigures:
    tally = FarTally()
    for one in ends:
        tally.ended(ENDED, one)
    return tally.figures("vpn", DISTRIBUTIONS)


def test_loss_is_told_by_direction():
    lossy = ways(OneWay(sent=100, again=8, arrived=93), OneWay(sent=50, arrived=50))
    found = figures(far(**lossy), far(**lossy), far())
    assert (found.sessions, found.split) == (3, 0)
    assert (found.there.sent, found.there.lost, found.there.share) == (200, 14, 0.07)
    assert (found.back.lost, found.back.share) == (0, 0.0)


def test_what_is_on_its_way_at_one_session_makes_up_for_another():
    late = ways(OneWay(sent=100, arrived=101), OneWay(sent=50, arrived=50))
    early = ways(OneWay(sent=100, arrived=99), OneWay(sent=50, arrived=50))
    assert figures(far(**late), far(**early)).there.lost == 0


def test_what_was_never_sent_again_was_not_lost():
    """A box that ends TCP puts the first three segments of each session together in two."""
    joined = ways(OneWay(sent=3, arrived=2), OneWay(sent=1, arrived=1))
    found = figures(*[far(**joined)] * 22)
    assert (found.there.sent, found.there.lost, found.split) == (66, 0, 0)


def test_what_arrived_later_is_no_negative_loss():
    late = ways(OneWay(sent=100, arrived=101), OneWay(sent=50, arrived=50))
    assert figures(far(**late)).there.lost == 0


def test_one_end_may_hold_it_for_longer_or_the_other_as_far_as_the_clocks_tell():
    """It ended here at 1.5 s."""
    earlier = far(kind=Kind.TCP_RESET, at_ns=S // 2, within_ns=S // 10)
    assert figures(earlier).half_open_ns == S - S // 10
    assert figures(far(known_until_ns=S)).half_open_ns == 0  # it was not asked any more


def test_counts_of_two_connections_are_not_compared():
    split = ways(OneWay(sent=100, again=0, arrived=60), OneWay(sent=50, arrived=50))
    found = figures(far(**split))
    assert (found.split, found.there.sent, found.back.sent) == (1, 0, 0)


@pytest.mark.parametrize(
    "way",
    [
        # As measured: pings every 50 ms, none arrived for a second. What was lost was sent again
        # as one segment.
        OneWay(sent=140, again=4, arrived=132),
        OneWay(sent=60, unacked=40, arrived=20),  # on their way: a message of 64 KiB
        OneWay(sent=50, arrived=55),  # the question was late, and five more had arrived
    ],
)
def test_what_one_connection_can_count_is_no_split(way):
    for ends in (ways(way, CLEAN), ways(CLEAN, way)):
        found = figures(far(**ends))
        assert (found.split, found.there.sent, found.back.sent) == (0, 0, 0)


def test_addresses_ports_and_who_held_it_for_longer():
    found = figures(
        far(kind=Kind.TCP_RESET, at_ns=9 * S),
        far("203.0.113.9:1", kind=Kind.TCP_RESET, at_ns=S),
        far("198.51.100.4:50123", known_until_ns=4 * S),
    )
    assert found.addresses == ["203.0.113.9", "198.51.100.4"]
    assert found.ports_rewritten == 1
    assert found.half_open_ns == 9 * S - 3 * S // 2


def test_how_delays_vary_is_of_all_cohorts_of_the_egress():
    found = figures(far())
    assert found.varied_there is not None
    assert found.varied_back is not None
    assert (found.varied_there.count, found.varied_back.count) == (3, 1)
    assert found.varied_there.max_ns == pytest.approx(30 * 10**6, rel=0.001)
    elsewhere = FarTally().figures("other", DISTRIBUTIONS)
    assert (elsewhere.varied_there, elsewhere.varied_back) == (None, None)
