import numpy as np
import pytest

from stresser.analysis.compare.durations import compare_durations
from stresser.analysis.compare.run_facts import read_run_facts
from stresser.analysis.compare.sides import make_side
from stresser.model.events import RunEnded, SessionOpened
from stresser.statistics.duration_counts import SparseCounts
from stresser.statistics.merged_counts import packed_counts
from tests.analysis.sides_story import DIRECT, HOUR, VPN, Quantity
from tests.analysis.story import Story, seconds

pytestmark = pytest.mark.slow


def made_facts(tmp_path, direct_ms, vpn_ms, sessions=200, seed=1):
    random = np.random.default_rng(seed)
    story = Story([DIRECT, VPN], sessions)
    for cohort, middle in ((DIRECT, direct_ms), (VPN, vpn_ms)):
        for _ in range(sessions):
            story.opens(cohort, 1)
            opened = story.events[-1]
            assert isinstance(opened, SessionOpened)
            opened.phases_ns = {"tls": int(random.lognormal(np.log(middle), 0.3) * 1e6)}
    story.stops(HOUR)
    return read_run_facts(story.recorded(tmp_path / f"run{seed}"))


def rows_of(facts, *, is_one_run=True):
    sides = make_side("direct", [facts], "direct"), make_side("vpn", [facts], "vpn")
    rows = compare_durations(*sides, is_one_run=is_one_run)
    return {(row.quantity, row.quantile): row for row in rows}


def test_a_slower_handshake_is_found_with_its_interval(tmp_path):
    rows = rows_of(made_facts(tmp_path, 20, 60))
    row = rows["tls", 0.5]
    assert row.baseline_ns == pytest.approx(20e6, rel=0.1)
    assert row.candidate_ns == pytest.approx(60e6, rel=0.1)
    assert row.low_ns < row.candidate_ns - row.baseline_ns < row.high_ns
    assert row.is_certain
    assert row.resampled == "sessions"
    assert set(rows) == {("tls", 0.5), ("tls", 0.95), ("handshake", 0.5), ("handshake", 0.95)}


def test_intervals_of_equal_sides_hold_together(tmp_path):
    """All four of one comparison contain the truth in 95 %: of 60, seven may fail by chance."""
    failed = 0
    for seed in range(60):
        rows = rows_of(made_facts(tmp_path, 30, 30, sessions=60, seed=seed))
        failed += any(row.is_certain for row in rows.values())
    assert failed <= 7


def test_the_interval_is_as_wide_as_resampling_makes_it(tmp_path):
    facts = made_facts(tmp_path, 20, 60, seed=3)
    row = rows_of(facts)["tls", 0.5]
    values, others = (
        np.asarray(facts.sessions[cohort].phases["tls"].values) for cohort in (DIRECT, VPN)
    )
    random = np.random.default_rng(5)
    drawn = [
        np.quantile(random.choice(others, len(others)), 0.5, method="inverted_cdf")
        - np.quantile(random.choice(values, len(values)), 0.5, method="inverted_cdf")
        for _ in range(8000)
    ]
    tail = 0.05 / 4 / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    assert row.low_ns == pytest.approx(low, rel=0.04)
    assert row.high_ns == pytest.approx(high, rel=0.04)


def test_too_few_sessions_are_not_compared(tmp_path):
    assert rows_of(made_facts(tmp_path, 20, 60, sessions=19)) == {}


def rtt_facts(tmp_path, shift_ms, name="rtt"):
    """Round trips whose middle moves with the time, alike on both egresses."""
    random = np.random.default_rng(7)
    facts = made_facts(tmp_path, 20, 20, sessions=1)
    for cohort, more in ((DIRECT, 0), (VPN, shift_ms)):
        blocks = facts.rtt[cohort] = {}
        for block in range(48):
            middle = 20 + 10 * np.sin(block / 8) + more
            values = (random.normal(middle, 0.5, 200) * 1e6).astype(int).tolist()
            blocks[block] = counts_of(values)
    return facts


def counts_of(values):
    return packed_counts(SparseCounts.of(values).buckets())


def test_round_trips_are_compared_by_blocks_of_time(tmp_path):
    row = rows_of(rtt_facts(tmp_path, 3))["rtt", 0.5]
    assert row.resampled == "blocks of time"
    assert row.low_ns < 3e6 < row.high_ns
    assert row.is_certain


def test_the_same_blocks_on_both_egresses_cancel_what_the_hour_did(tmp_path):
    facts = rtt_facts(tmp_path, 0.5)
    paired, apart = rows_of(facts)["rtt", 0.5], rows_of(facts, is_one_run=False)["rtt", 0.5]
    assert (paired.high_ns - paired.low_ns) * 2 < apart.high_ns - apart.low_ns
    assert not apart.is_certain


def test_round_trips_come_from_the_histogram_log(tmp_path):
    story = Story([DIRECT, VPN], 1)
    story.samples(Quantity.RTT, VPN, *[30] * 50)
    story.opens(VPN, 1)
    story.events.append(RunEnded(t_ns=seconds(60), utc="", reason="duration"))
    facts = read_run_facts(story.recorded(tmp_path / "run"))
    assert sum(counts.count for counts in facts.rtt[VPN].values()) == 50
    assert DIRECT not in facts.rtt
