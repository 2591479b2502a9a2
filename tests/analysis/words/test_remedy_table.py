"""What to ask whom: every row stands for what was seen, and says nothing that was not."""

import re

import pytest

from stresser.analysis.words.obstacles import Obstacle
from stresser.analysis.words.remedy_table import (
    BY_OBSTACLE,
    ROWS,
    asked_words,
    facts_of_ending,
    missing_facts,
    seen_words,
    sent_words,
)
from stresser.model.ending import Kind, Phase
from tests.fakes.checked import failed, tls

LACKS = missing_facts("CN=Middle", "http://ca.test/m.crt")
NAMES = LACKS | {
    "hosts": "h",
    "destinations": "h:443",
    "names": "h",
    "bare": "tls://h:443",
    "sent": "s",
    "to_mss": " to 1260",
}


def facts(phase=Phase.TLS, kind=Kind.TIMEOUT, facts_of_tls=None, **changes):
    return facts_of_ending(failed(phase=phase, kind=kind, **changes).ending, facts_of_tls) | NAMES


def test_each_obstacle_has_one_row():
    assert [row.obstacle for row in ROWS] == list(dict.fromkeys(row.obstacle for row in ROWS))
    assert set(BY_OBSTACLE) == set(Obstacle)


@pytest.mark.parametrize("row", ROWS, ids=[row.obstacle.value for row in ROWS])
def test_a_row_is_whole_sentences_with_nothing_left_in_braces(row):
    seen, asked = seen_words(row, facts()), asked_words(row, facts())
    assert re.findall(r"\{[a-z_]+\}", seen + asked + row.unproved) == []
    assert asked.endswith(".")
    assert not seen.endswith(".")
    assert row.ask.endswith(".")
    assert f"Ask {row.whom}: " in asked if row.whom else "Ask who" not in asked


@pytest.mark.parametrize(
    ("obstacle", "changes", "seen", "asked", "never"),
    [
        (Obstacle.ANSWER_MISSING, {}, "acknowledged and its answer did not come",
         "Lower the MTU of this host's interface to 1280", "name"),
        (Obstacle.ANSWER_TORN, {}, "big packets of the answer", "clamp the MSS", "name"),
        (Obstacle.HELLO_DROPPED, {}, "never acknowledged", "(s)", "MTU"),
        (Obstacle.HELLO_CUT, {}, "cut", "let h pass the filter (s)", "MTU"),
        (Obstacle.TUNNEL_SILENT, {}, "through the proxy", "Ask the proxy team", "MTU"),
        (Obstacle.ALERT_CLIENT, {"alert": 116}, "alert 116", "client certificate", "alpn"),
        (Obstacle.ALERT_ALPN, {"alert": 120}, "alert 120", "Leave alpn out", "certificate"),
        (Obstacle.ALERT, {"alert": 40}, "alert 40 (handshake_failure)", "no cipher", "?"),
        (Obstacle.ALERT, {"alert": 250}, "alert 250", "this alert.", ":."),
        (Obstacle.ALERT, {"alert": None}, "alert ?", "this alert.", ":."),
        (Obstacle.PROXY_LOGIN_NOT_SPOKEN,
         {"evidence": {"headers": {"proxy-authenticate": "Negotiate, NTLM"}}},
         "asked for Negotiate, NTLM (407)", "without Negotiate, NTLM", "proxy_password"),
        (Obstacle.PROXY_LOGIN, {}, "asked for a login", "proxy_user and proxy_password", "NTLM"),
        (Obstacle.PROXY_FORBIDS, {"status": 403}, "refused (403)", "allow CONNECT to h:443", "?"),
        (Obstacle.SENT_AWAY,
         {"status": 302, "evidence": {"headers": {"Location": "http://login.test/"}}},
         "HTTP 302, which leads to http://login.test/", "Log in to this network", "Upgrade"),
        (Obstacle.UPGRADE_STRIPPED, {"status": 426}, "HTTP 426", "give WebSocket support", "path."),
        (Obstacle.TOKEN_REFUSED, {"status": 401}, "refused the token", "may have expired", "env:"),
        (Obstacle.OPEN_REFUSED,
         {"code": 1008, "reason": "no", "evidence": {"last_text": '{"error":"who"}'}},
         'as wanted, but with "{"error":"who"}" and WebSocket close 1008 "no"',
         "say what h wants", "{{"),
        (Obstacle.OPEN_REFUSED, {}, "the first messages as wanted", "the token in it", " with "),
        (Obstacle.LOGIN_WANTED, {"status": 401}, "a login", 'Authorization = "env:NAME" }', "{{"),
    ],
)  # fmt: skip
def test_what_is_said(obstacle, changes, seen, asked, never):
    row, known = BY_OBSTACLE[obstacle], facts(**changes)
    said = asked_words(row, known)
    assert seen in seen_words(row, known)
    assert asked in said
    assert never not in said


def test_the_mtu_comes_first_and_the_filter_second():
    said = asked_words(BY_OBSTACLE[Obstacle.ANSWER_MISSING], facts())
    assert said.index("big packets") < said.index("filter")


def test_the_alpn_that_was_agreed_is_named():
    row = BY_OBSTACLE[Obstacle.ALPN_NOT_SPOKEN]
    assert seen_words(row, facts(facts_of_tls=tls(alpn="h2"))).startswith("ALPN h2 was agreed")


def test_a_peers_words_are_escaped_and_put_nothing_in():
    headers = {"proxy-authenticate": "\x1b[31m{hosts}"}
    known = facts(Phase.PROXY, Kind.PROXY_ERROR, status=407, evidence={"headers": headers})
    said = asked_words(BY_OBSTACLE[Obstacle.PROXY_LOGIN_NOT_SPOKEN], known)
    assert "\x1b" not in said
    assert "{hosts}" in said


def test_an_incomplete_chain_names_what_it_lacks_and_who_fetches_it():
    row = BY_OBSTACLE[Obstacle.CHAIN_INCOMPLETE]
    assert "(Schannel), macOS and Chrome fetch it from http://ca.test/m.crt" in asked_words(
        row, facts()
    )
    directory = facts() | missing_facts("CN=Middle", "ldap:///CN=Middle")
    assert "Windows (Schannel) alone fetches it from ldap:///CN=Middle" in asked_words(
        row, directory
    )


def test_which_name_was_sent():
    assert sent_words("a.test") == "it carried the name a.test"
    assert sent_words("") == "it carried no name: an address was asked for"
