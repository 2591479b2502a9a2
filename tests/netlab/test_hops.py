"""Which hop: three routers in a row, the second of which does it."""

import pytest

from tests.netlab.conftest import need
from tests.netlab.namespaces import Namespaces
from tests.netlab.street import HOPS, HOPS6, OUT, Street
from tests.netlab.tester import WSS_PORT, Heartbeat, Plan, Tester
from tests.netlab.topology import SERVER, SERVER6

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
