"""Which hop: three routers in a row, the second of which does it."""

import sys
from bisect import bisect_left, bisect_right

import pytest

from tests.netlab import firewalls
from tests.netlab.capture import ALL, Capture, round_trips
from tests.netlab.conftest import need
from tests.netlab.namespaces import Namespaces
from tests.netlab.street import HOPS, HOPS6, OTHER_HOPS, OUT, Street
from tests.netlab.tester import WSS_PORT, Heartbeat, Plan, Tester
from tests.netlab.topology import SERVER, SERVER6

HANG_UP_PORT = 9443
VPN = {"vpn": f'interface = "{OUT}"'}


@pytest.fixture
def street(tmp_path, certificates, _clean):
    need("ip", "ss", "nft", "conntrack", "ethtool", "sysctl")
    with Namespaces(tmp_path) as namespaces:
        yield Street(namespaces, certificates)


def hold(street, certificates, **changes):
    tester = Tester(street.client, Plan(ca=certificates.root, egresses=VPN, **changes))
    tester.wait_until_open()
    return tester


def paths(tester):
    return [one for one in tester.recording.events() if one["event"] == "hops_seen"]


def failed(tester):
    return sum(one["event"] == "attempt_failed" for one in tester.recording.events())


def addresses(event):
    return tuple(hop.get("address") for hop in event["hops"])


def test_a_clean_path_names_all_hops_and_the_sessions_live_on(street, certificates):
    street.add_ipv6(certificates)
    endpoints = {"v4": f"wss://{SERVER}:{WSS_PORT}/", "v6": f"wss://[{SERVER6}]:{WSS_PORT}/"}
    tester = hold(street, certificates, endpoints=endpoints, sessions=4)
    tester.wait_until(lambda: len(paths(tester)) >= 4, "the hops of two sessions each", 60)
    # What a walk brings back makes no kernel send again, or think that the path is worse.
    sockets = street.client.run("ss", "-HtinO", "state", "established")
    assert "retrans:" not in sockets
    assert "bytes_acked:" in sockets
    recording = tester.finish()
    found = {(one["endpoint"], addresses(one)) for one in paths(tester)}
    assert found == {("v4", HOPS), ("v6", HOPS6)}
    assert len({one["session"] for one in paths(tester)}) == 4
    for one in recording.endings():
        assert one.said == "planned/plan"
        assert one.evidence["close"] == "answered"
        # Nothing of a walk is taken for evidence of anything else.
        assert "icmp" not in one.evidence.get("packets", {})
    [run] = recording.report["runs"]
    assert any("198.51.100.1, 203.0.113.1, 203.0.113.5" in note for note in run["summary"]["notes"])


PAIRS = 4
"""Endpoints of one server, of each of which two sessions are walked and two are not."""
AGAIN_S = 60
"""A session is walked once a minute."""
_MOST_SLOWER = 0.75
"""Of two round trips, one of a walked session and one of another, the walked one's is the longer:
one half is chance; eight and eight sessions, each with a place of its own in every beat, differ."""


def test_another_router_in_mid_run_is_told_and_the_walks_do_no_harm(street, certificates):
    capture = Capture(street.client, OUT, ALL)
    url = f"wss://{SERVER}:{WSS_PORT}/"
    endpoints = {f"server-{number}": url for number in range(PAIRS)}
    tester = hold(street, certificates, endpoints=endpoints, sessions=4)
    tester.wait_until(lambda: len(paths(tester)) >= 2 * PAIRS, "the hops of eight sessions", 60)
    street.replace_middle()
    changed = 2 * 2 * PAIRS
    tester.wait_until(lambda: len(paths(tester)) >= changed, "the new path of each", 1.5 * AGAIN_S)
    recording, segments = tester.finish(), capture.stop()
    told = [one for one in paths(tester) if one.get("before")]
    assert len({one["session"] for one in told}) == len(told) == 2 * PAIRS
    for one in told:
        assert addresses(one) == OTHER_HOPS
        assert tuple(hop.get("address") for hop in one["before"]) == HOPS
    [run] = recording.report["runs"]
    notes = run["summary"]["notes"]
    assert any(f"hop 2: {HOPS[1]} -> {OTHER_HOPS[1]}" in note for note in notes), notes
    assert run["summary"]["diagnoses"] == []
    endings = recording.endings()
    assert [one.said for one in endings] == ["planned/plan"] * 4 * PAIRS
    assert {one.evidence["close"] for one in endings} == {"answered"}
    opened = [one for one in recording.events() if one["event"] == "session_opened"]
    ports = {one["session"]: int(one["local"].rpartition(":")[2]) for one in opened}
    assert_no_worse(segments, {ports[one["session"]] for one in told}, set(ports.values()))


def assert_no_worse(segments, walked, ports):
    """The round trips of walked sessions, in all and right behind a walk, beside the others'."""
    trips = {port: found for port, found in round_trips(segments, SERVER).items() if port in ports}
    assert trips.keys() == ports
    probes = [one for one in segments if one.source_port in walked and one.ttl <= len(HOPS)]
    assert {one.source_port for one in probes} == walked
    at = [one.unix_ns for one in probes]
    begun, over = min(at), max(at)

    def took(chosen, near_ns=None):
        """Of all their pings; or of those within some time after a probe of whatever session."""
        return sorted(
            took_ns
            for port in chosen
            for sent_ns, took_ns in trips[port]
            if begun <= sent_ns <= over
            and (near_ns is None or any(0 <= sent_ns - one <= near_ns for one in at))
        )

    for near_ns in (None, 10**9):
        own, others = took(walked, near_ns), took(ports - walked, near_ns)
        assert min(len(own), len(others)) >= 100
        slower = sum(bisect_left(others, one) + bisect_right(others, one) for one in own)
        share = slower / (2 * len(own) * len(others))
        shown = (
            near_ns,
            share,
            [(one[len(one) // 2], one[-len(one) // 20]) for one in (own, others)],
        )
        assert share <= _MOST_SLOWER, shown


FLOWS = 10
GROUP = 3
"""So many flows that ended are walked one behind the other; others beside them are not."""


def forgets(street, ports):
    for port in ports:
        street.middle.run("conntrack", "-D", "-p", "tcp", "--sport", str(port))


def drops(street, ports):
    listed = ", ".join(map(str, ports))
    street.middle.nft(
        f"""
table inet dropping_{ports[0]} {{
  chain forwarded {{
    type filter hook forward priority filter - 5;
    tcp sport {{ {listed} }} tcp dport {WSS_PORT} drop
  }}
}}
"""
    )


@pytest.mark.parametrize("does", [forgets, drops])
def test_the_router_that_ends_flows_is_named_in_each(street, certificates, does):
    street.middle.nft(firewalls.STATEFUL_DROP)
    street.middle.sysctl(*firewalls.PATIENT)
    tester = hold(street, certificates, sessions=FLOWS + 2)
    tester.wait_until_answered()
    tester.wait_until(lambda: len(paths(tester)) >= 2, "the hops", 60)
    opened = [one for one in tester.recording.events() if one["event"] == "session_opened"]
    ports = [int(one["local"].rpartition(":")[2]) for one in opened]
    chosen = ports[:FLOWS]
    for first in range(0, len(chosen), GROUP):
        group = chosen[first : first + GROUP]
        does(street, group)
        ended = first + len(group)
        tester.wait_for_drops(ended)
    recording = tester.finish()
    fates = {one.local_port: one for one in recording.endings()}
    for port in chosen:
        walk = fates[port].evidence["hops"]
        assert walk["reading"] == "stops_alone"
        assert (walk["last"]["number"], walk["last"]["address"]) == (2, HOPS[1])
        assert (walk["next"]["number"], walk["next"]["address"]) == (3, HOPS[2])
        assert (fates[port].said, fates[port].grade) == ("silence/middlebox", "comparison")
    # The others have lived on, those among them that were walked while healthy, too.
    for port in ports[FLOWS:]:
        assert fates[port].said == "planned/plan"
    [run] = recording.report["runs"]
    hops = [one["hop"] for one in run["summary"]["diagnoses"] if one["hop"]]
    assert hops
    assert {(one["after"], one["address"], one["alone"]) for one in hops} == {(2, HOPS[1], True)}
    assert f"after hop 2 ({HOPS[1]})" in run["summary"]["answer"]["who"]


NAMES = 10
"""Endpoints of one server, each with a walk of its own; twenty by both verdicts."""


@pytest.mark.parametrize(
    ("verdict", "kind", "hello"),
    [("drop", "timeout", "silence"), ("reject with tcp reset", "tcp_reset", "reset")],
    ids=["drops", "resets"],
)
def test_the_router_that_filters_by_name_is_named_in_each(
    street, certificates, verdict, kind, hello
):
    street.middle.nft(firewalls.meets_name(verdict))
    url = f"wss://{SERVER}:{WSS_PORT}/"
    endpoints = {f"server-{number}": url for number in range(NAMES)}
    plan = Plan(
        ca=certificates.root, egresses=VPN, endpoints=endpoints, sessions=1, ramp="42s",
        timeouts='connect = "3s"\ntls = "2s"\nclose = "1s"',
    )  # fmt: skip
    tester = Tester(street.client, plan)
    tester.wait_until(lambda: failed(tester) >= NAMES, "all failures", 120)
    recording = tester.finish()
    assert len(recording.endings()) == NAMES
    for one in recording.endings():
        assert (one.said, one.grade) == (f"{kind}/middlebox", "comparison")
        walk = one.evidence["hops"]
        assert (walk["reading"], walk["hello"], walk["connections"]) == ("stops_alone", hello, 2)
        assert (walk["last"]["number"], walk["last"]["address"]) == (2, HOPS[1])
    [run] = recording.report["runs"]
    [found] = run["summary"]["diagnoses"]
    assert (found["who"], found["ask"]["whom"]) == ("middlebox", "network_team")
    assert (found["hop"]["after"], found["hop"]["hello"]) == (2, True)


def test_a_hello_that_the_server_drops_is_laid_to_no_router(street, certificates):
    street.server.nft(firewalls.meets_name("drop", chain="input"))
    plan = Plan(
        ca=certificates.root, egresses=VPN, sessions=2,
        timeouts='connect = "3s"\ntls = "2s"\nclose = "1s"',
    )  # fmt: skip
    tester = Tester(street.client, plan)
    tester.wait_until(lambda: failed(tester) >= 2, "both failures", 60)
    for one in tester.finish().endings():
        assert one.said == "timeout/unknown"
        walk = one.evidence["hops"]
        assert (walk["reading"], walk["hello"], walk["last"]["number"]) == ("passes", "nothing", 3)


_LIMITED = """
table inet limiting {
  chain answers {
    type filter hook output priority filter;
    icmp type time-exceeded limit rate over 1/second burst 2 packets drop
  }
}
"""
SHORT = 'connect = "3s"\ntls = "2s"\nclose = "1s"'


def test_a_router_that_limits_its_answers_is_not_what_drops_a_hello(street, certificates):
    street.middle.nft(_LIMITED)
    street.server.nft(firewalls.meets_name("drop", chain="input"))
    plan = Plan(ca=certificates.root, egresses=VPN, sessions=1, timeouts=SHORT)
    tester = Tester(street.client, plan)
    tester.wait_until(lambda: failed(tester) >= 1, "the failure", 60)
    [one] = tester.finish().endings()
    assert one.said == "timeout/unknown"
    assert one.evidence["hops"]["reading"] != "stops_alone"


HANGS_UP = f"""
import socket
with socket.create_server(("{SERVER}", {HANG_UP_PORT})) as listener:
    print("listening", flush=True)
    while True:
        listener.accept()[0].close()
"""


def test_who_hangs_up_on_everybody_is_laid_to_no_router(street, certificates):
    street.server.start("hangs-up", sys.executable, "-c", HANGS_UP).wait_until_says("listening")
    endpoints = {"server": f"wss://{SERVER}:{HANG_UP_PORT}/"}
    plan = Plan(ca=certificates.root, egresses=VPN, endpoints=endpoints, sessions=2, timeouts=SHORT)
    tester = Tester(street.client, plan)
    tester.wait_until(lambda: failed(tester) >= 2, "both failures", 60)
    recording = tester.finish()
    for one in recording.endings():
        assert one.initiator == "unknown"
        assert one.evidence["hops"]["reading"] != "stops_alone"


@pytest.mark.parametrize("where", ["behind the last router", "at the server"])
def test_what_happens_behind_the_last_router_is_laid_to_no_router(street, certificates, where):
    tester = hold(street, certificates, sessions=GROUP)
    tester.wait_until(lambda: len(paths(tester)) >= 2, "the hops", 60)
    if where == "at the server":
        street.server.nft(firewalls.BLACK_HOLE.replace("hook forward", "hook input"))
    else:
        street.routers[2].nft(firewalls.BLACK_HOLE)
    tester.wait_for_drops(GROUP)
    for one in tester.finish().drops():
        assert one.said == "silence/unknown"
        walk = one.evidence["hops"]
        assert (walk["reading"], walk["last"]["number"]) == ("passes", 3)


FORWARDS = f"""
table ip forwards {{
  chain arriving {{
    type nat hook prerouting priority dstnat;
    ip daddr {HOPS[2]} tcp dport {WSS_PORT} dnat to {SERVER}
  }}
}}
table inet own {{
  chain input {{
    type filter hook input priority filter;
    tcp dport {WSS_PORT} drop
  }}
}}
"""


def test_an_endpoint_that_hands_on_to_what_it_runs_is_no_router(street, certificates):
    """As where it runs in containers: its own machine says where a segment died."""
    machine = street.routers[2]
    machine.sysctl(*firewalls.PATIENT)
    machine.nft(FORWARDS)
    for near, by in zip((street.client, street.routers[0]), HOPS, strict=False):
        near.ip(f"route add {HOPS[2]}/32 via {by}")
    endpoints = {"server": f"wss://{HOPS[2]}:{WSS_PORT}/"}
    tester = hold(street, certificates, endpoints=endpoints, sessions=GROUP)
    tester.wait_until(lambda: len(paths(tester)) >= 2, "the hops", 60)
    assert {addresses(one) for one in paths(tester)} == {HOPS[:2]}
    machine.run("conntrack", "-F")
    tester.wait_for_drops(GROUP)
    for one in tester.finish().drops():
        assert one.said == "silence/unknown"
        walk = one.evidence["hops"]
        assert (walk["reading"], walk["last"]["number"]) == ("passes", 2)


def test_the_end_of_an_outage_is_laid_to_no_router_and_its_place_is_said(street, certificates):
    tester = hold(street, certificates, sessions=GROUP)
    tester.wait_until(lambda: len(paths(tester)) >= 2, "the hops", 60)
    street.middle.nft(firewalls.BLACK_HOLE)
    tester.wait_for_drops(GROUP)
    for one in tester.finish().drops():
        assert one.said == "silence/unknown"
        walk = one.evidence["hops"]
        assert (walk["reading"], walk["last"]["number"]) == ("stops_like_all", 2)


_SILENT = """
table inet silent {
  chain answers {
    type filter hook output priority filter;
    icmp type time-exceeded drop
  }
}
"""


def test_a_router_that_answers_no_more_is_no_outage_where_others_get_through(street, certificates):
    tester = hold(street, certificates, sessions=GROUP)
    tester.wait_until(lambda: len(paths(tester)) >= 2, "the hops", 60)
    street.routers[2].nft(_SILENT)
    street.server.sysctl(*firewalls.PATIENT)
    street.server.nft(firewalls.SERVERS_OWN)
    street.server.run("conntrack", "-F")
    tester.wait_for_drops(GROUP)
    for one in tester.finish().drops():
        assert one.said == "silence/unknown"
        walk = one.evidence["hops"]
        assert (walk["reading"], walk["last"]["number"]) == ("undecided", 2)


def test_without_the_right_it_is_not_done_and_said_so(street, certificates):
    plan = Plan(ca=certificates.root, egresses={"default": ""}, sessions=2)
    tester = Tester(street.client, plan, without="net_raw")
    tester.wait_until_open()
    tester.wait_until_answered()
    recording = tester.finish()
    gaps = [one["detail"] for one in recording.events() if one["event"] == "witness_gap"]
    assert any("no hops are walked" in gap for gap in gaps)
    assert recording.manifest["capabilities"]["hops"] is False
    assert paths(tester) == []


def test_silent_sessions_are_never_walked(street, certificates):
    both = (Heartbeat(), Heartbeat(name="silent", every=None))
    tester = hold(street, certificates, activities=both, sessions=2)
    tester.wait_until(lambda: len(paths(tester)) >= 2, "the hops of the others", 60)
    tester.finish()
    assert {one["activity"] for one in paths(tester)} == {"heartbeat"}
