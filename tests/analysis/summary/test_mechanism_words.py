import pytest

from stresser.analysis.diagnosis.diagnosis import Ask, Mechanism, Whom
from stresser.analysis.summary.mechanism_words import (
    WHOM_WORDS,
    addressed,
    diagnosed_limit,
    grounds,
    known_from,
    named_causes,
    what_it_does,
)
from stresser.model.ending import Grade, Initiator
from stresser.model.units import NS_PER_S
from tests.analysis.answer_story import diagnosed


@pytest.mark.parametrize("mechanism", list(Mechanism))
@pytest.mark.parametrize("bounds", [(None, None), (4 * NS_PER_S, 4 * NS_PER_S)])
def test_each_mechanism_has_a_sentence_and_a_name(mechanism, bounds):
    found = diagnosed(mechanism, low=bounds[0], high=bounds[1])
    assert what_it_does(found).endswith(" (79 of 79 drops).")
    assert "{" not in what_it_does(found)
    assert named_causes([found])[0].endswith(" (79 drops)")
    assert "(" not in named_causes([diagnosed(mechanism, drops=0)])[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Resets a session after 4 s of silence"),
        (
            {"kinds": {"tcp_fin": 3, "tcp_reset": 2}},
            "Closes or resets a session after 4 s of silence (79",
        ),
        ({"kinds": {"tcp_fin": 9, "tcp_reset": 1}}, "after 4 s of silence, with a TCP FIN (79"),
        (
            {"kinds": {"protocol_error": 9}, "seen": '"HTTP/1.1 504 Gateway Time-out"'},
            'with bytes that break the protocol: "HTTP/1.1 504 Gateway Time-out" (79',
        ),
        ({"kinds": {"something_new": 3}}, "Ends a session after 4 s"),
        ({"tick_ns": 30 * NS_PER_S}, "4 s of silence, as of a box that looks each 30 s (79"),
        ({"drops": 0, "of_drops": 0, "failures": 3, "of_failures": 4}, "(3 of 4 failed attempts)"),
        ({"drops": 0, "of_drops": 0}, "of silence."),
    ],
)
def test_the_sentence_says_how_and_how_many(changes, words):
    assert words in what_it_does(diagnosed(**changes))


def test_moments_are_named():
    assert "at one moment, at 02:13:07 UTC" in what_it_does(diagnosed(Mechanism.STATE_LOST))
    outage = diagnosed(Mechanism.OUTAGE, last_utc="2026-11-23T02:15:00.000000Z")
    assert "for a time, 02:13:07 to 02:15:00 UTC" in what_it_does(outage)


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [
        (None, None, "ns", ""),
        (None, 30 * NS_PER_S, "ns", "at most 30 s"),
        (30 * NS_PER_S, None, "ns", "more than 30 s"),
        (20 * NS_PER_S, 30 * NS_PER_S, "ns", "20 s to 30 s"),
        (24_900_000_000, 25_100_000_000, "ns", "25 s"),
        (65_536, 65_536, "bytes", "65,536 bytes"),
        (8, 8, "sessions", "8 sessions"),
    ],
)
def test_a_limit_is_one_figure_where_it_is_narrow(low, high, unit, words):
    assert diagnosed_limit(diagnosed(low=low, high=high, unit=unit)) == words


def test_interception_rests_on_certificates_whatever_the_grade():
    assert grounds(diagnosed(Mechanism.INTERCEPTION)) == "certificates"
    assert grounds(diagnosed(Mechanism.IDLE_TIMER, grade=Grade.PACKET)) == "packets"


def test_where_nobody_is_named_nothing_shows_who():
    assert known_from(diagnosed(who=Initiator.UNKNOWN)) == ""
    assert known_from(diagnosed(grade=Grade.PACKET)) == ", from packets"


def test_a_sentence_is_addressed_to_who_can_act():
    assert set(WHOM_WORDS) == set(Whom)
    ask = Ask(whom=Whom.NETWORK_TEAM, says="Raise the idle timeout.")
    assert addressed(ask) == "Ask the network team: raise the idle timeout."
    ask = Ask(whom=Whom.PROXY_TEAM, says="TLS inspection should exempt broker.")
    assert addressed(ask) == "Ask the proxy team: TLS inspection should exempt broker."
    assert addressed(Ask(whom=Whom.NOBODY, says="Ping within 4 s.")) == "Ping within 4 s."


def test_like_causes_are_named_once():
    flushes = [diagnosed(Mechanism.STATE_LOST, drops=20) for _ in range(3)]
    named = named_causes([*flushes, diagnosed(Mechanism.OUTAGE, drops=5)])
    assert named == ["sessions lost at one moment, 3 times (60 drops)", "an outage (5 drops)"]


def test_a_bracketed_moment_is_no_point():
    struck = diagnosed(Mechanism.STATE_LOST, struck="between 02:13:07 and 02:13:12 UTC")
    assert "at one moment, between 02:13:07 and 02:13:12 UTC" in what_it_does(struck)


def test_an_announced_age_is_said():
    assert what_it_does(diagnosed(Mechanism.ENDPOINT_GOODBYE)).startswith(
        "The endpoint ends a session 4 s after it opened, and says so"
    )
