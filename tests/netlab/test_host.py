"""Our own host does it: link, address, socket; or the tester itself stands still."""

import signal
import time

import pytest

from tests.netlab import firewalls
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, WSS_PORT, Heartbeat
from tests.netlab.topology import CLIENT, CONTROL, OTHER, SERVER, SUSPECT
from tests.netlab.truths import box_does, host_did
from tests.netlab.verdicts import RunTruth

SILENT = {"silence", "unreachable"}
"""Nothing of ours leaves the host, so nobody acknowledges it."""


def test_link_goes_down(lab, judge):
    tester = lab.hold()
    moment = when(lambda: lab.client.ip(f"link set {SUSPECT} down"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="our link down", kinds=SILENT, initiators={"host"}, changed=moment),
        NOTHING,
        host_did("our link"),
    )


@pytest.mark.parametrize("how", ["interface", "source"])
def test_address_is_removed(lab, judge, how):
    egresses = {way: f'{how} = "{CLIENT[way] if how == "source" else way}"' for way in CLIENT}
    tester = lab.hold(lab.plan(egresses=egresses))
    moment = when(lambda: lab.client.ip(f"addr del {CLIENT[SUSPECT]}/26 dev {SUSPECT}"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="our address removed", kinds=SILENT, initiators={"host"}, changed=moment),
        NOTHING,
        host_did("our address"),
    )


def test_sockets_are_destroyed(lab, judge):
    capture = lab.capture()
    tester = lab.hold()
    kill = ("ss", "-K", "src", CLIENT[SUSPECT], "dst", SERVER)
    moment = when(lambda: lab.client.run(*kill))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="ss -K", kinds={"tcp_reset"}, initiators={"host"}, changed=moment),
        NOTHING,
        host_did("our sockets", mechanism={"host_unfit", "path_change", "state_lost"}),
    )
    # The resets on the wire are ours.
    assert {one.source for one in capture.stop() if one.is_reset} == {CLIENT[SUSPECT]}


@pytest.mark.timeout(180)
def test_tester_is_stopped_for_ten_seconds(lab, judge):
    tester = lab.hold(lab.plan(activities=(Heartbeat(),)))
    tester.process.send(signal.SIGSTOP)
    time.sleep(10)  # what is tested is a time
    tester.process.send(signal.SIGCONT)
    late = lambda: [e for e in tester.recording.events() if e["event"] == "tester_late"]  # noqa: E731 - asked again and again
    tester.wait_until(late, "word of the tester's lateness", 10)
    recording = tester.finish()
    assert not [one for one in recording.endings() if one.is_drop and one.initiator != "tool"]
    judge(
        recording,
        Truth(what="tester stopped"),
        NOTHING,
        RunTruth(what="the tester stood still", mechanism={"tool_unfit", "host_unfit"},
                 where={"tool", "host"}, who={"tool", "host"}, whom={"this_host"}, beside=True),
    )  # fmt: skip


BEATS = Heartbeat(every="1s", timeout="2s")
FEW = 15
TWO = {"server": f"wss://{SERVER}:{WSS_PORT}/", "other": f"wss://{OTHER}:{WSS_PORT}/"}
TUNNEL = "tunnel0"


def test_our_vpn_takes_all_traffic_into_a_dead_tunnel(lab, judge):
    """What wg-quick(8) does when it comes up: a rule before all others, a table, a route."""
    lab.client.ip(f"tuntap add dev {TUNNEL} mode tun")
    egresses = {SUSPECT: f'source = "{CLIENT[SUSPECT]}"', CONTROL: f'interface = "{CONTROL}"'}
    tester = lab.hold(lab.plan(sessions=FEW, activities=(BEATS,), egresses=egresses))
    moment = when(
        lambda: lab.client.ip(
            f"addr add 203.0.113.240/32 dev {TUNNEL}", f"link set {TUNNEL} up",
            f"route add default dev {TUNNEL} table 51820",
            "rule add pref 90 not fwmark 0xca6c lookup 51820",
        )
    )  # fmt: skip
    tester.wait_for_drops(FEW)
    judge(
        tester.finish(),
        Truth(what="our VPN has taken the traffic", kinds=SILENT, initiators={"host"},
              changed=moment),
        NOTHING,
        host_did("our VPN"),
    )  # fmt: skip


def test_idle_killer_then_our_link_goes_down(lab, judge):
    """Two causes in one run, two diagnoses."""
    lab.suspect.nft(firewalls.STATEFUL_DROP)
    lab.suspect.sysctl(*firewalls.SETTINGS)
    seldom, often = (
        Heartbeat(name="seldom", every="5s", timeout="2s"),
        Heartbeat(name="often", every="1s", timeout="2s"),
    )
    tester = lab.hold(lab.plan(sessions=FEW, activities=(seldom, often), ramp="2s"))
    tester.wait_for_drops(FEW, lambda cohort: cohort.egress == SUSPECT)
    moment = when(lambda: lab.client.ip(f"link set {SUSPECT} down"))
    tester.wait_for_drops(2 * FEW)
    judge(
        tester.finish(),
        Truth(what="forgotten while idle", activity="seldom", kinds=SILENT,
              initiators={"middlebox"}),
        Truth(what="then our link down", activity="often", kinds=SILENT, initiators={"host"},
              changed=moment),
        NOTHING,
        box_does("idle_timer", "an idle timer", activity="seldom",
                 limit=firewalls.IDLE_TIMEOUT_S, widest=5),
        host_did("our link", activity="often"),
    )  # fmt: skip
