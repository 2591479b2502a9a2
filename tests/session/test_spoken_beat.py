"""What is said in a heartbeat, and what is taken for its answer."""

import pytest

from stresser.model.sized_messages import sized_answer
from stresser.model.units import Size
from stresser.scenario.plan import Activity, ActivityKind, DataDirection
from stresser.session.spoken_beat import spoken_beat


def beat(**keys):
    return spoken_beat(Activity(kind=ActivityKind.MESSAGES, name="m", **keys))


def test_pings_say_nothing():
    assert spoken_beat(Activity(name="heartbeat")) is None
    assert spoken_beat(Activity(name="quiet", kind=ActivityKind.SILENT)) is None


def test_the_message_of_a_heartbeat_is_answered_by_the_pong():
    spoken = spoken_beat(Activity(name="heartbeat", message=Size(100)))
    assert spoken is not None
    assert (spoken.said(1), spoken.is_answer) == (bytes(100), None)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"text": "ping ${number}"}, "ping 3"),
        ({"json": {"op": 1, "d": "${number}"}}, '{"op":1,"d":"3"}'),
        ({"binary": "00 ff"}, b"\0\xff"),
    ],
)
def test_without_more_the_same_message_comes_back(keys, said):
    spoken = beat(**keys)
    assert spoken.said(3) == said
    assert spoken.is_answer(said, 3)
    assert not spoken.is_answer(said[:-1], 3)
    assert spoken.is_answer(spoken.said(4), 3) is ("binary" in keys)


@pytest.mark.parametrize(
    ("keys", "answers", "others"),
    [
        ({"expect": ""}, ["anything", b"\0"], []),
        ({"expect": "pong ${number}"}, ["pong 3", "<pong 3>"], ["pong 4", "ping 3"]),
        ({"pointer": "/id", "expect": "${number}"}, ['{"id":3}', '{"id":"3"}'], ['{"id":4}', "3"]),
        ({"pointer": "/ok"}, ['{"ok":0}'], ['{"no":3}']),
    ],
)
def test_an_answer_is_known_by_its_text_by_a_field_or_by_being_next(keys, answers, others):
    spoken = beat(text="x", **keys)
    assert all(spoken.is_answer(one, 3) for one in answers)
    assert not any(spoken.is_answer(one, 3) for one in others)


@pytest.mark.parametrize(
    ("direction", "up", "down"),
    [
        (DataDirection.BOTH, 4096, 4096),
        (DataDirection.UP, 4096, 20),
        (DataDirection.DOWN, 20, 4096),
    ],
)
def test_sized_messages_go_where_they_should(direction, up, down):
    spoken = beat(size=Size(4096), direction=direction)
    message = spoken.said(3)
    assert (len(message), len(sized_answer(message))) == (up, down)
    assert spoken.is_answer(sized_answer(message), 3)
    assert not spoken.is_answer(sized_answer(spoken.said(2)), 3)


def test_both_is_an_echo_for_who_knows_nothing_of_sizes():
    spoken = beat(size=Size(4096))
    assert spoken.is_answer(spoken.said(3), 3)
