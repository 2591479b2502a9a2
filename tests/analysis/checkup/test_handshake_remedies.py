"""What to do about a handshake that failed: whom to ask for what, by what was seen."""

import pytest

from stresser.analysis.checkup.remedies import remedy
from stresser.model.checkup_facts import Asked
from stresser.model.ending import Kind, Phase
from tests.fakes.checked import failed, tcp_info, tls, way

HELD_BACK = {"tcp_info": tcp_info(bytes_acked=518)}
TORN = {"tcp_info": tcp_info(bytes_acked=518, out_of_order=4)}
DROPPED = {"tcp_info": tcp_info(bytes_acked=1, unacked=1)}


def said(phase, kind, ways=None, **changes):
    return remedy(failed(phase=phase, kind=kind, **changes), ways or [way()])


@pytest.mark.parametrize(
    ("kind", "evidence", "first", "never"),
    [
        (Kind.TIMEOUT, TORN, "Big packets towards this host are lost", "name"),
        (Kind.TIMEOUT, HELD_BACK, "The ClientHello was acknowledged and its answer is missing.",
         "name"),
        (Kind.TIMEOUT, DROPPED, "TCP stood and the ClientHello was dropped (it carried", "MTU"),
        (Kind.TCP_RESET, {}, "TCP stood and TLS did not (it carried the name broker.example.net)",
         "MTU"),
        (Kind.TIMEOUT, {}, "TCP stood and TLS did not", "MTU"),
    ],
    ids=["torn", "held back", "dropped", "cut", "not known"],
)  # fmt: skip
def test_a_hello_without_a_good_answer(kind, evidence, first, never):
    told = said(Phase.TLS, kind, evidence=evidence)
    assert told.startswith(first)
    assert never not in told


def test_the_mtu_comes_first_and_the_filter_second():
    told = said(Phase.TLS, Kind.TIMEOUT, evidence=HELD_BACK)
    assert told.index("big packets") < told.index("filter")
    assert "MTU of this host's interface to 1280" in told


def test_behind_a_proxy_the_acknowledgement_is_the_proxys():
    through = [way(proxy="http://192.0.2.7:3128")]
    assert "MTU" not in said(Phase.TLS, Kind.TIMEOUT, through, evidence=HELD_BACK)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_an_address_has_no_name_to_be_filtered(host):
    told = said(Phase.TLS, Kind.TIMEOUT, [way(host=host)], evidence=DROPPED)
    assert "it carried no name: an address was asked for" in told


def test_plain_http_where_tls_was_asked_for():
    page = {"first_bytes": "HTTP/1.1 302 Found\\r\\nLocation: http://login.test/"}
    assert said(Phase.TLS, Kind.PROTOCOL_ERROR, evidence=page).startswith("Plain HTTP answers")
    assert "login portal" in said(Phase.TLS, Kind.PROTOCOL_ERROR, evidence={"first_bytes": "SSH"})


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (116, "TLS alert 116: it wants a client certificate (certificate_required)"),
        (120, "TLS alert 120: no common application protocol (leave alpn out"),
        (40, "TLS alert 40: it finds no cipher"),
        (112, "TLS alert 112: it has no such name (sni)"),
        (250, "TLS alert 250: it says no more than that"),
        (None, "TLS alert ?: it says no more than that"),
    ],
)
def test_alerts_by_number(number, words):
    assert words in said(Phase.TLS, Kind.TLS_ALERT, alert=number)


@pytest.mark.parametrize(
    ("offered", "words", "never"),
    [
        ("Negotiate, NTLM", "takes no login but Negotiate, NTLM, which stresser", "proxy_password"),
        ("NTLM", "takes no login but NTLM", "proxy_password"),
        ('Negotiate, Basic realm="proxy"', "give the egress proxy_user", "takes no login"),
        ('Digest realm="a, b", nonce="x"', "takes no login but Digest", "proxy_password"),
        ("", "give the egress proxy_user and proxy_password", "takes no login"),
    ],
)
def test_a_proxy_is_offered_no_scheme_that_it_does_not_take(offered, words, never):
    evidence = {"headers": {"proxy-authenticate": offered}}
    told = said(Phase.PROXY, Kind.PROXY_ERROR, status=407, evidence=evidence)
    assert words in told
    assert never not in told


def test_a_proxy_that_forbids():
    told = said(Phase.PROXY, Kind.PROXY_ERROR, status=403)
    assert told == "Ask the proxy team to allow CONNECT to: broker.example.net:443."


@pytest.mark.parametrize(
    ("status", "changes", "headers", "words"),
    [
        (200, {}, {}, "does not pass Upgrade and Connection on"),
        (400, {}, {}, "does not pass Upgrade and Connection on"),
        (426, {}, {}, "for WebSocket support"),
        (404, {}, {}, "check the path"),
        (503, {}, {}, "no WebSocket was given"),
        (302, {}, {"location": "http://login.test/"}, "(it leads to http://login.test/): a login"),
        (511, {}, {}, "HTTP 511: a login portal"),
        (401, {}, {}, "Authorization"),
        (401, {"carries_token": True}, {}, "it may have expired"),
        (403, {"carries_token": True}, {}, "forbids the path"),
    ],
)
def test_an_answer_that_is_no_websocket(status, changes, headers, words):
    one = way(asked=Asked.UPGRADE, **changes)
    told = said(Phase.UPGRADE, Kind.HTTP_REFUSAL, [one], status=status,
                evidence={"headers": headers})  # fmt: skip
    assert words in told


def test_h2_where_http_1_is_spoken():
    one = way(asked=Asked.UPGRADE, tls=tls(alpn="h2"))
    told = said(Phase.UPGRADE, Kind.PROTOCOL_ERROR, [one])
    assert told.startswith("ALPN h2 was agreed, and stresser speaks HTTP/1.1")
    plain = way(asked=Asked.UPGRADE, tls=tls(alpn="http/1.1"))
    assert "ALPN" not in said(Phase.UPGRADE, Kind.PROTOCOL_ERROR, [plain])


def test_what_came_instead_is_pointed_at():
    one = way(asked=Asked.UPGRADE)
    told = said(Phase.UPGRADE, Kind.PROTOCOL_ERROR, [one], evidence={"first_bytes": "squid"})
    assert "What came instead is shown." in told
