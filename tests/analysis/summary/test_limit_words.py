"""The sentences on limits."""

import pytest
from msgspec.structs import replace

from stresser.analysis.summary.idle_limits import LimitFigures, RefreshedBy
from stresser.analysis.summary.limit_words import (
    form_in_words,
    heartbeat_ns,
    limit_in_words,
    limits_in_words,
    wishes_in_words,
)
from stresser.model.units import NS_PER_S

FOUND = LimitFigures(
    endpoint="broker", egress="vpn", kind="idle", low=299 * NS_PER_S, high=301 * NS_PER_S,
    form="silence", at_expiry=False, who="middlebox", where="egress", confirmed=True,
    refreshed_by=RefreshedBy(ping=True, tcp_keepalive=False), survived=299 * NS_PER_S, asked=60,
    dead=20, is_silence=True,
)  # fmt: skip
NONE = LimitFigures(
    endpoint="broker", egress="vpn", kind="idle", low=None, high=None,
    survived=7200 * NS_PER_S, asked=40, reached=True,
)  # fmt: skip


def test_one_sentence_says_limit_form_refreshing_and_heartbeat():
    assert limit_in_words(FOUND) == (
        "vpn ends quiet sessions to broker after 5 m (4 m 59 s to 5 m 1 s), silently;"
        " a ping counts; TCP keepalive does not count; ping at least every 3 m 50 s."
    )


def test_an_egress_that_goes_itself_is_no_limit_of_a_session():
    whole = replace(FOUND, of_egress=True, low=0, high=45 * NS_PER_S, confirmed=False)
    assert limit_in_words(whole) == (
        "vpn itself went, and all sessions through it, after 45 s in which nothing passed through"
        " it; a ping counts; TCP keepalive does not count; seen once, not confirmed."
    )
    assert heartbeat_ns(whole) is None
    assert wishes_in_words([whole]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"form": "tcp_fin", "at_expiry": True}, "with a TCP FIN"),
        ({"form": "tcp_reset"}, "silently; what is sent then is answered with a TCP RST"),
        ({"form": "unknown to this version"}, "silently"),
    ],
)
def test_how_it_ends_them(changes, words):
    assert form_in_words(replace(FOUND, **changes)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"where": "endpoint"}, "broker, or what stands before it, ends quiet sessions"),
        ({"where": "unknown"}, "Something behind vpn ends quiet sessions"),
        ({"tick": NS_PER_S}, "it looks only every 1 s or so"),
        ({"confirmed": False}, "seen once, not confirmed."),
        ({"confirmed": False}, "vpn may end quiet sessions to broker after 5 m"),
        ({"is_silence": None}, "it may be a limit of age"),
        ({"low": 300 * NS_PER_S, "high": 300 * NS_PER_S + 9}, "after 5 m, silently"),
        ({"refreshed_by": RefreshedBy()}, "; send something at least every 3 m 50 s."),
        ({"kind": "age"}, "ends sessions, quiet or not, to broker"),
        (
            {"kind": "bytes", "unit": "bytes", "low": 19_000, "high": 21_000},
            "ends sessions, quiet or not, to broker after 20,000 bytes (19,000 bytes to 21,000",
        ),
        (
            {"refreshed_by": RefreshedBy(ping=True, down=False, one_byte=True, big_message=True)},
            "a ping, a byte and a message of 16 KiB count; data from the endpoint alone does not",
        ),
    ],
)
def test_what_else_it_says(changes, words):
    assert words in limit_in_words(replace(FOUND, **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "broker through vpn: no limit of silence found up to 2 h."),
        ({"reached": False}, "up to 2 h, which is not as far as was asked for."),
        ({"dead": 1}, "up to 2 h; 1 of 40 died of something else."),
        ({"survived": None}, "so nothing is known of a limit of silence."),
    ],
)
def test_where_none_was_found(changes, words):
    assert limit_in_words(replace(NONE, **changes)).endswith(words)
    assert heartbeat_ns(replace(NONE, **changes)) is None


def test_bytes_that_did_no_harm_are_no_sentence():
    bytes_ = replace(NONE, kind="bytes", unit="bytes", survived=60_000)
    assert limit_in_words(bytes_).endswith("no limit of bytes found up to 60,000 bytes.")
    assert limits_in_words([NONE, bytes_]) == [limit_in_words(NONE)]
    assert len(limits_in_words([NONE, replace(bytes_, low=1, high=2)])) == 2


@pytest.mark.parametrize(
    ("low_s", "every_s"), [(8, 6), (30, 20), (100, 80), (299, 230), (3600, 2880), (1, None)]
)
def test_the_heartbeat_is_round_and_well_below_the_limit(low_s, every_s):
    every = heartbeat_ns(replace(FOUND, low=low_s * NS_PER_S))
    assert every == (None if every_s is None else every_s * NS_PER_S)


def test_no_ping_is_advised_where_pings_do_not_count():
    found = replace(FOUND, refreshed_by=RefreshedBy(ping=False))
    assert heartbeat_ns(found) is None
    assert "a ping does not count" in limit_in_words(found)


def test_each_team_gets_a_line_for_each_egress():
    own, nobodys = replace(FOUND, ask="service_owner"), replace(FOUND, ask="nobody")
    once = replace(FOUND, endpoint="once", confirmed=False)
    lines = wishes_in_words([FOUND, replace(FOUND, endpoint="hub"), NONE, own, nobodys, once])
    raises = "raise the idle timeout of TCP sessions through vpn to"
    assert lines[0].startswith(f"For the network team: {raises} broker, hub, now 5 m, or")
    assert lines[1].startswith(f"For the owner of the service: {raises} broker, now")
    assert len(lines) == 2


def test_what_may_be_a_limit_of_age_is_asked_for_as_one_of_both():
    (line,) = wishes_in_words([replace(FOUND, is_silence=None)])
    assert "raise the idle timeout or limit of session age of TCP sessions" in line
