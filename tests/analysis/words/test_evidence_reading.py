"""What a session's evidence says, and that nothing of a wrong type says anything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.analysis.words.evidence_reading import (
    AnsweredSend,
    answered_send,
    is_close_unanswered,
    is_unasked,
    ping_sent_ns,
)
from tests.analysis.story import seconds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=5,
)
KEYS = ["since_sent_ns", "idle_before_send_ns", "tcp_info", "ping_sent_ns", "close", "rtt_us"]


@pytest.mark.parametrize(
    ("since_s", "silence_s", "answered"),
    [
        (0.02, 15, AnsweredSend(seconds(0.02), seconds(15))),
        (1.5, 15, None),
        (0.02, 0.5, None),
    ],
)
def test_an_ending_right_after_a_send_into_silence_answers_it(since_s, silence_s, answered):
    evidence = {"since_sent_ns": seconds(since_s), "idle_before_send_ns": seconds(silence_s)}
    assert answered_send(evidence) == answered


@pytest.mark.parametrize(
    ("since_s", "rtt_us", "unasked"),
    [(4, 20_000, True), (0.5, 20_000, False), (4, 1_500_000, False), (4, None, True)],
)
def test_unasked_is_what_came_too_late_for_an_answer(since_s, rtt_us, unasked):
    evidence: dict[str, Any] = {"since_sent_ns": seconds(since_s)}
    if rtt_us is not None:
        evidence["tcp_info"] = {"rtt_us": rtt_us}
    assert is_unasked(evidence) is unasked


@pytest.mark.parametrize(
    ("took", "unanswered"),
    [
        ("unanswered", True),
        ("[Errno 104] Connection reset by peer", True),
        ("answered", False),
        ("no close in this protocol", False),
        (None, False),
        (7, False),
    ],
)
def test_closes_without_answer(took, unanswered):
    assert is_close_unanswered({"close": took}) is unanswered


def test_no_evidence_says_nothing():
    assert answered_send({}) is None
    assert not is_unasked({})
    assert ping_sent_ns({}) is None
    assert not is_close_unanswered({})


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_evidence_is_read_without_failing(evidence):
    answered_send(evidence)
    is_unasked(evidence)
    is_close_unanswered(evidence)
    sent = ping_sent_ns(evidence)
    assert sent is None or isinstance(sent, int)
