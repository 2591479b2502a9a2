"""By how much handshakes and round trips differ between two sides.

Handshakes are known session by session: sessions are resampled. A resampled quantile is an order
statistic, and the k-th of n uniform draws is Beta(k, n - k + 1), so one draw gives what drawing n
sessions would (David and Nagaraja 2003, section 2.1). Round trips are known as histograms alone:
blocks of the runs' time are resampled, which keeps together what one bad quarter of an hour made;
where both sides are of one run, the same blocks on both. Intervals hold jointly: their level is
raised for their number (Bonferroni). Pure; seeded.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

from stresser.analysis.compare.sides import Side
from stresser.analysis.counts.cohort_sessions import HANDSHAKE
from stresser.analysis.counts.rtt_blocks import BLOCKS
from stresser.model.quantity import Quantity
from stresser.statistics.duration_counts import bucket_range
from stresser.statistics.merged_counts import PackedCounts, added_up
from stresser.statistics.numerics import Generator, Numbers, np

_PHASES = ("before_answer", "resolve", "connect", "proxy", "tls", "upgrade", "open", HANDSHAKE)
_SESSION_SHARES = (0.5, 0.95)
_RTT_SHARES = (0.5, 0.99)
_RESAMPLED = 20_000
_RESAMPLED_BLOCKS = 4_000
_CHUNK = 20
_FEWEST_SESSIONS = 20
_FEWEST_BLOCKS = 8
_SEED = 20_261_123
_CONFIDENCE = 0.95


class DurationDifference(Struct, frozen=True, kw_only=True):
    """One quantile on both sides. Nanoseconds."""

    quantity: str
    """A phase, `handshake` for all of them together, or `rtt`."""
    quantile: float
    baseline_ns: int
    candidate_ns: int
    low_ns: int
    high_ns: int
    """Of candidate minus baseline; all intervals of one comparison hold together in 95 %."""
    resampled: str
    """What stood for an independent witness: `sessions`, `blocks of time`."""

    @property
    def is_certain(self) -> bool:
        """The interval does not contain 0."""
        return self.low_ns > 0 or self.high_ns < 0


def compare_durations(
    baseline: Side, candidate: Side, *, is_one_run: bool
) -> list[DurationDifference]:
    """The quantiles that both sides have enough of."""
    phases = [name for name in _PHASES if _is_known(baseline, name) and _is_known(candidate, name)]
    ours, theirs = _rtt_blocks(baseline), _rtt_blocks(candidate)
    has_rtt = min(len(ours), len(theirs)) >= _FEWEST_BLOCKS
    number = len(phases) * len(_SESSION_SHARES) + has_rtt * len(_RTT_SHARES)
    level = 1 - (1 - _CONFIDENCE) / max(number, 1)
    random = np.random.default_rng(_SEED)
    found = []
    for name in phases:
        values, other_values = _values(baseline, name), _values(candidate, name)
        found += [
            _of_sessions(name, share, values, other_values, level, random)
            for share in _SESSION_SHARES
        ]
    if has_rtt:
        found += _of_blocks(
            ours, theirs, level, random, is_paired=is_one_run and len(ours) == len(theirs)
        )
    return found


def _is_known(side: Side, phase: str) -> bool:
    """Whether enough of its sessions were timed."""
    known = sum(len(one.phases[phase].values) for one in side.sessions if phase in one.phases)
    return known >= _FEWEST_SESSIONS


def _values(side: Side, phase: str) -> Numbers:
    """In order. Of four bytes or eight, as they were kept."""
    values = np.concatenate(
        [one.phases[phase].values for one in side.sessions if phase in one.phases]
    )
    values.sort()
    return values


def _of_sessions(
    name: str,
    share: float,
    values: Numbers,
    other_values: Numbers,
    level: float,
    random: Generator,
) -> DurationDifference:
    resampled = _resampled(other_values, share, random) - _resampled(values, share, random)
    return _difference(
        name,
        share,
        int(values[_rank(values, share) - 1]),
        int(other_values[_rank(other_values, share) - 1]),
        resampled,
        level,
        "sessions",
    )


def _rank(values: Numbers, share: float) -> int:
    """Of the least value that a share of all does not exceed, from 1."""
    return max(math.ceil(share * len(values) * (1 - 1e-12)), 1)


def _resampled(values: Numbers, share: float, random: Generator) -> Numbers:

    rank = _rank(values, share)
    uniform = random.beta(rank, len(values) - rank + 1, _RESAMPLED)
    places = np.minimum(np.ceil(uniform * len(values)).astype(int), len(values)) - 1
    drawn: Numbers = values[np.maximum(places, 0)].astype(np.int64)
    return drawn


def _rtt_blocks(side: Side) -> list[PackedCounts]:
    """The round trips of each block of each run's time; a block without any is an empty one."""
    blocks: list[PackedCounts] = []
    for part in side.parts:
        rtt = [part.facts.rtt.get(cohort, {}) for cohort in part.cohorts]
        of_block = [[one[place] for one in rtt if place in one] for place in range(BLOCKS)]
        blocks += map(added_up, of_block) if any(of_block) else []
    return blocks


def _of_blocks(
    ours: Sequence[PackedCounts],
    theirs: Sequence[PackedCounts],
    level: float,
    random: Generator,
    *,
    is_paired: bool,
) -> list[DurationDifference]:

    buckets = np.unique(np.concatenate([block.indices for block in (*ours, *theirs)]))
    values = np.asarray([bucket_range(index)[1] for index in buckets.tolist()])
    weights = _weights(len(ours), random)
    whole, drawn = [], []
    for blocks in (ours, theirs):
        if blocks is theirs and not is_paired:
            weights = _weights(len(theirs), random)
        table = _table(blocks, buckets)
        whole.append(values[_at(table.sum(axis=0)[None, :])])
        drawn.append(values[_quantiles(weights, table)])
        del table  # of many different round trips it is megabytes
    return [
        _difference(
            Quantity.RTT.value,
            share,
            int(whole[0][place, 0]),
            int(whole[1][place, 0]),
            drawn[1][place] - drawn[0][place],
            level,
            "blocks of time",
        )
        for place, share in enumerate(_RTT_SHARES)
    ]


def _table(blocks: Sequence[PackedCounts], buckets: Numbers) -> Numbers:
    """Counts by block, running up over the buckets."""
    table = np.zeros((len(blocks), len(buckets)))
    for row, counts in enumerate(blocks):
        table[row, np.searchsorted(buckets, counts.indices)] = counts.times
    return np.cumsum(table, axis=1, out=table)


def _weights(blocks: int, random: Generator) -> Numbers:
    """How often each block is drawn, a row for each time that all are."""
    chunks = range(0, _RESAMPLED_BLOCKS, _CHUNK)
    drawn = (random.multinomial(blocks, [1 / blocks] * blocks, _CHUNK) for _ in chunks)
    return np.concatenate([one.astype(np.int16) for one in drawn])


def _quantiles(weights: Numbers, table: Numbers) -> Numbers:
    chunks = [
        _at(weights[start : start + _CHUNK] @ table) for start in range(0, len(weights), _CHUNK)
    ]
    return np.concatenate(chunks, axis=1)


def _at(running: Numbers) -> Numbers:
    """For each share, in each row, the place by which it is reached."""
    return np.array([
        np.argmax(running >= share * running[:, -1:] * (1 - 1e-12), axis=1)
        for share in _RTT_SHARES
    ])  # fmt: skip


def _difference(
    name: str,
    share: float,
    baseline_ns: int,
    candidate_ns: int,
    drawn: Numbers,
    level: float,
    resampled: str,
) -> DurationDifference:

    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], method="inverted_cdf")
    return DurationDifference(
        quantity=name,
        quantile=share,
        baseline_ns=baseline_ns,
        candidate_ns=candidate_ns,
        low_ns=int(low),
        high_ns=int(high),
        resampled=resampled,
    )
