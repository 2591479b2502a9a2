"""Resets of all origins: who sent them, and when they came."""

import pytest

from tests.netlab import firewalls
from tests.netlab.capture import first_reset_by_port
from tests.netlab.judge import NOTHING, Truth, share_at_most
from tests.netlab.lab import when
from tests.netlab.recording import Moment
from tests.netlab.tester import SESSIONS, WSS_AND_TLS, Heartbeat
from tests.netlab.topology import CLIENT, CLIENT_NET, DETOUR_BACK, SERVER, SUSPECT
from tests.netlab.truths import box_does, resets_like_its_own

WITHIN_NS = 200_000
STATED_BOUND_NS = 5_000_000
"""Of times that the sockets alone tell (`docs/measurements.md`), when the tester gets a core."""


def noted(line):
    """The two times at the end of what a process says it did."""
    *_, before, after = line.split()
    return Moment(int(before), int(after))


def packet_lateness_ns(drops, segments):
    """Recorded time of each session's reset, as the packet witness has it, minus tcpdump's."""
    judged = first_reset_by_port(segments, SERVER)
    differences = []
    for drop in drops:
        ends = drop.evidence.get("packets", {}).get("ends", [])
        stamps = [one["unix_ns"] for one in ends if "R" in one["flags"] and not one["outgoing"]]
        assert stamps, f"no reset is in the evidence of {drop}"
        differences.append(abs(stamps[0] - judged[drop.local_port].unix_ns))
    return differences


def dead_by_lateness_ns(drops, segments):
    judged = first_reset_by_port(segments, SERVER)
    return [drop.dead_by_ns - judged[drop.local_port].unix_ns for drop in drops]


def forge(lab, order, **options):
    """All sessions by the suspect way, broken by the router: the tester, tcpdump, the moment.

    They are quiet: what a pong that crosses the forgery leaves of it is an old sequence number,
    and no reset (RFC 5961 section 3.2).
    """
    forger = lab.start_forger()
    capture = lab.capture()
    plan = lab.plan(endpoints=WSS_AND_TLS, activities=(Heartbeat(every="10s"),))
    tester = lab.hold(plan, **options)
    waited_ns = tester.waited_for_a_core_ns()
    forger.order(order)
    moment = noted(forger.wait_until_says("forged"))
    tester.wait_for_drops(plan.expected // 2)
    waited_ns = tester.waited_for_a_core_ns() - waited_ns
    return tester.finish(), capture.stop(), moment, waited_ns


def test_reset_forged_with_another_ttl(lab, judge):
    recording, segments, moment, _ = forge(lab, "reset 50")
    judge(
        recording,
        Truth(what="in sequence, TTL 50", kinds={"tcp_reset"}, initiators={"middlebox"},
              grades={"packet"}, changed=moment),
        NOTHING,
        box_does("state_lost", "forged resets"),
    )  # fmt: skip
    assert share_at_most(WITHIN_NS, packet_lateness_ns(recording.drops(), segments)) >= 0.99


def test_reset_forged_long_after_the_way_back_became_longer(lab, judge):
    lab.topology.add_detour()
    forger = lab.start_forger()
    tester = lab.hold(lab.plan(activities=(Heartbeat(every="4s"),)))
    lab.server.ip(f"route replace {CLIENT_NET[SUSPECT]} via {DETOUR_BACK}")
    tester.wait_until_answered()
    forger.order("reset 50")
    moment = noted(forger.wait_until_says("forged"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # The handshake's TTL says nothing any more. The latest pong's does; of forty at once ten
        # are looked for.
        Truth(what="TTL 50, on a path that was lengthened", kinds={"tcp_reset"},
              initiators={"middlebox", "unknown"}, grades={"packet"}, changed=moment),
        NOTHING,
        box_does("state_lost", "forged resets, a hop more"),
    )  # fmt: skip


def test_reset_forged_perfectly(lab, judge):
    # A pong that comes after a reset would show that it was forged.
    recording, segments, moment, _ = forge(lab, "imitate")
    judge(
        recording,
        # Nothing tells it from the endpoint's own: neither may be accused.
        Truth(what="like the server's own", kinds={"tcp_reset"}, initiators={"unknown"},
              changed=moment),
        NOTHING,
        resets_like_its_own("perfect resets", who={"unknown"}),
    )  # fmt: skip
    assert share_at_most(WITHIN_NS, packet_lateness_ns(recording.drops(), segments)) >= 0.99


def test_reset_forged_where_packets_cannot_be_seen(lab, judge):
    recording, segments, moment, waited_ns = forge(lab, "reset 50", without="net_raw")
    judge(
        recording,
        # By errno alone it could be the endpoint's.
        Truth(what="no right to capture", kinds={"tcp_reset"},
              initiators={"unknown"}, grades={"errno", "tcp_info"}, changed=moment),
        NOTHING,
        resets_like_its_own("resets that nobody saw", who={"unknown"}),
    )  # fmt: skip
    lateness = dead_by_lateness_ns(recording.drops(), segments)
    assert share_at_most(STATED_BOUND_NS + waited_ns, lateness) >= 0.99
    assert min(lateness) >= 0


def test_nat_loses_its_table(lab, judge):
    lab.suspect.nft(firewalls.MASQUERADE)
    lab.suspect.sysctl(*firewalls.PATIENT)
    capture = lab.capture()
    tester = lab.hold()
    tester.wait_until_answered()
    moment = when(lambda: lab.suspect.run("conntrack", "-F"))
    tester.wait_for_drops(SESSIONS)
    recording = tester.finish()
    judge(
        recording,
        # The server itself resets what now comes from an address that it never spoke with, as a
        # host without such a connection does. But it would have said so when it lost the
        # connection, and by the other way it has lost none.
        Truth(what="all flows forgotten, the server resets", kinds={"tcp_reset"},
              initiators={"middlebox"}, grades={"errno", "tcp_info", "packet"}, changed=moment),
        NOTHING,
        box_does("state_lost", "a NAT that forgot"),
    )  # fmt: skip
    assert share_at_most(WITHIN_NS, packet_lateness_ns(recording.drops(), capture.stop())) >= 0.99


@pytest.mark.timeout(240)
def test_server_resets_500_at_once(lab, judge):
    capture = lab.capture()
    activities = (Heartbeat(every="1s"),)
    tester = lab.hold(lab.plan(sessions=500, activities=activities))
    lab.servers[SERVER].order(f"reset {CLIENT[SUSPECT]}")
    moment = noted(lab.servers[SERVER].wait_until_says("reset 500 sessions"))
    tester.wait_for_drops(500)
    recording = tester.finish()
    judge(
        recording,
        # They are the server's by every sign; that the other way lives on is no sign against it.
        Truth(what="500 of one client's addresses", kinds={"tcp_reset"},
              initiators={"endpoint", "unknown"}, changed=moment),
        NOTHING,
        resets_like_its_own("the server's resets"),
    )  # fmt: skip
    assert len(recording.drops()) == 500
    [incident] = recording.summary["incidents"]
    assert incident["drops"] >= 490  # of a reset just after a ping nobody knows since when
    assert (incident["factor"], incident["value"]) == ("egress", SUSPECT)
    assert share_at_most(WITHIN_NS, packet_lateness_ns(recording.drops(), capture.stop())) >= 0.99
