"""Does the comparison keep its word? Thousands of made-up pairs with a known truth.

`python -m bench.calibrate_compare` prints, for pairs without a difference, how often wolf is
cried (at most 5 %), also by two tests that take each session for a witness of its own; for pairs
with a true ratio of 2 and 5, how often the interval covers it (94 to 98 %) and how often the
verdict is `worse` (the power). Exit code 1: a figure is outside. Each pair is a night of 40
sessions a side whose incidents kill eight sessions on average; nothing is read from disk.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import scipy
from msgspec.structs import replace

from bench.night_plan import BASELINE, CANDIDATE, STARTED_UNIX_NS, Night, NightPlan, scenario_of
from stresser.analysis.compare.comparison_verdict import ComparisonVerdict, judge_comparison
from stresser.analysis.compare.incident_rates import compare_rates, upper
from stresser.analysis.compare.run_facts import RunFacts
from stresser.analysis.compare.sides import Side, make_side
from stresser.analysis.counts.cohort_sessions import lifetimes
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.patterns.pattern_figures import find_patterns
from stresser.analysis.patterns.session_lives import Lives
from stresser.analysis.summary.run_reading import SessionsByCohort, pass_on
from stresser.record.reader import RunStatus
from stresser.statistics.rates import rate_ratio

PLAN = NightPlan(
    endpoints=1, seats=40, heartbeat_s=15, incidents=24, ratio=1, mean_size=8, silent_seats=0
)
BURSTS = replace(PLAN, incidents=60, burst_shape=0.7)
_CHUNK = 25
_LEVEL = 0.05


class Pair(NamedTuple):
    """What one pair of sides made of the truth."""

    has_ratio: bool
    excludes_one: bool
    covers: bool
    verdict: ComparisonVerdict
    permutation: bool
    """The permutation test says that drops differ."""
    naive_rate: bool
    """The exact interval of drops, as if each were an incident, excludes 1."""
    naive_log_rank: bool
    """The log-rank test of lifetimes has a p-value below 0.05."""
    low: float
    """Lower end of the exact interval."""


class Row(NamedTuple):
    """A series of pairs."""

    name: str
    plan: NightPlan
    pairs: list[Pair]

    def share(self, hit: Callable[[Pair], bool]) -> float:
        """Of all pairs."""
        return sum(hit(pair) for pair in self.pairs) / len(self.pairs)


def make_facts(plan: NightPlan, seed: int) -> RunFacts:
    """A made-up night as a comparison sees it."""
    facts = read_plan(scenario_of(plan))
    lives = Lives(facts)
    tally = Tally()
    by_cohort = SessionsByCohort(tally)
    pass_on(Night(plan, seed).events(), [tally, lives, by_cohort])
    sessions = by_cohort.sessions
    elapsed_ns = round(plan.seconds * 1e9)
    lives.close(elapsed_ns)
    for one in sessions.values():
        one.record_ends(elapsed_ns)
    return RunFacts(
        name="night",
        tally=tally,
        sessions=sessions,
        patterns=find_patterns(lives, facts, str),
        ran_ns=elapsed_ns,
        elapsed_ns=elapsed_ns,
        anchor_unix_ns=STARTED_UNIX_NS,
        rtt={},
        unfit=[],
        status=RunStatus.COMPLETE,
    )


def compare_pair(plan: NightPlan, seed: int) -> Pair:
    """One pair: two egresses of one made-up night."""
    facts = make_facts(plan, seed)
    sides = make_side(BASELINE, [facts], BASELINE), make_side(CANDIDATE, [facts], CANDIDATE)
    rates = compare_rates(*sides)
    assert rates is not None
    low, high = rates.ratio.interval.low, upper(rates.ratio.interval)
    return Pair(
        has_ratio=rates.ratio.ratio is not None,
        excludes_one=low > 1 or high < 1,
        covers=low <= plan.ratio <= high,
        verdict=judge_comparison(*sides, rates, [], is_one_run=True).verdict,
        permutation=(rates.permutation_p_value or 1) < _LEVEL,
        naive_rate=_excludes_one(*sides),
        naive_log_rank=_log_rank(*sides),
        low=low,
    )


def _excludes_one(baseline: Side, candidate: Side) -> bool:
    ratio = rate_ratio(
        baseline.drops, candidate.drops, baseline.session_hours, candidate.session_hours
    )
    return ratio.interval.low > 1 or ratio.interval.high < 1


def _log_rank(baseline: Side, candidate: Side) -> bool:
    ours, theirs = lifetimes(baseline.sessions), lifetimes(candidate.sessions)
    groups = [
        scipy.stats.CensoredData.right_censored(one.durations, ~one.died) for one in (ours, theirs)
    ]
    return bool(scipy.stats.logrank(*groups).pvalue < _LEVEL)


def _chunk(plan: NightPlan, seeds: range) -> list[Pair]:
    return [compare_pair(plan, seed) for seed in seeds]


def series(name: str, plan: NightPlan, pairs: int, workers: int, first_seed: int) -> Row:
    """Many pairs; the same for the same first seed, whatever the number of workers."""
    chunks = [
        range(start, min(start + _CHUNK, first_seed + pairs))
        for start in range(first_seed, first_seed + pairs, _CHUNK)
    ]
    if workers == 1:
        return Row(name, plan, [pair for seeds in chunks for pair in _chunk(plan, seeds)])
    with ProcessPoolExecutor(workers) as pool:
        found = pool.map(_chunk, [plan] * len(chunks), chunks)
        return Row(name, plan, [pair for part in found for pair in part])


def all_series(pairs: int, workers: int) -> list[Row]:
    """The four questions; half as many pairs for all but the first."""
    half = (pairs + 1) // 2
    return [
        series("A/A", PLAN, pairs, workers, 1_000_000),
        series("A/A, incidents in bursts", BURSTS, half, workers, 2_000_000),
        series("A/B, ratio 2", replace(PLAN, ratio=2.0), half, workers, 3_000_000),
        series("A/B, ratio 5", replace(PLAN, ratio=5.0), half, workers, 4_000_000),
    ]


def judged(rows: list[Row]) -> list[tuple[str, float, float, float]]:
    """What is promised: a name, the share found, the least and the most allowed."""
    alike, bursts, *apart = rows
    return [
        ("A/A: the interval excludes 1", alike.share(lambda p: p.excludes_one), 0.0, 0.05),
        ("A/A: verdict worse", alike.share(_is_worse), 0.0, 0.05),
        ("A/A: permutation test below 0.05", alike.share(lambda p: p.permutation), 0.0, 0.055),
        ("A/A: naive, log-rank of sessions", alike.share(lambda p: p.naive_log_rank), 0.10, 1.0),
        ("A/A: naive, exact ratio of drops", alike.share(lambda p: p.naive_rate), 0.10, 1.0),
        ("A/A in bursts: verdict worse", bursts.share(_is_worse), 0.0, 0.05),
        *(
            (f"{row.name}: the interval covers it", row.share(lambda p: p.covers), 0.94, 0.98)
            for row in apart
        ),
    ]


def _is_worse(pair: Pair) -> bool:
    return pair.verdict is ComparisonVerdict.WORSE


def _report(rows: list[Row]) -> bool:
    met = True
    for name, share, least, most in judged(rows):
        is_met = least <= share <= most
        met &= is_met
        goal = f"{least:.0%} to {most:.1%}" if least else f"at most {most:.1%}"
        print(f"{name:42} {share:7.2%}  {goal:>16}  {'met' if is_met else 'MISSED'}")
    print()
    bursts = rows[1].share(lambda p: p.low > 1)
    print(f"A/A in bursts, by the exact interval alone: {bursts:.2%} would be called worse")
    for row in rows:
        verdicts = Counter(pair.verdict for pair in row.pairs)
        told = ", ".join(f"{v} {verdicts[v] / len(row.pairs):.1%}" for v in ComparisonVerdict)
        print(f"{row.name} ({len(row.pairs):,} pairs): {told}")
    return met


def main() -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    return 0 if _report(all_series(options.pairs, options.workers)) else 1


if __name__ == "__main__":
    sys.exit(main())
