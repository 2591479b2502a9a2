"""What ClientHellos that differ in one thing each tell together: which thing decides.

Each row needs hellos that pass and hellos that fail, both twice at least. What fits no row decides
nothing, and accuses no one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stresser.analysis.words.obstacles import Obstacle
from stresser.model.hello_tried import HelloShape, HelloTried

_S = HelloShape
HYBRIDS = (_S.HYBRID, _S.HYBRID_NAME_LAST)
_TWO_SEGMENTS = (_S.LONG, *HYBRIDS)
_OF_NO_ENDPOINT = frozenset({_S.NO_NAME, _S.OTHER_NAME})
"""An endpoint may refuse them, and does."""


class HelloReading(NamedTuple):
    """What decides, and what shows it."""

    decides: Obstacle | None = None
    """None: nothing that has a name here."""
    passed: tuple[HelloTried, ...] = ()
    failed: tuple[HelloTried, ...] = ()


def read_hellos(tried: Sequence[HelloTried]) -> HelloReading:
    """Read the hellos of one way; none were tried: nothing decides."""
    by_shape = {one.shape: one for one in tried if one.not_made is None}
    classic = by_shape.get(_S.CLASSIC)
    if classic is None:
        return HelloReading()
    if classic.failed:
        return _of_classic(by_shape, classic)
    return _of_todays(by_shape) if classic.stood else HelloReading()


def _of_classic(by: Mapping[HelloShape, HelloTried], classic: HelloTried) -> HelloReading:
    """The smallest and oldest one does not pass: what is it that does?"""
    named = [one for shape, one in by.items() if shape not in _OF_NO_ENDPOINT]
    if _answered(by, _S.OTHER_NAME):
        # By its layout and size the very same hello.
        passed = [_S.OTHER_NAME, *([_S.NO_NAME] if _answered(by, _S.NO_NAME) else [])]
        return _reading(by, Obstacle.NAME_DECIDES, passed, [_S.CLASSIC])
    is_heard = (classic.acknowledged or 0) >= classic.size
    if is_heard and _stood(by, _S.CAPPED):
        return _reading(by, Obstacle.BIG_ANSWERS_LOST, [_S.CAPPED], [_S.CLASSIC])
    if _stood(by, _S.TLS_1_2) and all(one.failed for one in named if one.shape != _S.TLS_1_2):
        failed = [one.shape for one in named if one.shape != _S.TLS_1_2]
        return _reading(by, Obstacle.TLS_1_3_FILTERED, [_S.TLS_1_2], failed)
    return HelloReading()


def _of_todays(by: Mapping[HelloShape, HelloTried]) -> HelloReading:
    """The classic one passes: do longer ones, and such as browsers send?"""
    long = [shape for shape in _TWO_SEGMENTS if shape in by]
    failed = [shape for shape in long if _failed(by, shape)]
    hybrids = [shape for shape in (*HYBRIDS, _S.HYBRID_SPLIT) if shape in by]
    of_hybrid = [shape for shape in hybrids if _failed(by, shape) or by[shape].refused]
    if _stood(by, _S.LONG) and hybrids == of_hybrid and hybrids:
        if all(by[shape].refused for shape in hybrids) or _answered(by, _S.SPLIT_NAME):
            passed = [shape for shape in (_S.CLASSIC, _S.LONG, _S.SPLIT_NAME) if _stood(by, shape)]
            return _reading(by, Obstacle.ML_KEM_FILTERED, passed, of_hybrid)
        if _stood(by, _S.SPLIT) and _failed(by, _S.SPLIT_NAME) and _S.HYBRID not in by:
            return _name_first(by)
        return HelloReading()
    if _stood(by, _S.LONG) and _failed(by, _S.HYBRID_NAME_LAST) and _stood(by, _S.HYBRID):
        if _stood(by, _S.SPLIT) and _failed(by, _S.SPLIT_NAME):
            return _name_first(by)
    elif failed == long and len(long) > 1:
        return _of_length(by, failed)
    return HelloReading()


def _name_first(by: Mapping[HelloShape, HelloTried]) -> HelloReading:
    failed = [_S.SPLIT_NAME, _S.HYBRID_NAME_LAST]
    passed = [shape for shape in (_S.CLASSIC, _S.SPLIT, _S.LONG, _S.HYBRID) if _stood(by, shape)]
    return _reading(by, Obstacle.NAME_BEHIND, passed, failed)


def _of_length(by: Mapping[HelloShape, HelloTried], failed: list[HelloShape]) -> HelloReading:
    """All that take more than one segment fail: for the packets' size, their number, or its own?"""
    if _answered(by, _S.HYBRID_SPLIT):
        lost_whole = all(by[shape].acknowledged == 0 for shape in failed)
        passed = [_S.CLASSIC, _S.HYBRID_SPLIT]
        return (
            _reading(by, Obstacle.BIG_HELLOS_LOST, passed, failed) if lost_whole else HelloReading()
        )
    if not _failed(by, _S.HYBRID_SPLIT):
        return HelloReading()
    if _failed(by, _S.SPLIT) and _failed(by, _S.SPLIT_NAME):
        split = [_S.SPLIT, _S.SPLIT_NAME, _S.HYBRID_SPLIT]
        return _reading(by, Obstacle.ONE_SEGMENT_READ, [_S.CLASSIC], [*failed, *split])
    if _answered(by, _S.SPLIT) and _answered(by, _S.SPLIT_NAME):
        passed = [_S.CLASSIC, _S.SPLIT, _S.SPLIT_NAME]
        return _reading(by, Obstacle.LONG_HELLOS_LOST, passed, [*failed, _S.HYBRID_SPLIT])
    return HelloReading()


def _reading(
    by: Mapping[HelloShape, HelloTried],
    decides: Obstacle,
    passed: Iterable[HelloShape],
    failed: Iterable[HelloShape],
) -> HelloReading:
    return HelloReading(decides, tuple(by[one] for one in passed), tuple(by[one] for one in failed))


def _stood(by: Mapping[HelloShape, HelloTried], shape: HelloShape) -> bool:
    return shape in by and by[shape].stood


def _answered(by: Mapping[HelloShape, HelloTried], shape: HelloShape) -> bool:
    return shape in by and by[shape].answered


def _failed(by: Mapping[HelloShape, HelloTried], shape: HelloShape) -> bool:
    return shape in by and by[shape].failed
