"""What a control session carries: what the tester asks, and what the reflector tells. As data."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from stresser.model.bounds import Name, Whole
from stresser.model.events import ReflectionEnded, ReflectionHeld, ReflectionOpened

CONTROL_ATTEMPT: Final = 0
"""A hello with this number opens a control session: attempts are counted from 1."""
MOST_ASKED: Final = 100
MOST_TOLD: Final = 50
"""In one message."""
_MOST_RECORDS = 16

Reflection = ReflectionOpened | ReflectionEnded


class FarQuestion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tester's message: once a second, and whenever a session has ended."""

    sent_ns: Whole
    """Of the tester's clock."""
    after: Annotated[dict[Name, Whole], Meta(max_length=_MOST_RECORDS)] = {}
    """The last event that was heard of each reflector's record; the rest is told again."""
    attempts: Annotated[list[Whole], Meta(max_length=MOST_ASKED)] = []
    """Sessions that have ended at the tester: what of them is held there?"""


class FarAccount(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reflector's message: once a second, and whenever it has something to tell."""

    record: Name
    """Which reflector's, by a random id: one that was restarted has another."""
    now_ns: Whole
    """Of the reflector's clock."""
    question_sent_ns: Whole | None = None
    """`sent_ns` of the latest question, and when it was heard here."""
    question_heard_ns: Whole | None = None
    last: Whole = 0
    """Of the record's events, this run's up to this number are known with this message."""
    numbers: Annotated[list[Whole], Meta(max_length=MOST_TOLD)] = []
    """Of the events, one for each: they come by every control session of the run."""
    events: Annotated[list[Reflection], Meta(max_length=MOST_TOLD)] = []
    held: Annotated[list[ReflectionHeld], Meta(max_length=MOST_ASKED)] = []
    """Of the sessions that were asked for, those that are held."""
