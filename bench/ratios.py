"""Owns a comparison's arithmetic: pairs of figures in, medians of ratios and goals out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row of the table."""

    key: str
    title: str
    goal: float | None
    """The largest ratio to the floor that is wanted; None: shown without a goal."""
    flat: bool = False
    """It should not depend on the number of sessions."""


QUANTITIES = (
    Quantity("kib_per_session", "KiB of resident memory per held session", 1.5, flat=True),
    Quantity("cpu_per_1000_handshakes", "CPU s per 1,000 handshakes", 1.3, flat=True),
    Quantity("cpu_per_100000_pings", "CPU s per 100,000 ping round trips", 1.3, flat=True),
    Quantity("attempts_per_second", "attempts per second", None),
    Quantity("cpu_to_first_syn", "CPU s from the start to the first connection", None),
    Quantity("seconds_to_first_syn", "seconds from the start to the first connection", None),
)
_WITNESSES_MAY_COST = 1.1
_BESIDE_OLD = {"kib_per_session": 1.0, "cpu_per_100000_pings": 0.65}


def quantities_beside(baseline: str) -> tuple[Quantity, ...]:
    """The rows and goals for a baseline: the floor, an older build, or fewer witnesses."""
    match baseline:
        case "floor":
            return QUANTITIES
        case "old":
            return tuple(replace(one, goal=_BESIDE_OLD.get(one.key)) for one in QUANTITIES)
        case _:
            return tuple(
                replace(one, goal=_WITNESSES_MAY_COST, flat=False) if one.goal else one
                for one in QUANTITIES
            )


FLAT_GOAL = 1.3
"""Largest over smallest figure over all numbers of sessions; a handshake's is good to 15 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity at one number of sessions."""

    quantity: Quantity
    sessions: int
    floor: float
    stresser: float
    ratio: float
    """Median of the ratios of the pairs, which is not the ratio of the medians."""
    lowest: float
    highest: float
    pairs: int

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.quantity.goal is None else self.ratio <= self.quantity.goal


def compare(quantity: Quantity, sessions: int, pairs: Sequence[tuple[float, float]]) -> Row:
    """The row of `pairs` of (floor, stresser), each pair measured one right after the other.

    Raises:
        statistics.StatisticsError: there are no pairs.
    """
    ratios = [stresser / floor for floor, stresser in pairs]
    return Row(
        quantity=quantity,
        sessions=sessions,
        floor=median(floor for floor, _ in pairs),
        stresser=median(stresser for _, stresser in pairs),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        pairs=len(pairs),
    )


def flatness(rows: Sequence[Row]) -> tuple[float, float]:
    """Largest over smallest figure of one quantity over all numbers of sessions: floor, stresser.

    Raises:
        ValueError: there are no rows.
    """
    floors, stressers = [row.floor for row in rows], [row.stresser for row in rows]
    return max(floors) / min(floors), max(stressers) / min(stressers)
