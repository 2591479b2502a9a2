"""What is told is read back as it was, and what nobody tells is refused."""

from typing import Any

import msgspec
import pytest

from stresser.model.ending import Kind
from stresser.model.events import ReflectionEnded, ReflectionHeld
from stresser.model.far_account import MOST_ASKED, FarAccount, FarQuestion


def test_held_and_ended_sessions_are_told_apart():
    same: dict[str, Any] = {
        "t_ns": 5,
        "utc": "u",
        "number": 1,
        "run": "r",
        "attempt": 2,
        "last_in_ns": 3,
    }
    held, ended = ReflectionHeld(**same), ReflectionEnded(**same, kind=Kind.TCP_FIN)
    told = FarAccount(record="x", now_ns=9, last=4, numbers=[4], events=[ended], held=[held])
    assert msgspec.json.decode(msgspec.json.encode(told), type=FarAccount) == told


def test_no_question_asks_for_more_than_one_message_tells():
    many = msgspec.json.encode(FarQuestion(sent_ns=1, attempts=list(range(MOST_ASKED + 1))))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(many, type=FarQuestion)
