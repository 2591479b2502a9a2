import pytest

from bench.hold import Heartbeats, count_heartbeats

S = 1_000_000_000


def ending(age_ns, pings, pongs, *, planned=True):
    return {"age_ns": age_ns, "pings": pings, "pongs": pongs, "planned": planned}


def test_all_pings_due_sent_and_answered():
    beats = count_heartbeats([ending(35 * S, 3, 3), ending(21 * S, 2, 2)], 10 * S)
    assert beats == Heartbeats(sessions=2, pings=5, pongs=5, due=5)


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (ending(35 * S, 2, 2), 1),
        (ending(35 * S, 3, 2), 1),
        (ending(35 * S, 4, 4), 1),
        (ending(30 * S + 1, 3, 2), 0),
        (ending(30 * S + 1, 2, 2), 0),
        (ending(30 * S - 1, 3, 3), 0),
        (ending(30 * S + 1, 1, 1), 1),
        (ending(30 * S + 1, 3, 1), 1),
    ],
    ids=[
        "a ping was not sent",
        "a pong did not come",
        "a ping too many",
        "the last pong was under way",
        "the last ping was just due",
        "the last ping was just early",
        "two missed at the edge",
        "two unanswered at the edge",
    ],
)
def test_a_session_is_right_or_wrong(one, wrong):
    assert count_heartbeats([one], 10 * S).wrong == wrong


def test_an_unplanned_ending_is_a_drop():
    assert count_heartbeats([ending(35 * S, 3, 3, planned=False)], 10 * S).dropped == 1
