"""Pieces become messages, and a peer's endless one stays small."""

import pytest

from stresser.net.inbox import LONGEST_MESSAGE, Inbox


def told(*pieces):
    messages: list[str | bytes] = []

    def hear(message):
        messages.append(message)
        return message == "enough"

    inbox = Inbox(hear)
    answers = [inbox.take(piece, is_last) for piece, is_last in pieces]
    return messages, answers


def test_whole_messages_are_handed_on():
    messages, answers = told(
        ("a", False), ("b", True), (b"\0", False), (bytearray(b"\1"), True), ("enough", True)
    )
    assert messages == ["ab", b"\0\1", "enough"]
    assert answers == [False, False, False, False, True]


@pytest.mark.parametrize(("piece", "message"), [("", ""), (b"", b"")])
def test_an_empty_message_is_one(piece, message):
    assert told((piece, True))[0] == [message]


def test_of_an_endless_message_so_much_is_kept():
    half = "x" * (LONGEST_MESSAGE - 1)
    messages, _ = told(
        (half, False), ("yz", False), *[("more", False)] * 9, ("end", True), ("b", True)
    )
    assert messages == [half + "y", "b"]
