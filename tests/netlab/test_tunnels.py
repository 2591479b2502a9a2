"""VPN tunnels that go down, come back, change keys, carry less."""

import contextlib

import pytest

from tests.netlab import firewalls
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, Heartbeat
from tests.netlab.truths import box_does, host_did, path_cut
from tests.netlab.tunnels import OpenVpn, WireGuard

PATIENT = Heartbeat(timeout="6s")
REKEYS = 3


@pytest.fixture
def wireguard(lab):
    need("wg", "wireguard-go")
    with contextlib.closing(WireGuard(lab)) as tunnel:
        yield tunnel


def test_tunnel_goes_down_at_the_client(lab, judge, wireguard):
    tester = lab.hold(lab.plan(egresses=wireguard.egresses()))
    moment = when(wireguard.client_end.kill)
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # Its interface vanishes with it, and the kernel says so.
        Truth(what="our end killed", kinds={"silence", "unreachable"}, initiators={"host"},
              changed=moment),
        NOTHING,
        host_did("our tunnel"),
    )  # fmt: skip


QUIET = Heartbeat(name="quiet", every=None)
# Long enough for three tries to say goodbye: fewer prove nothing.
PROVED = 'connect = "3s"\nclose = "4s"'


def silent_plan(lab, tunnel):
    return lab.plan(activities=(QUIET,), egresses=tunnel.egresses(), sessions=12, timeouts=PROVED)


def test_tunnel_goes_down_under_silent_sessions(lab, judge, wireguard):
    """Nobody sends, so nobody notices; at the end this host cannot even say goodbye."""
    tester = lab.hold(silent_plan(lab, wireguard))
    moment = when(wireguard.client_end.kill)
    tester.wait_until(lambda: _removed(tester), "the end of the interface", 10)
    recording = tester.finish()
    judge(
        recording,
        Truth(what="our end killed", kinds={"found_dead"}, initiators={"host"}, changed=moment),
        NOTHING,
        host_did("our tunnel"),
    )
    assert_dated(recording)


def _removed(tester):
    return [one for one in tester.recording.events() if one.get("change") == "link_removed"]


def assert_dated(recording):
    """They died when the interface went, not when they were asked."""
    events = recording.events()
    [gone] = [one["t_ns"] for one in events if one.get("change") == "link_removed"]
    dead = [one for one in events if one.get("kind") == "found_dead"]
    assert {one["dead_by_ns"] for one in dead} == {gone}
    assert all(one["detected_at_ns"] > gone for one in dead)
    [told] = recording.summary["diagnoses"]
    assert told["says"].count("link removed") or "link down" in told["says"], told


def test_tunnel_loses_its_far_end(lab, judge, wireguard):
    tester = lab.hold(lab.plan(egresses=wireguard.egresses()))
    moment = when(wireguard.kill_gateway)
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # Our interface stays; what is sent into it is never answered. The server lives.
        Truth(what="the gateway killed", kinds={"silence"}, initiators={"middlebox", "unknown"},
              changed=moment),
        NOTHING,
        path_cut("its far end is gone"),
    )  # fmt: skip


def test_tunnel_comes_back_in_time(lab, judge, wireguard):
    tester = lab.hold(lab.plan(activities=(PATIENT,), egresses=wireguard.egresses()))
    wireguard.kill_gateway()
    dropped = _sent_into(lab, wireguard)
    tester.wait_until(lambda: _sent_into(lab, wireguard) > dropped + SESSIONS, "lost pings", 10)
    wireguard.restart_gateway()
    back = _came_out_of(lab, wireguard)
    tester.wait_until(lambda: _came_out_of(lab, wireguard) > back + 4 * SESSIONS, "pongs", 20)
    judge(tester.finish(), Truth(what="the gateway restarted"), NOTHING)


def _sent_into(lab, tunnel):
    return int(lab.client.run("cat", f"/sys/class/net/{tunnel.device}/statistics/tx_packets"))


def _came_out_of(lab, tunnel):
    return int(lab.client.run("cat", f"/sys/class/net/{tunnel.device}/statistics/rx_packets"))


def test_tunnel_changes_keys(lab, judge):
    need("openvpn")
    tunnel = OpenVpn(lab)
    tester = lab.hold(lab.plan(egresses=tunnel.egresses()))
    wanted = tunnel.rekeyed() + REKEYS
    tester.wait_until(lambda: tunnel.rekeyed() >= wanted, f"{REKEYS} changes of keys", 30)
    judge(tester.finish(), Truth(what=f"{REKEYS} new keys"), NOTHING)


def test_tunnel_carries_less_than_it_says(lab, judge, wireguard):
    small, big = Heartbeat(name="small"), Heartbeat(name="big", message="4KiB")
    lab.suspect.nft(firewalls.NO_FRAGMENTATION_NEEDED)
    plan = lab.plan(activities=(small, big), egresses=wireguard.egresses())
    tester = lab.hold(plan)
    moment = when(lambda: lab.suspect.ip("link set client mtu 800"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # Small ones pass by the same way, and big ones by the other.
        Truth(what="the way underneath shrinks, big frames are lost", activity="big",
              kinds={"silence"}, initiators={"unknown"}, changed=moment),
        Truth(what="small frames pass", activity="small"),
        NOTHING,
        box_does("size_limit|no_pattern", "the way underneath shrinks", limit=800, unit="bytes",
                 who={"middlebox", "unknown"}, whom={"network_team", "nobody"}),
    )  # fmt: skip
