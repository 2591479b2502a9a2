"""RTT by cohort and stretch of a run, bounded."""

from stresser.analysis.counts import rtt_blocks
from stresser.analysis.counts.rtt_blocks import BLOCKS, RttBlocks
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS
from stresser.record.histogram_log import LoggedInterval
from stresser.statistics.duration_counts import bucket_of
from stresser.statistics.merged_counts import packed_counts
from tests.analysis.story import VPN, seconds


def interval(at, quantity=Quantity.RTT, cohort=VPN):
    counts = packed_counts({bucket_of(20 * NS_PER_MS): 1})
    return LoggedInterval((quantity, cohort), seconds(at), seconds(at + 1), counts)


def test_each_interval_falls_into_its_stretch_of_the_run():
    blocks = RttBlocks(seconds(BLOCKS))
    for at in (0, 0.5, 7, BLOCKS + 5):  # the last one begins after the last event
        blocks.add(interval(at))
    assert sorted(blocks.by_cohort[VPN]) == [0, 7, BLOCKS - 1]


def test_other_quantities_and_the_whole_run_are_left_alone():
    blocks = RttBlocks(seconds(10))
    blocks.add(interval(1, Quantity.LOOP_LAG, None))
    blocks.add(interval(1, Quantity.TLS))
    assert blocks.by_cohort == {}


def test_what_has_no_room_is_counted(monkeypatch):
    monkeypatch.setattr(rtt_blocks, "_MOST_BUCKETS", 1)
    blocks = RttBlocks(seconds(10))
    blocks.add(interval(1))
    blocks.add(interval(5))
    assert blocks.refused == 1
