"""JSON pointers: the RFC's own examples, what is none, and what a peer may send."""

import json

import pytest

from stresser.scenario.json_pointer import JsonPointer, text_of

RFC = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
    " ": 7, "m~n": 8,
}  # fmt: skip


def found(pointer, message):
    return list(JsonPointer(pointer).texts_in(message))


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1),
        ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc(pointer, value):
    assert found(pointer, json.dumps(RFC)) == [text_of(value)]


@pytest.mark.parametrize(
    "pointer", ["/foo/2", "/foo/01", "/foo/-", "/foo/x", "/nope", "/a~1b/c", "/foo/999999999999"]
)
def test_what_is_not_there(pointer):
    assert found(pointer, json.dumps(RFC)) == []


@pytest.mark.parametrize("text", ["foo", "#/foo", "/a~2", "/~", " /a"])
def test_what_is_no_pointer(text):
    with pytest.raises(ValueError, match="is not a JSON pointer"):
        JsonPointer(text)


def test_each_record_of_a_message_is_looked_at():
    assert found("/type", '{"type":6}\x1e{"x":1}\x1e{"type":3}\x1e') == ["6", "3"]


@pytest.mark.parametrize(
    "message", ["", "no JSON", "[" * 100_000, b"\xff\xfe\x00", "\x1e" * 10_000, "NaN{", "1" * 9_999]
)
def test_what_a_peer_may_send_is_nothing(message):
    assert found("/a", message) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (7, "7"), (True, "true"), (None, "null"), (1.5, "1.5"), ({"a": [1]}, '{"a":[1]}')],
)
def test_a_value_is_text(value, text):
    assert found("/v", json.dumps({"v": value}).encode()) == [text]
