"""What to do about a login that did not come about, with its facts."""

import pytest

from stresser.analysis.words.login_remedies import LOGIN_ROWS, login_facts
from stresser.analysis.words.obstacles import LOGIN_OBSTACLES, Obstacle
from stresser.analysis.words.remedy_row import Addressee
from stresser.analysis.words.remedy_table import BY_OBSTACLE, asked_words, row_facts, seen_words
from stresser.model.proxy_login import LoginTrouble, ProxyAuth, ProxyLogin

HEADERS = {"proxy-authenticate": 'Basic realm="x"'}


def told(obstacle, **changes):
    login = ProxyLogin(**{"trouble": LoginTrouble.FAILED, "offered": ("Digest", "Basic")} | changes)
    facts = row_facts(None, 407, HEADERS, None, login) | {"destinations": "h:443"}
    row = BY_OBSTACLE[obstacle]
    return seen_words(row, facts), asked_words(row, facts)


def test_each_trouble_has_its_row():
    assert {row.obstacle for row in LOGIN_ROWS} == LOGIN_OBSTACLES


def test_what_is_offered_is_what_is_to_be_written():
    seen, asked = told(Obstacle.PROXY_LOGIN_NOT_ALLOWED)
    assert "asked for Digest, Basic (407)" in seen
    assert 'proxy_auth = ["digest", "basic"]' in asked


def test_a_ticket_that_is_missing():
    seen, asked = told(
        Obstacle.NO_TICKET,
        offered=("Negotiate",),
        tried=ProxyAuth.NEGOTIATE,
        service="HTTP/proxy.example.net",
        said="No Kerberos credentials available",
    )
    assert "no ticket for HTTP/proxy.example.net" in seen
    assert "kinit" in asked
    assert "(Kerberos says: No Kerberos credentials available)" in asked


@pytest.mark.parametrize("obstacle", [Obstacle.PROXY_LOGIN_REFUSED, Obstacle.PROXY_LOGIN_CUT])
def test_the_scheme_that_was_tried_is_named(obstacle):
    seen, _ = told(obstacle, tried=ProxyAuth.DIGEST)
    assert "login by digest" in seen


def test_who_can_act():
    assert {row.whom for row in LOGIN_ROWS} == {
        Addressee.PROXY, Addressee.READER, Addressee.NETWORK,
    }  # fmt: skip
    assert login_facts(None)["library_said"] == ""
