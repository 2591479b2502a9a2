"""Routers that lose packets: for a while, for good, in one direction, with and without a word."""

import itertools

import pytest

from tests.netlab import firewalls
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, Heartbeat
from tests.netlab.topology import DETOUR, SERVER, SUSPECT
from tests.netlab.truths import MIDDLEBOX, UNKNOWN, box_does, path_cut

PATIENT = Heartbeat(timeout="5s")


class Counting:
    """A tunbox, asked again and again for its counts."""

    def __init__(self, box, tester):
        self._box, self._tester = box, tester
        self._numbers = itertools.count()

    def count(self, of):
        order = f"count {next(self._numbers)}"
        self._box.order(order)
        words = self._box.wait_until_says(f"{order}: ").split()
        return int(words[words.index(of) + 1])

    def wait_for_more(self, of, packets):
        wanted = self.count(of) + packets
        self._tester.wait_until(lambda: self.count(of) >= wanted, f"{packets} {of}", 20)


def test_path_loses_delays_and_recovers(lab, judge):
    box = lab.start_tunbox()
    tester = lab.hold(lab.plan(activities=(PATIENT,)))
    counting = Counting(box, tester)
    box.order("delay 40 10 both")
    box.order("loss 5")
    counting.wait_for_more("lost", SESSIONS)
    box.order("loss 0")
    for direction in ("both", "to-server", "to-client"):
        # Each session has lost a ping or its pong; TCP repeats them, at growing intervals.
        box.order(f"hole {direction}")
        counting.wait_for_more("swallowed", 2 * SESSIONS)
        box.order("hole off")
        counting.wait_for_more("forwarded", 12 * SESSIONS)
    recording = tester.finish()
    judge(recording, Truth(what="losses, jitter, holes that close in time"), NOTHING)
    assert all(one.pongs for one in recording.endings() if one.cohort.egress == SUSPECT)


@pytest.mark.parametrize("direction", ["both", "to-server", "to-client"])
def test_black_hole_stays(lab, judge, direction):
    box = lab.start_tunbox()
    tester = lab.hold()
    moment = when(
        lambda: (box.order(f"hole {direction}"), box.wait_until_says(f"hole {direction}: "))
    )
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # Nothing passes, yet the server lives by the other way and our own link is up.
        Truth(what="nothing passes any more", kinds={"silence"}, initiators={"middlebox"},
              changed=moment),
        NOTHING,
        path_cut("a black hole"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("route", "kinds"),
    [
        ("blackhole", {"silence"}),
        # The router says so by ICMP (RFC 1812 section 5.2.7.1); TCP takes no session down for
        # it (RFC 5461 section 2.2), so that it may also be told as what it looks like.
        ("unreachable", {"silence", "unreachable"}),
        ("prohibit", {"silence", "unreachable"}),
    ],
    ids=["blackhole", "unreachable", "prohibit"],
)
def test_router_loses_its_route(lab, judge, route, kinds):
    tester = lab.hold()
    moment = when(lambda: lab.suspect.ip(f"route replace {route} {SERVER}/32"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what=f"its route is now {route}", kinds=kinds, initiators={"middlebox"},
              changed=moment),
        NOTHING,
        path_cut(f"a router's {route}"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        (firewalls.STATEFUL_DROP, "silence"),
        # It stands as many hops away as the server: its reset arrives with the same TTL.
        (firewalls.STATEFUL_RESET, "tcp_reset"),
    ],
    ids=["drops", "resets"],
)
def test_one_direction_moves_to_a_firewall_that_knows_no_flow(lab, judge, rules, kind):
    detour = lab.topology.add_detour()
    detour.nft(rules)
    detour.sysctl(*firewalls.PATIENT)
    tester = lab.hold()
    tester.wait_until_answered()
    moment = when(lambda: lab.suspect.ip(f"route replace {SERVER}/32 via {DETOUR}"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="asymmetric from now on", kinds={kind}, initiators={"middlebox"},
              changed=moment),
        NOTHING,
        box_does("state_lost|outage", "a firewall that knows no flow", who=MIDDLEBOX | UNKNOWN),
    )  # fmt: skip


def test_path_mtu_shrinks_without_a_word(lab, judge):
    small, big = Heartbeat(name="small"), Heartbeat(name="big", message="4KiB")
    lab.suspect.nft(firewalls.NO_FRAGMENTATION_NEEDED)
    tester = lab.hold(lab.plan(activities=(small, big)))
    moment = when(lambda: lab.suspect.ip("link set server mtu 800"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # No flow is dropped alone: fresh ones would lose their big segments, too.
        Truth(what="big frames are lost", activity="big", kinds={"silence"},
              initiators={"unknown"}, changed=moment),
        Truth(what="small frames pass", activity="small"),
        NOTHING,
        box_does("size_limit|no_pattern", "a path that shrinks", limit=800, unit="bytes",
                 who={"middlebox", "unknown"}, whom={"network_team", "nobody"}),
    )  # fmt: skip
