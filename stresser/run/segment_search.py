"""Finds the longest segment that passes in one direction, where big ones are lost.

Each try is one connection whose segments TCP_MAXSEG bounds, in both directions. Towards us the
answer to a small ClientHello shows it; towards the endpoint what TCP acknowledges of a long one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from stresser.model.hello_tried import HelloOutcome, SegmentLimit
from stresser.net.hello_shapes import ShapedHello
from stresser.run.one_hello import Trial, Try, acknowledged, outcome_of, trial_route
from stresser.session.attempt import Attempt

_STEP = 4
"""MTUs of links are multiples of it."""
_AT_ONCE = 7
_WITHIN_NS = 1_200_000_000
"""Three sendings of a lost segment on a path of a hundred milliseconds (RFC 6298)."""
_TWICE = 2


@dataclass(frozen=True, kw_only=True)
class SegmentSearch:
    """One direction of one way."""

    first: Attempt
    made: ShapedHello
    """Small towards us; longer than any segment towards the endpoint."""
    towards_us: bool
    try_once: Try

    async def run(self, passes: int, fails: int) -> SegmentLimit | None:
        """Between a segment that passed and one that did not; None: it is no matter of size."""
        while fails - passes > _STEP:
            tried = _between(passes, fails)
            found = await self._all(tried)
            passed = [size for size, good in zip(tried, found, strict=True) if good]
            lost = [size for size, good in zip(tried, found, strict=True) if not good]
            if passed and lost and max(passed) > min(lost):
                return None
            passes, fails = max([passes, *passed]), min([fails, *lost])
        again = await self._all([passes] * _TWICE + [fails] * _TWICE)
        if again != [True] * _TWICE + [False] * _TWICE:
            return None
        return SegmentLimit(towards_us=self.towards_us, passes=passes, fails=fails)

    async def _all(self, sizes: Sequence[int]) -> list[bool]:
        good: dict[int, bool] = {}

        async def one(place: int, size: int) -> None:
            good[place] = await self._passes(size)

        async with trio.open_nursery() as nursery:
            for place, size in enumerate(sizes):
                nursery.start_soon(one, place, size)
        return [good[place] for place in range(len(sizes))]

    async def _passes(self, size: int) -> bool:
        made = self.made._replace(max_segment=size)
        trial = await self.try_once(trial_route(self.first, made, _WITHIN_NS))
        return _has_answer(trial) if self.towards_us else _has_answer(trial) or _is_heard(trial)


def _has_answer(trial: Trial) -> bool:
    return outcome_of(trial) in {HelloOutcome.STOOD, HelloOutcome.ALERT}


def _is_heard(trial: Trial) -> bool:
    return bool(acknowledged([trial]))


def _between(passes: int, fails: int) -> list[int]:
    """Sizes evenly spread between two, all multiples of the step."""
    parts = _AT_ONCE + 1
    spread = (passes + (fails - passes) * n // parts for n in range(1, parts))
    sizes = {size // _STEP * _STEP for size in spread}
    return sorted(size for size in sizes if passes < size < fails) or [passes + _STEP]
