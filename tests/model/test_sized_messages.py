"""Messages that ask for an answer of another size, and endpoints that bear any."""

import struct

import pytest

from stresser.model.sized_messages import LEAST_BYTES, answers_sized, sized_answer, sized_message


@pytest.mark.parametrize(("up", "down"), [(20, 20), (20, 5000), (5000, 20), (4096, 4096)])
def test_as_much_goes_up_and_comes_down_as_was_asked(up, down):
    message = sized_message(7, up, down)
    answer = sized_answer(message)
    assert (len(message), len(answer)) == (up, down)
    assert answers_sized(answer, 7, down)
    assert not answers_sized(answer, 8, down)
    assert not answers_sized(answer[:-1], 7, down)


@pytest.mark.parametrize(
    "message", ["", "text", b"", b"other", b"stresser-sz1", "stresser-sz1" * 9]
)
def test_anybody_elses_message_comes_back(message):
    assert sized_answer(message) is message


@pytest.mark.parametrize(("asked", "given"), [(0, LEAST_BYTES), (2**32 - 1, 1 << 20)])
def test_no_answer_is_longer_than_the_lab_and_the_reflector_take(asked, given):
    message = struct.pack("!12sII", b"stresser-sz1", 1, asked)
    assert len(sized_answer(message)) == given
