"""Tries ClientHellos that differ in one thing each on one way of a check: a few at a time, twice.

All go to the address that the check dialled, with a short deadline of their own. Where all stand at
the first try, that is enough: no one is accused. Else each is tried again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from stresser.model.checkup_facts import WayChecked
from stresser.model.hello_tried import HelloOutcome, HelloShape, HelloTried, SegmentLimit
from stresser.net.hello_bytes import HelloNotMadeError
from stresser.net.hello_shapes import OPTIONS, HelloShapes, ShapedHello
from stresser.run.one_hello import Trial, Try, acknowledged, may_hinder, outcome_of, trial_route
from stresser.run.segment_search import SegmentSearch
from stresser.scenario.plan import Sessions
from stresser.session.attempt import Attempt

TRIAL_PACE = Sessions(
    attempts_per_second=50, attempts_per_second_per_endpoint=10, handshakes_in_flight=8
)
"""A few dozen small connections once: those that are lost wait beside one another."""
_NEED_SEGMENTS = frozenset(
    {HelloShape.CAPPED, HelloShape.SPLIT, HelloShape.SPLIT_NAME, HelloShape.HYBRID_SPLIT}
)
_BY_PROXY = "a proxy carries it, in segments of its own"


@dataclass
class _Found:
    shape: HelloShape
    made: ShapedHello | None = None
    not_made: str | None = None
    trials: list[Trial] = field(default_factory=list)


class HelloTrials:
    """Those of one way."""

    def __init__(self, first: Attempt, alpn: Sequence[str], try_once: Try) -> None:
        """`first`: what the check itself did; its address is dialled again."""
        self._first = first
        self._shapes = HelloShapes(first.route.server_name, tuple(alpn), first.segment)
        self._try = try_once

    async def run(self) -> tuple[list[HelloTried], list[SegmentLimit]]:
        """Try all shapes, in their order; where big packets are lost, find from which size on."""
        found = [self._made(shape) for shape in HelloShape]
        await self._round(found)
        if any(outcome_of(one) is not HelloOutcome.STOOD for each in found for one in each.trials):
            await self._round(found)
        tried = [_tried(one) for one in found]
        return tried, await self._limits({one.shape: one for one in tried})

    async def _limits(self, tried: Mapping[HelloShape, HelloTried]) -> list[SegmentLimit]:
        found: list[SegmentLimit] = []
        async with trio.open_nursery() as nursery:
            for shape, small in _loses_big(tried):
                nursery.start_soon(self._search, shape, small, found)
        return sorted(found, key=lambda one: one.towards_us, reverse=True)

    async def _search(
        self, shape: HelloShape, small: HelloShape, found: list[SegmentLimit]
    ) -> None:
        towards_us = shape is HelloShape.CLASSIC
        search = SegmentSearch(
            first=self._first,
            made=self._shapes.make(shape),
            towards_us=towards_us,
            try_once=self._try,
        )
        passes = self._shapes.make(small).max_segment or 0
        limit = await search.run(passes, (self._first.segment or 0) + OPTIONS)
        if limit is not None:
            found.append(limit)

    def _made(self, shape: HelloShape) -> _Found:
        if shape in _NEED_SEGMENTS and self._first.route.proxy is not None:
            return _Found(shape, not_made=_BY_PROXY)
        try:
            return _Found(shape, self._shapes.make(shape))
        except HelloNotMadeError as why:
            return _Found(shape, not_made=str(why))

    async def _round(self, found: Sequence[_Found]) -> None:
        async with trio.open_nursery() as nursery:
            for one in found:
                if one.made is not None:
                    nursery.start_soon(partial(self._once, one, one.made))

    async def _once(self, found: _Found, made: ShapedHello) -> None:
        found.trials.append(await self._try(trial_route(self._first, made)))


def worth_trials(
    ways: Mapping[int, WayChecked], tried: Mapping[int, Attempt], *, asked: bool
) -> list[int]:
    """Where hellos are to be tried: everywhere if asked, else where one hinders and beside it."""
    hinders = {way.endpoint for way in ways.values() if may_hinder(way)}
    return [
        number
        for number, way in ways.items()
        if tried[number].client_hello is not None and (asked or way.endpoint in hinders)
    ]


def _loses_big(
    tried: Mapping[HelloShape, HelloTried],
) -> Iterator[tuple[HelloShape, HelloShape]]:
    """Hellos that fail by the size of packets, as it seems, and their like that passed."""
    classic, capped = tried[HelloShape.CLASSIC], tried[HelloShape.CAPPED]
    if classic.failed and capped.stood and (classic.acknowledged or 0) >= classic.size:
        yield HelloShape.CLASSIC, HelloShape.CAPPED
    long, split = tried[HelloShape.LONG], tried[HelloShape.HYBRID_SPLIT]
    if long.failed and long.acknowledged == 0 and split.answered:
        yield HelloShape.LONG, HelloShape.HYBRID_SPLIT


def _tried(found: _Found) -> HelloTried:
    if found.made is None:
        return HelloTried(shape=found.shape, not_made=found.not_made)
    facts = found.made.facts
    segment = next((one.attempt.segment for one in found.trials if one.attempt.segment), None)
    alerts = [one.failed.ending.alert for one in found.trials if one.failed is not None]
    return HelloTried(
        shape=found.shape,
        size=facts.size,
        segments=facts.sent(segment).segments,
        name_segment=None if segment is None else facts.name_segment(segment),
        kind=facts.kind,
        outcomes=[outcome_of(one) for one in found.trials],
        alert=next((alert for alert in alerts if alert is not None), None),
        acknowledged=acknowledged(found.trials),
    )
