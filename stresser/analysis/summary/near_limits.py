"""Whether a run came near what its machine can do: then its figures may be the tester's.

The limits are those that `stresser doctor --measure` found before the run, from its manifest.
"""

from collections.abc import Iterator
from typing import Final

from stresser.analysis.counts.percentiles import Distributions
from stresser.analysis.counts.run_tally import Tally
from stresser.model.measured_limits import MeasuredLimits
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S, escaped, format_duration

_NEAR: Final = 0.8
"""A run within a fifth of a limit is near it."""


def near_limits(
    limits: MeasuredLimits | None, tally: Tally, ran_ns: int, distributions: Distributions
) -> list[str]:
    """Each limit that was near, in one sentence, and what that means; none where none was."""
    if limits is None:
        return []
    near = ", ".join(_near(limits, tally, ran_ns, distributions))
    day = escaped(limits.measured_utc)[:10]
    late, dated = format_duration(limits.timer_p99_ns), format_duration(limits.dating_p99_ns)
    means = (
        f"So near its limits this machine notices things up to {late} late, and dates many endings"
        f" at once within {dated}."
    )
    return [f"Near this machine's limits (measured {day}): {near}.", means] if near else []


def _near(
    limits: MeasuredLimits, tally: Tally, ran_ns: int, distributions: Distributions
) -> Iterator[str]:
    pongs = sum(one.count for (what, _), one in distributions.items() if what is Quantity.RTT)
    for used, limit, what in (
        (sum(one.peak_open for one in tally.cohorts.values()), limits.sessions, "sessions"),
        (tally.most_opened, limits.handshakes_per_second, "handshakes a second"),
        (pongs * NS_PER_S / max(ran_ns, 1), limits.pings_per_second, "pings a second"),
    ):
        if used >= _NEAR * limit:
            yield f"{used:,.0f} of {limit:,.0f} {what}"
