"""Handshakes that fail, each named by `check` and by `run`; nothing is said of the control."""

import dataclasses
from typing import Any

import pytest

from tests.netlab import asked_proxies, firewalls, inspectors
from tests.netlab.certificates import NAME
from tests.netlab.checks import check
from tests.netlab.conftest import need
from tests.netlab.inspectors import trusting_host
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.odd_chains import PLACE, OddChains
from tests.netlab.proxies import start_haproxy, start_nginx
from tests.netlab.test_refusals import ONLY_SUSPECT, URL, plan_of
from tests.netlab.tester import WSS_PORT
from tests.netlab.topology import CLIENT, CONTROL, OTHER, ROUTER, SERVER, SERVER6, SUSPECT
from tests.netlab.truths import (
    BOTH,
    ENDPOINT,
    INTERCEPTED,
    MIDDLEBOX,
    NETWORK,
    OWNER,
    UNKNOWN,
)
from tests.netlab.verdicts import RunTruth

FRONT_PORT = 7012
WHOM = NETWORK | {"proxy_team"}


def few(lab, **changes):
    return plan_of(lab, **({"sessions": 3, "duration": "7s"} | changes))


def fails(mechanism, what, **more):
    answer: dict[str, Any] = {"where": {"egress"}, "who": MIDDLEBOX | UNKNOWN, "whom": WHOM} | more
    return RunTruth(what=what, mechanism=set(mechanism.split("|")), failures=True, **answer)


def hangs(what, **more):
    """The size is the likeliest; that a name is filtered nothing shows."""
    answer = {"says": ["MTU"], "never": ["name is filtered", "pass the filter"]} | more
    return fails("handshake_hang", what, **answer)


def test_big_packets_towards_us_are_lost(lab, judge):
    lab.serve_again(SERVER, big=True)
    lab.suspect.nft(firewalls.NO_FRAGMENTATION_NEEDED)
    lab.suspect.ip("link set client mtu 1200")
    plan = few(lab)
    seen = check(lab, plan)
    seen.must_say(SUSPECT, "ClientHello was acknowledged, its answer", "MTU", "MSS",
                  never=["pass the filter"])  # fmt: skip
    seen.must_be_well(CONTROL)
    judge(lab.run(plan), NOTHING, hangs("towards us"))


def test_big_packets_towards_them_are_lost(lab, judge):
    """The hello is small; what asks for the upgrade is not."""
    lab.suspect.nft(firewalls.NOTHING_BIG_TO_SERVER)
    plan = few(lab, each_endpoint=f'headers = {{ X-Padding = "{"x" * 1800}" }}')
    seen = check(lab, plan)
    seen.must_say(SUSPECT, "WebSocket upgrade was never acknowledged", "MTU", "MSS")
    seen.must_be_well(CONTROL)
    judge(lab.run(plan), NOTHING, hangs("towards them"))


@pytest.mark.parametrize(
    ("how", "said"),
    [("silently", "never acknowledged"), ("near", "ClientHello"), ("far", "ClientHello")],
)
def test_a_hello_is_dropped_by_its_name(lab, judge, how, said):
    if how == "far":
        rule = firewalls.meets_name("reject with tcp reset", chain="input", source=CLIENT[SUSPECT])
        lab.server.nft(rule)
    else:
        lab.suspect.nft(
            firewalls.meets_name("drop" if how == "silently" else "reject with tcp reset")
        )
    plan = few(lab)
    seen = check(lab, plan)
    seen.must_say(SUSPECT, said, f"it carried the name {NAME}", never=["MTU"])
    seen.must_be_well(CONTROL)
    judge(
        lab.run(plan),
        NOTHING,
        fails("name_filter", f"dropped {how}", who=MIDDLEBOX | UNKNOWN, says=[NAME]),
    )


def test_a_box_judges_one_segment(lab, judge):
    """A hello that fills two is dropped."""
    lab.suspect.nft(firewalls.ONE_SEGMENT)
    lab.client.ip(f"link set {SUSPECT} mtu 500")
    plan = few(lab)
    seen = check(lab, plan)
    seen.must_say(SUSPECT, "ClientHello was never acknowledged", "MTU", "filter")
    seen.must_be_well(CONTROL)
    judge(lab.run(plan), NOTHING, hangs("one segment", says=["MTU|size"]))


def test_ipv6_alone_is_broken(lab, judge):
    lab.serve_by_both_families()
    lab.suspect.nft(firewalls.BIG_IPV6_LOST)
    hosts = {"app.netlab.test": [SERVER6, SERVER]}
    plan = few(lab, endpoints={"app": f"wss://app.netlab.test:{WSS_PORT}/"},
               egresses={SUSPECT: ""})  # fmt: skip
    check(lab, plan, hosts=hosts).must_say(SUSPECT, "IPv6 fails, IPv4 works", "packet too big")
    recording = lab.run(plan, hosts=hosts)
    opened = recording.opened()
    others = [Truth(what="the others are well", egress=SUSPECT)] if opened else []
    judge(
        recording,
        *others,
        hangs("IPv6", where=UNKNOWN, says=["MTU", "by IPv6", "by IPv4 .* (opened|answered)"]),
    )


def front(lab, **changes):
    """What an endpoint's URL names, in the suspect router; and the server itself beside it."""
    urls = {"front": f"wss://{ROUTER[SUSPECT]}:{FRONT_PORT}/", "backend": URL}
    return few(lab, endpoints=urls, egresses=ONLY_SUSPECT, **changes)


def of_front(mechanism, what, **more):
    answer: dict[str, Any] = {"where": UNKNOWN | {"endpoint"}, "who": ENDPOINT | UNKNOWN,
              "whom": OWNER | WHOM | {"this_host"}, "endpoint": "front"} | more  # fmt: skip
    return fails(mechanism, what, **answer)


BACKEND = Truth(what="the backend itself", endpoint="backend")


def test_upgrade_is_stripped_by_nginx(lab, judge):
    need("nginx")
    start_nginx(lab, "http", idle_s=3600, port=FRONT_PORT, passes_upgrade=False)
    plan = front(lab)
    seen = check(lab, plan)
    seen.must_say(SUSPECT, "WebSocket support", "reverse proxy")
    seen.must_be_well(SUSPECT, "backend")
    judge(lab.run(plan), BACKEND,
          of_front("refused_by_endpoint", "stripped", says=["WebSocket support"]))  # fmt: skip


def test_h2_is_agreed(lab, judge):
    need("nginx")
    start_nginx(lab, "http", idle_s=3600, port=FRONT_PORT, tls="ssl http2")
    plan = front(lab, each_endpoint='alpn = ["h2", "http/1.1"]')
    seen = check(lab, plan)
    seen.must_say(SUSPECT, "h2", "leave h2 out of alpn")
    seen.must_be_well(SUSPECT, "backend")
    judge(lab.run(plan), BACKEND,
          of_front("refused_by_endpoint", "h2", says=["ALPN h2", "HTTP/1.1"]))  # fmt: skip


@pytest.mark.parametrize("number", [116, 120])
def test_alerts(lab, judge, number):
    need("nginx", "haproxy")
    if number == 116:
        start_haproxy(lab, "client", port=FRONT_PORT)
    else:
        start_nginx(lab, "http", idle_s=3600, port=FRONT_PORT)
    plan = front(lab, each_endpoint='alpn = ["reversetunnel"]' if number == 120 else "")
    seen = check(lab, plan)
    what = "client certificate" if number == 116 else "leave alpn out"
    seen.must_say(SUSPECT, f"alert {number}", what)
    seen.must_be_well(SUSPECT, "backend")
    alert = f"alert {number}"
    judge(lab.run(plan), BACKEND, of_front("refused_by_endpoint", alert, says=[alert, what]))


def test_a_token_has_expired(lab, judge):
    token = {"NETLAB_TOKEN": "Bearer of-yesterday"}
    urls = {"front": f"{URL}status/401", "backend": URL}
    plan = few(
        lab, endpoints=urls, each_endpoint='headers = { Authorization = "env:NETLAB_TOKEN" }'
    )
    seen = check(lab, plan, environment=token)
    for way in BOTH:
        seen.must_say(way, "401", "may have expired", never=["env:NAME"])
        seen.must_be_well(way, "backend")
    judge(
        lab.run(plan, environment=token),
        *(Truth(what="the backend itself", endpoint="backend", egress=way) for way in BOTH),
        of_front("refused_by_endpoint", "401", where={"endpoint", "shared"}, who=ENDPOINT,
                 whom=OWNER, says=["expired"]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tls", "said"),
    [("ssl", "http://login.netlab.test/"), ("", "plain HTTP")],
    ids=["another certificate", "plain"],
)
def test_a_login_portal(lab, judge, tls, said):
    need("nginx")
    start_nginx(lab, "portal", tls=tls)
    plan = few(lab)
    seen = check(lab, plan)
    seen.must_say(SUSPECT, said, "log in to this network")
    seen.must_be_well(CONTROL)
    judge(lab.run(plan), NOTHING, fails("captive_portal", "a portal", says=["302|HTTP"]))


@pytest.mark.parametrize(
    ("scheme", "told", "says", "whom"),
    [
        # By what is installed here: no ticket, or nothing that could ask for one.
        ("Negotiate", "Kerberos", "kinit|stresser.kerberos", {"this_host"}),
        ("NTLM", r'proxy_auth = \["ntlm"\]', "Give this host a login", {"proxy_team"}),
    ],
)
def test_a_proxy_takes_one_login_alone(lab, judge, scheme, told, says, whom):
    asked_proxies.start_login_proxy(lab, scheme)
    plan = few(lab, egresses=asked_proxies.egresses())
    seen = check(lab, plan)
    seen.must_say(SUSPECT, told, scheme, never=["Basic"])
    seen.must_be_well(CONTROL)
    judge(lab.run(plan), NOTHING,
          fails("proxy_refusal", scheme, who=MIDDLEBOX, whom=whom, says=[f"(?i){says}"],
                never=["Basic"]))  # fmt: skip


def test_a_proxy_reports_a_dead_endpoint(lab, judge):
    need("tinyproxy")
    asked_proxies.start_tinyproxy(lab, idle_s=3600)
    lab.servers.pop(SERVER).kill()
    urls = {"front": URL, "backend": f"wss://{OTHER}:{WSS_PORT}/"}
    plan = few(lab, endpoints=urls, egresses=asked_proxies.egresses())
    seen = check(lab, plan)
    seen.must_say(SUSPECT, "500", "dead endpoint", never=["allow CONNECT"])
    seen.must_say(CONTROL, "refused")
    for way in BOTH:
        seen.must_be_well(way, "backend")
    judge(
        lab.run(plan),
        *(Truth(what="its neighbour lives", endpoint="backend", egress=way) for way in BOTH),
        of_front("endpoint_down", "dead", where={"endpoint"}, whom=OWNER),
    )


def test_one_private_ca_through_every_egress(lab, judge):
    """This host trusts it, and the scenario does not declare it."""
    plan = dataclasses.replace(few(lab), ca=lab.certificates.inspector_root)
    trusting = trusting_host(lab)
    seen = check(lab, plan, environment=trusting)
    for way in BOTH:
        seen.must_be_well(way)
    assert [one["concern"] for one in seen.said["findings"]] == ["undeclared"]
    judge(lab.run(plan, environment=trusting),
          *(Truth(what="held", egress=way) for way in BOTH))  # fmt: skip


def test_an_expired_cross_signature_is_served_first(lab, judge):
    chains = OddChains(lab.folder)
    lab.serve_again(SERVER, both=chains.expired_cross_sign_first())
    plan = dataclasses.replace(few(lab, each_endpoint='verify = "require"'), ca=chains.root)
    seen = check(lab, plan)
    for way in BOTH:
        seen.must_be_well(way)
    recording = lab.run(plan)
    judge(recording, *(Truth(what="held", egress=way) for way in BOTH))
    met = [one for one in recording.events() if one["event"] == "chain_seen"]
    assert {(one["root"], one.get("intercepted", False), one["verified"]) for one in met} == {
        ("declared", False, True)
    }


def test_an_intermediate_is_missing_and_may_be_fetched(lab, judge):
    chains = OddChains(lab.folder)
    lab.serve_again(SERVER, both=chains.without_its_intermediate())
    plan = dataclasses.replace(few(lab, each_endpoint='verify = "require"'), ca=chains.root)
    seen = check(lab, plan)
    for way in BOTH:
        seen.must_say(way, "CN=Netlab Middle", "Schannel", PLACE, never=["declare", "inspection"])
    judge(
        lab.run(plan),
        fails("refused_by_endpoint", "incomplete", where={"shared", "endpoint"},
              who=UNKNOWN | ENDPOINT | {"host"}, whom=OWNER, says=["CN=Netlab Middle", PLACE],
              never=["declare"]),
    )  # fmt: skip


@pytest.mark.parametrize("box", ["squid", "mitmproxy"])
def test_tls_is_opened_on_one_way(lab, judge, box):
    plan, trusting = few(lab), trusting_host(lab)

    def both_see():
        seen = check(lab, plan, environment=trusting)
        seen.must_say(SUSPECT, "TLS is intercepted for 1 of 2 pairs", "inspection bypass")
        seen.must_be_well(CONTROL)
        return lab.run(plan, environment=trusting)

    if box == "squid":
        need("squid")
        with inspectors.squid(lab):
            recording = both_see()
    else:
        inspectors.start_mitmproxy(lab, inspectors.mitmdump())
        recording = both_see()
    judge(recording, Truth(what="held through the box"), NOTHING,
          dataclasses.replace(INTERCEPTED, is_certain=True))  # fmt: skip
