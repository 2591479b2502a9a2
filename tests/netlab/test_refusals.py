"""Attempts that fail: lost for their size, refused, filtered, sent away, opened on the way."""

import dataclasses
from typing import Any

import pytest

from tests.netlab import asked_proxies, firewalls, inspectors
from tests.netlab.certificates import OTHER_NAME
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.proxies import start_haproxy, start_nginx
from tests.netlab.tester import WSS_PORT, Heartbeat
from tests.netlab.topology import OTHER, ROUTER, SERVER, SERVER6, SUSPECT
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

BEATS = Heartbeat(every="1s", timeout="2s")
ONLY_SUSPECT = {SUSPECT: f'interface = "{SUSPECT}"'}
RECONNECTS = '{ initial = "500ms", max = "1s", jitter = 0.5 }'
URL, OTHER_URL = f"wss://{SERVER}:{WSS_PORT}/", f"wss://{OTHER}:{WSS_PORT}/"
TWO = {"server": URL, "other": OTHER_URL}
SHORT = 'connect = "2s"\ntls = "2s"\nupgrade = "2s"\nproxy = "2s"\nclose = "1s"'
WELL = Truth(what="the others are well", egress=SUSPECT)


PRIVATE_ROOT = RunTruth(
    what="an undeclared root",
    mechanism={"refused_by_endpoint", "no_pattern"},
    where={"endpoint", "shared"},
    who=ENDPOINT | UNKNOWN | {"host"},
    whom=OWNER | {"this_host", "nobody"},
    beside=True,
)


def plan_of(lab, **changes):
    usual = {"sessions": 6, "duration": "9s", "activities": (BEATS,), "reconnect": RECONNECTS,
             "timeouts": SHORT}  # fmt: skip
    return lab.plan(**(usual | changes))


def hang(what, **more):
    """The flight that is too big is lost; that the name is filtered nothing shows."""
    answer = {"where": {"egress"}, "who": MIDDLEBOX | UNKNOWN, "whom": NETWORK} | more
    return RunTruth(what=what, mechanism={"handshake_hang"}, failures=True, says=["MTU"],
                    never=["name is filtered", "filters the name"], **answer)  # fmt: skip


@pytest.mark.parametrize("alone", [False, True], ids=["controlled", "alone"])
def test_big_flight_is_lost(lab, judge, alone):
    lab.serve_again(SERVER, big=True)
    lab.suspect.nft(firewalls.NO_FRAGMENTATION_NEEDED)
    lab.suspect.ip("link set client mtu 1200")
    changes = {"egresses": ONLY_SUSPECT} if alone else {}
    recording = lab.run(plan_of(lab, **changes))
    assert {one.phase for one in recording.endings() if not one.planned} == {"tls"}
    controls = [] if alone else [NOTHING]
    where = UNKNOWN if alone else {"egress"}
    judge(recording, *controls, hang("handshakes hang", where=where))


def test_big_flight_is_lost_by_ipv6_alone(lab, judge):
    lab.serve_by_both_families()
    lab.suspect.nft(firewalls.BIG_IPV6_LOST)
    urls = {"app": f"wss://app.netlab.test:{WSS_PORT}/"}
    recording = lab.run(
        plan_of(lab, endpoints=urls, egresses={SUSPECT: ""}),
        hosts={"app.netlab.test": [SERVER6, SERVER]},
    )
    opened = recording.opened()
    judge(
        recording,
        *([WELL] if opened else []),
        hang("IPv6 hangs, IPv4 does not", where=UNKNOWN),
    )


def test_firewall_refuses_by_one_way(lab, judge):
    lab.suspect.nft(
        f"""
table ip closed {{
  chain forwarded {{
    type filter hook forward priority filter; policy accept;
    ip daddr {SERVER} tcp dport {WSS_PORT} reject with tcp reset
  }}
}}
"""
    )
    judge(
        lab.run(plan_of(lab, endpoints=TWO)),
        NOTHING,
        Truth(what="the neighbour", endpoint="other"),
        RunTruth(what="refused by one way alone", mechanism={"outage", "no_pattern"},
                 where={"egress"}, who=MIDDLEBOX | UNKNOWN, whom=NETWORK, failures=True),
    )  # fmt: skip


def test_firewall_drops_connections_by_one_way(lab, judge):
    lab.suspect.nft(firewalls.BLACK_HOLE)
    judge(
        lab.run(plan_of(lab)),
        NOTHING,
        RunTruth(what="no connection by one way", mechanism={"outage"}, where={"egress"},
                 who=MIDDLEBOX | UNKNOWN, whom=NETWORK, failures=True),
    )  # fmt: skip


def test_nothing_listens(lab, judge):
    urls = {"server": f"wss://{SERVER}:8450/", "other": OTHER_URL}
    judge(
        lab.run(plan_of(lab, endpoints=urls)),
        *(Truth(what="the neighbour", endpoint="other", egress=way) for way in BOTH),
        RunTruth(what="refused by both ways", mechanism={"endpoint_down"}, where={"endpoint"},
                 who=ENDPOINT | UNKNOWN, whom=OWNER, failures=True),
    )  # fmt: skip


def test_front_does_not_pass_the_upgrade_on(lab, judge):
    need("nginx")
    start_nginx(lab, "http", idle_s=3600, port=7012, passes_upgrade=False)
    urls = {"front": f"wss://{ROUTER[SUSPECT]}:7012/", "backend": URL,
            "locked": f"{URL}status/401"}  # fmt: skip
    judge(
        lab.run(plan_of(lab, endpoints=urls, egresses=ONLY_SUSPECT)),
        Truth(what="the backend itself", endpoint="backend"),
        RunTruth(what="the front knows no upgrade", endpoint="front", failures=True,
                 mechanism={"refused_by_endpoint"}, where=UNKNOWN | {"endpoint"},
                 who=UNKNOWN | ENDPOINT, whom=OWNER | {"proxy_team", "network_team"},
                 says=["WebSocket", "upgrade"]),
        RunTruth(what="401", endpoint="locked", failures=True, mechanism={"refused_by_endpoint"},
                 where=UNKNOWN | {"endpoint"}, who=ENDPOINT, whom=OWNER | {"this_host"}),
    )  # fmt: skip


def test_proxy_wants_a_domain_login(lab, judge):
    asked_proxies.start_login_proxy(lab)
    judge(
        lab.run(plan_of(lab, egresses=asked_proxies.egresses())),
        NOTHING,
        RunTruth(what="407", mechanism={"proxy_refusal"}, where={"egress"}, who=MIDDLEBOX,
                 whom={"this_host"}, failures=True,
                 says=["Negotiate, NTLM", "kinit|stresser.kerberos"], never=["Basic"]),
    )  # fmt: skip


def test_proxy_forbids(lab, judge):
    need("tinyproxy")
    asked_proxies.start_tinyproxy(lab, only_port=443)
    judge(
        lab.run(plan_of(lab, egresses=asked_proxies.egresses())),
        NOTHING,
        RunTruth(what="403", mechanism={"proxy_refusal"}, where={"egress"}, who=MIDDLEBOX,
                 whom={"proxy_team", "network_team"}, failures=True),
    )  # fmt: skip


def test_endpoint_dies_behind_a_proxy(lab, judge):
    """The proxy says 500 for it; past the proxy it refuses."""
    need("tinyproxy")
    asked_proxies.start_tinyproxy(lab, idle_s=3600)
    plan = lab.plan(endpoints=TWO, sessions=12, activities=(BEATS,), reconnect=RECONNECTS,
                    egresses=asked_proxies.egresses())  # fmt: skip
    tester = lab.hold(plan)
    moment = when(lab.servers[SERVER].kill)
    tester.wait_for_drops(24)
    tester.wait_until(
        lambda: sum(one["event"] == "attempt_failed" for one in tester.recording.events()) > 48,
        "failed attempts", 20,
    )  # fmt: skip
    dead: dict[str, Any] = {
        "mechanism": {"endpoint_down"},
        "where": {"endpoint"},
        "who": ENDPOINT,
        "whom": OWNER,
    }
    judge(
        tester.finish(),
        *(Truth(what="its process is killed", endpoint="server", egress=way, changed=moment,
                kinds={"tcp_fin", "tcp_reset"}, initiators={"endpoint"}) for way in BOTH),
        *(Truth(what="its neighbour lives", endpoint="other", egress=way) for way in BOTH),
        RunTruth(what="it died", **dead),
        RunTruth(what="it stays dead", failures=True, **dead),
    )  # fmt: skip


def test_front_knows_no_such_alpn(lab, judge):
    need("nginx")
    start_nginx(lab, "http", idle_s=3600, port=7012)
    urls = {"front": f"wss://{ROUTER[SUSPECT]}:7012/", "backend": URL}
    judge(
        lab.run(plan_of(lab, endpoints=urls, egresses=ONLY_SUSPECT,
                        each_endpoint='alpn = ["reversetunnel"]')),
        Truth(what="the backend itself", endpoint="backend"),
        RunTruth(what="alert 120", mechanism={"refused_by_endpoint"}, failures=True,
                 where=UNKNOWN | {"endpoint"}, who=ENDPOINT | UNKNOWN,
                 whom=OWNER | {"this_host"}, says=["alpn"]),
    )  # fmt: skip


def test_name_is_filtered(lab, judge):
    """By the same way to the same address, another name passes; past it, both do."""
    need("haproxy")
    start_haproxy(lab, "filter", idle_s=3600)
    urls = {"named": URL, "unnamed": URL}
    judge(
        lab.run(plan_of(lab, endpoints=urls, names={"unnamed": OTHER_NAME})),
        NOTHING,
        Truth(what="another name passes", endpoint="unnamed"),
        RunTruth(what="the name decides", mechanism={"name_filter"}, where={"egress"},
                 who=MIDDLEBOX, whom=NETWORK, failures=True),
    )  # fmt: skip


def test_endpoint_with_a_root_that_nobody_declared(lab, judge):
    """The same chain by every way: its own."""
    plan = dataclasses.replace(
        plan_of(lab, each_endpoint='verify = "require"'), ca=lab.certificates.inspector_root
    )
    judge(
        lab.run(plan),
        dataclasses.replace(PRIVATE_ROOT, failures=True, beside=False, says=[r"\bca\b"]),
    )


def test_inspector_that_is_only_reported(lab, judge):
    """The scenario allows chains that do not verify: sessions are held, and it is said."""
    inspectors.start_mitmproxy(lab, inspectors.mitmdump())
    judge(
        lab.run(plan_of(lab)),
        Truth(what="held through the inspector"),
        NOTHING,
        dataclasses.replace(INTERCEPTED, is_certain=True),
    )


def test_endpoint_with_an_undeclared_root_is_no_interception(lab, judge):
    plan = dataclasses.replace(plan_of(lab), ca=lab.certificates.inspector_root)
    judge(lab.run(plan), *(Truth(what="held", egress=way) for way in BOTH), PRIVATE_ROOT)


def test_bytes_that_are_no_frames(lab, judge):
    """What broke the protocol is shown: a proxy's status line."""
    ages = {"page": "3/page", "reserved": "3/reserved", "restarts": "4/1001"}
    urls = {name: f"{URL}age/{mood}" for name, mood in ages.items()}
    tester = lab.hold(lab.plan(endpoints=urls, sessions=5, ramp="2s", egresses=ONLY_SUSPECT,
                               activities=(BEATS,)))  # fmt: skip
    broken: dict[str, Any] = {"mechanism": {"no_pattern", "age_limit"}, "where": UNKNOWN,
              "who": UNKNOWN | MIDDLEBOX,
              "whom": OWNER | NETWORK | {"nobody", "proxy_team"}}  # fmt: skip
    recording = tester.wait()  # nothing is left to hold
    judge(
        recording,
        *(Truth(what="bytes that are no frames", endpoint=name, kinds={"protocol_error"},
                initiators={"unknown", "middlebox"}) for name in ("page", "reserved")),
        Truth(what="1001", endpoint="restarts", kinds={"ws_close"}, initiators={"endpoint"}),
        RunTruth(what="a page amid the frames", endpoint="page", **broken),
        RunTruth(what="a reserved bit", endpoint="reserved", **broken),
        RunTruth(what="an announced end", endpoint="restarts", where=UNKNOWN | {"endpoint"},
                 mechanism={"endpoint_goodbye", "age_limit"}, who=ENDPOINT, whom=OWNER),
    )  # fmt: skip
