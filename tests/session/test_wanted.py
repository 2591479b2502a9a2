"""Which message is the answer: by its text, by a value in it, or any."""

import pytest

from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.wording import Wording
from stresser.session.wanted import Wanted


@pytest.mark.parametrize(
    ("text", "pointer", "message", "is_met"),
    [
        (None, None, "anything", True),
        ("ready", None, "I am ready.", True),
        ("ready", None, b"\xff ready", True),
        ("ready", None, "READY", False),
        ("${id}", None, "number 7", True),
        (None, "/ok", '{"ok":false}', True),
        (None, "/ok", '{"no":1}', False),
        ("true", "/ok", '{"ok":true}', True),
        ("7", "/id", '{"id":7}', True),
        ("7", "/id", '{"id":"7"}', True),
        ("7", "/id", '{"id":77}', False),
        ("${id}", "/id", b'{"id":7}', True),
        ("3", "/type", '{"type":6}\x1e{"type":3}\x1e', True),
    ],
)
def test_what_meets_it(text, pointer, message, is_met):
    wanted = Wanted(
        text=None if text is None else Wording(text),
        pointer=None if pointer is None else JsonPointer(pointer),
    )
    assert wanted.is_met(message, {"id": "7"}) is is_met
