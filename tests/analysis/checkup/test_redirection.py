"""Redirection: a table of ways that are redirected, and a longer one of those that are not."""

from typing import Any

import pytest

from stresser.analysis.checkup.finding import Concern
from stresser.analysis.checkup.redirection import redirections
from stresser.model.chain import ChainClass
from stresser.model.checkup_facts import HttpAnswer, Leads
from stresser.model.ending import Phase
from tests.fakes.checked import MS, failed, tls, way

NOWHERE = "0.0.0.0"  # noqa: S104 - what a filter answers, nothing is bound
LOOPBACK: dict[str, Any] = {"addresses": ["127.0.0.1"], "dialled": "127.0.0.1:443"}


def concerns(*ways):
    return [finding.concern for finding in redirections(ways)]


def near(endpoint="broker", address="198.41.0.4", connect=1, handshake=90, tries=3, **changes):
    """TCP in a millisecond, TLS in ninety: as if TCP ended in the next room."""
    times = {"connect": connect * MS, "tls": handshake * MS}
    facts = {
        "addresses": [address],
        "dialled": f"{address}:443",
        "phases_ns": times,
        "again_ns": [times] * (tries - 1),
    }
    return way(endpoint, **facts | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (LOOPBACK, "a loopback address"),
        ({"addresses": ["::1"], "dialled": "[::1]:443"}, "a loopback address"),
        ({"addresses": ["127.8.9.1"], "dialled": None}, "a loopback address"),
        ({"addresses": [NOWHERE], "dialled": f"{NOWHERE}:443"}, "filters in DNS"),
        ({"addresses": ["192.0.2.10"], "dialled": "192.0.2.10:443",
          "leads": Leads(source="192.0.2.10", to_itself=True)}, "an address of this host"),
    ],
)  # fmt: skip
def test_a_name_that_leads_to_this_host(changes, said):
    (finding,) = redirections([way(**changes)])
    assert finding.concern is Concern.LOCAL
    assert said in finding.evidence[0]
    assert "broker.example.net" in finding.says
    assert "hosts file" in finding.remedy
    assert not finding.is_failure


@pytest.mark.parametrize(
    "changes",
    [
        {},
        LOOPBACK | {"is_own": True},
        {"addresses": [], "dialled": "127.0.0.1:443", "host": "127.0.0.1"},
        {"addresses": ["10.0.0.7"], "dialled": "10.0.0.7:443"},
        {"addresses": ["not an address"], "dialled": None},
    ],
    ids=["public", "local by name", "an address that was given", "private everywhere", "nonsense"],
)
def test_ways_that_accuse_nobody(changes):
    assert concerns(way(**changes)) == []


def test_a_name_that_is_private_through_one_egress_alone():
    vpn = way(egress="vpn", addresses=["10.0.0.7"], dialled="10.0.0.7:443")
    (finding,) = redirections([way(), vpn])
    assert finding.concern is Concern.LOCAL
    assert "private addresses" in finding.says
    assert finding.evidence == ["broker.example.net is 10.0.0.7 through vpn"]


def test_a_proxy_on_this_host():
    changes: dict[str, Any] = {
        "proxy": "http://127.0.0.1:9000",
        "dialled": "127.0.0.1:9000",
        "addresses": [],
    }
    (finding,) = redirections([way(**changes)])
    assert finding.says == "The proxy http://127.0.0.1:9000 listens on this host itself."
    assert "--direct" in finding.remedy
    elsewhere: dict[str, Any] = {
        "proxy": "http://192.0.2.7:9000",
        "dialled": "192.0.2.7:9000",
        "addresses": [],
    }
    assert concerns(way(**elsewhere)) == []


def test_tcp_that_ends_nearby():
    (finding,) = redirections([near()])
    assert finding.concern is Concern.NEAR
    assert "a slow endpoint behind a near front looks the same" in finding.says
    assert "1 ms / 90 ms, 1 ms / 90 ms, 1 ms / 90 ms" in finding.evidence[0]


def test_unrelated_endpoints_that_answer_tcp_alike():
    ways = [
        near(name, f"198.41.0.{number}", host=f"{name}.{name}.com")
        for number, name in enumerate("abc", 1)
    ]
    (finding,) = redirections(ways)
    assert "TCP ends nearby and not at the endpoints" in finding.says
    assert "3 unrelated domains" in finding.evidence[0]
    # Of one domain, or at one address, they are one service; of other times, several.
    for others in (
        [near(name, f"198.41.0.{number}") for number, name in enumerate("abc", 1)],
        [near(name, host=f"{name}.{name}.com") for name in "abc"],
        [
            near(name, f"198.41.0.{number}", number, host=f"{name}.{name}.com")
            for number, name in enumerate("abc", 1)
        ],
    ):
        (finding,) = redirections(others)
        assert "looks the same" in finding.says


@pytest.mark.parametrize(
    "one",
    [
        near(tries=2),
        near(is_own=True),
        near(address="127.0.0.1", host="127.0.0.1"),
        near(address="10.0.0.7"),
        near(proxy="http://192.0.2.7:3128"),
        near(connect=10, handshake=79),
        near(connect=1, handshake=20),
        near(tls=None),
        near(tls=tls(version="TLSv1.2"), handshake=40),
        near(again_ns=[{"connect": MS, "tls": 90 * MS}, {"connect": 30 * MS, "tls": 90 * MS}]),
        near(again_ns=[{"connect": MS, "tls": 90 * MS}, {"connect": MS, "tls": 9 * MS}]),
        near(again_ns=[{"connect": MS}, {"connect": MS}]),
        near(leads=Leads(source="198.41.0.4", to_itself=True), addresses=[]),
    ],
    ids=[
        "two tries", "local by name", "loopback", "private", "through a proxy", "eight times",
        "20 ms", "no TLS", "two round trips", "TCP was slow once", "TLS was fast once",
        "TLS failed later", "this host's own",
    ],
)  # fmt: skip
def test_times_that_accuse_nobody(one):
    assert Concern.NEAR not in concerns(one)


INTERCEPTED = {"tls": tls(ChainClass.PRIVATE_TRUSTED)}
PROXIED = {"proxy": "http://192.0.2.7:3128", "dialled": "192.0.2.7:3128", "addresses": []}


def answer(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status=200, reason="OK", headers=named)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (PROXIED | {"proxy_headers": {"via": "1.1 a, 1.1 b"}}, "names 2 hops, via: 1.1 a, 1.1 b"),
        (PROXIED | {"proxy_headers": {"proxy-status": "a; error=x, b"}}, "names 2 hops"),
        (INTERCEPTED | {"http": answer(via="1.1 a, 1.1 b")}, "the intercepted answer names 2 hops"),
        (INTERCEPTED | {"http": answer(x_forwarded_for="10.0.0.1")}, "repeats x-forwarded-for"),
        (PROXIED | INTERCEPTED | {"http": answer(via="1.1 bump")}, "inside the tunnel"),
        (PROXIED | {"tls": None, "http": None, "failed": failed(
            phase=Phase.PROXY, evidence={"headers": {"via": "1.1 \x1b[31m, 1.1 b"}})}, r"\x1b[31m"),
    ],
)  # fmt: skip
def test_a_proxy_behind_a_proxy(changes, said):
    (finding,) = [f for f in redirections([way(**changes)]) if f.concern is Concern.PROXY_CHAIN]
    assert said in finding.evidence[0]
    assert "\x1b" not in finding.evidence[0]
    assert finding.remedy.endswith("broker.example.net.")


@pytest.mark.parametrize(
    "changes",
    [
        {"http": answer(via="1.1 varnish, 1.1 cloudfront", x_forwarded_for="10.0.0.1")},
        PROXIED | {"proxy_headers": {"via": "1.1 squid"}},
        PROXIED | {"http": answer(via="1.1 varnish, 1.1 cloudfront")},
        INTERCEPTED | {"http": answer(via="1.1 bump")},
    ],
    ids=["the service's own front", "one hop", "the service's, through a proxy", "one interceptor"],
)
def test_headers_that_accuse_nobody(changes):
    assert Concern.PROXY_CHAIN not in concerns(way(**changes))


VPN = Leads(source="10.8.0.2", interface="tun0", words="tun, a tunnel, MTU 1400", is_tunnel=True)


def test_a_way_through_a_tunnel():
    (finding,) = redirections([way(egress="vpn", leads=VPN)])
    assert finding.concern is Concern.TUNNEL
    assert "leads through tun0 (tun, a tunnel, MTU 1400)." in finding.says
    assert "leaves from 10.8.0.2" in finding.evidence[0]
    assert "split tunnelling of: broker.example.net" in finding.remedy


@pytest.mark.parametrize(("slow_ms", "is_hairpin"), [(90, True), (41, True), (39, False)])
def test_a_hairpin(slow_ms, is_hairpin):
    times = {"connect": slow_ms * MS, "tls": 90 * MS}
    (finding,) = redirections([way(), way(egress="vpn", leads=VPN, phases_ns=times)])
    assert ("hairpin" in finding.says) is is_hairpin
    assert (f"in {slow_ms} ms through vpn and in 20 ms through direct" in " ".join(
        finding.evidence)) is is_hairpin  # fmt: skip


def test_a_tunnel_of_the_lab_is_none():
    assert concerns(way(leads=VPN, is_own=True)) == []
