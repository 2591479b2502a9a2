"""When a run is said to have come near what its machine can do."""

import pytest
from msgspec.structs import replace

from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.near_limits import near_limits
from stresser.analysis.summary.summary import summarise
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.statistics.duration_counts import Distribution, SparseCounts
from tests.analysis.story import VPN, Story
from tests.model.test_measured_limits import LIMITS

Key = tuple[Quantity, Cohort | None]


def said(*, sessions: int = 1, in_a_second: int = 1, pongs: int = 0) -> str:
    story = Story([VPN], 10 * sessions)  # most of those that were asked for never opened
    for number in range(sessions):
        story.opens(VPN, 1 + number // in_a_second)
    tally = Tally()
    for event in story.events:
        tally.event(event)
    rtt = SparseCounts()
    if pongs:
        rtt.add_bucket(5, pongs)
    others = SparseCounts()
    others.add_bucket(5, 1_000_000)  # of what is no pong
    distributions: dict[Key, Distribution] = {
        (Quantity.RTT, VPN): rtt.distribution(),
        (Quantity.LOOP_LAG, None): others.distribution(),
    }
    limits = replace(LIMITS, memory_bytes=LIMITS.bytes_a_session * 200)
    return " ".join(near_limits(limits, tally, 10 * NS_PER_S, distributions))


def test_far_from_every_limit_nothing_is_said():
    assert said(sessions=159, in_a_second=79, pongs=7_999) == ""


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"sessions": 160}, "160 of 200 sessions."),
        ({"sessions": 80, "in_a_second": 80}, "80 of 100 handshakes a second."),
        ({"pongs": 8_000}, "800 of 1,000 pings a second."),
        (
            {"sessions": 180, "in_a_second": 90},
            "180 of 200 sessions, 90 of 100 handshakes a second.",
        ),
    ],
)
def test_within_a_fifth_of_a_limit_it_is_named(run, words):
    assert said(**run) == (
        f"Near this machine's limits (measured 2026-11-30): {words} So near its limits this machine"
        " notices things up to 2 ms late, and dates many endings at once within 1 ms."
    )


def test_where_nothing_was_measured_nothing_is_said():
    assert near_limits(None, Tally(), NS_PER_MS, {}) == []


def test_rates_are_those_of_all_processes_of_a_run(tmp_path):
    story = Story([VPN], 1)
    for number in range(90):
        story.opens(VPN, 1 + number // 90)
    story.stops(10)
    limits = replace(LIMITS, memory_bytes=LIMITS.bytes_a_session * 10_000)
    for workers, processors, is_near in ((1, 4, True), (2, 4, False), (2, 1, True)):
        path = tmp_path / f"{workers} of {processors}"
        host = {"usable_processors": processors}
        run = story.recorded(path, measured=limits, workers=workers, host=host)
        assert bool(summarise(run).near_limits) is is_near
