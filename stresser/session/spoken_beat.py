"""What is said in a heartbeat beside a ping or in its place, and what the answer to it is.

A message that is answered is a session's ping, and the answer its pong: `every`, `timeout`, round
trips and silences are theirs.
"""

from collections.abc import Callable
from typing import NamedTuple

from stresser.model.sized_messages import LEAST_BYTES, answers_sized, sized_message
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.message_rules import NUMBER, json_to_say
from stresser.scenario.plan import Activity, ActivityKind, DataDirection
from stresser.scenario.wording import Wording
from stresser.session.wanted import Wanted


class SpokenBeat(NamedTuple):
    """Shared by all sessions of a cohort."""

    said: Callable[[int], str | bytes]
    """The message of a number."""
    is_answer: Callable[[str | bytes, int], bool] | None
    """Whether a message answers the one of a number; None: a ping follows, and its pong does."""


def spoken_beat(activity: Activity) -> SpokenBeat | None:
    """Of an activity; None: it says nothing but pings."""
    if activity.message is not None:
        constant = bytes(activity.message)
        return SpokenBeat(lambda _: constant, None)
    if activity.kind is not ActivityKind.MESSAGES:
        return None
    if activity.size is not None:
        return _sized(activity.size, activity.direction)
    said = _said(activity)
    if activity.expect is None and activity.pointer is None:
        return SpokenBeat(said, lambda message, number: message == said(number))
    wanted = Wanted(
        text=Wording(activity.expect) if activity.expect else None,
        pointer=None if activity.pointer is None else JsonPointer(activity.pointer),
    )
    return SpokenBeat(said, lambda message, number: wanted.is_met(message, _numbered(number)))


def _sized(size: int, direction: DataDirection) -> SpokenBeat:
    up = LEAST_BYTES if direction is DataDirection.DOWN else size
    down = LEAST_BYTES if direction is DataDirection.UP else size
    return SpokenBeat(
        lambda number: sized_message(number, up, down),
        lambda message, number: answers_sized(message, number, down),
    )


def _said(activity: Activity) -> Callable[[int], str | bytes]:
    if activity.binary is not None:
        data = bytes.fromhex(activity.binary)
        return lambda _: data
    text = activity.text if activity.json is None else json_to_say(activity.json)
    wording = Wording(text or "")
    return lambda number: wording.said(_numbered(number))


def _numbered(number: int) -> dict[str, str]:
    return {NUMBER: str(number)}
