"""Boxes that let some ClientHellos pass, each named by one `check`, and none in the control."""

import signal
import time

import pytest

from tests.netlab import firewalls
from tests.netlab.certificates import NAME
from tests.netlab.checks import check
from tests.netlab.test_handshakes import few
from tests.netlab.tester import WSS_PORT
from tests.netlab.topology import CONTROL, SERVER, SERVER6, SUSPECT

LONGEST_S = 30.0
HANDSHAKES = ("--handshakes",)
ALL_STAND = {
    "classic", "split", "name_in_second_segment", "long", "hybrid_name_last",
    "hybrid_in_small_segments", "tls_1_2", "no_name", "other_name", "other_alpn",
    "answer_in_small_segments",
}  # fmt: skip


def checked(lab, plan=None, *, options=HANDSHAKES, **more):
    began = time.monotonic()
    seen = check(lab, plan or few(lab), options=options, **more)
    assert time.monotonic() - began < LONGEST_S
    return seen


def fates(seen, egress):
    """What became of each shape that was tried."""
    (way,) = [one["facts"] for one in seen.said["results"] if one["egress"] == egress]
    return {one["shape"]: set(one["outcomes"]) for one in way["hellos"] if not one["not_made"]}


def test_nothing_stands_there(lab):
    seen = checked(lab)
    for egress in (SUSPECT, CONTROL):
        seen.must_be_well(egress)
        found = fates(seen, egress)
        assert set(found) >= ALL_STAND
        assert set().union(*found.values()) <= {"stood", "alert"}


BOXES = {
    "one segment": (firewalls.FIRST_SEGMENT_ALONE, "one_segment_read"),
    "long": (firewalls.NO_LONG_HELLO, "long_hellos_lost"),
    "name first": (firewalls.NAME_IN_FIRST_SEGMENT, "name_behind"),
    "ml-kem": (firewalls.NO_ML_KEM, "ml_kem_filtered"),
}


@pytest.mark.parametrize("box", BOXES)
def test_a_box_lets_classic_hellos_pass(lab, box):
    rule, _ = BOXES[box]
    lab.suspect.sysctl(*firewalls.COUNTS_BYTES)
    lab.suspect.nft(rule)
    said = {
        "one segment": ["of several none", "only the first packet", "several segments pass"],
        "long": ["long ones not", "2,000 bytes"],
        "name first": ["in the second: only the first packet", "not in its first packet"],
        "ml-kem": ["ML-KEM key share", "without one as long had"],
    }[box]
    seen = checked(lab)
    seen.must_say(SUSPECT, *said, "via control they were answered: a box on suspect",
                  "tldr.fail", never=["MTU", "MSS"])  # fmt: skip
    seen.must_be_well(CONTROL)
    assert fates(seen, SUSPECT)["classic"] == {"stood"}


@pytest.mark.parametrize("options", [HANDSHAKES, ()], ids=["asked", "unasked"])
@pytest.mark.parametrize("verdict", ["drop", "reject with tcp reset"])
def test_a_box_drops_by_the_name(lab, options, verdict):
    lab.suspect.nft(firewalls.meets_name(verdict))
    seen = checked(lab, options=options)
    seen.must_say(SUSPECT, "the very same one with another name had",
                  f"it carried the name {NAME}", "via control they were answered: a box on suspect",
                  never=["MTU", "MSS"])  # fmt: skip
    seen.must_be_well(CONTROL)


def limits(seen, egress):
    (way,) = [one["facts"] for one in seen.said["results"] if one["egress"] == egress]
    return {one["towards_us"]: (one["passes"], one["fails"]) for one in way["segments"]}


HOLE = (1260, 1264)
"""Of packets of 1,300 bytes."""


@pytest.mark.parametrize("options", [HANDSHAKES, ()], ids=["asked", "unasked"])
def test_a_hole_towards_us(lab, options):
    lab.serve_again(SERVER, big=True)
    lab.suspect.nft(firewalls.loses_longer("oifname client", 1300))
    seen = checked(lab, options=options)
    seen.must_say(SUSPECT, "clamp the MSS to 1260 on the path", "towards us segments of 1,260",
                  "via control they were answered", never=["pass the filter"])  # fmt: skip
    seen.must_be_well(CONTROL)
    assert limits(seen, SUSPECT) == {True: HOLE}
    assert limits(seen, CONTROL) == {}


def test_a_hole_towards_the_endpoint(lab):
    """The hello of this Python is small, and passes; a browser's does not."""
    lab.suspect.nft(firewalls.loses_longer("iifname client", 1300))
    seen = checked(lab)
    seen.must_say(SUSPECT, "clamp the MSS to 1260 on the path", "small segments alone",
                  "via control they were answered", never=["pass the filter"])  # fmt: skip
    seen.must_be_well(CONTROL)
    assert limits(seen, SUSPECT) == {False: HOLE}


def test_a_hole_each_way(lab):
    lab.serve_again(SERVER, big=True)
    lab.suspect.nft(firewalls.loses_longer("meta l4proto tcp", 1300))
    seen = checked(lab)
    seen.must_say(SUSPECT, "clamp the MSS to 1260 on the path")
    seen.must_be_well(CONTROL)
    assert limits(seen, SUSPECT) == {True: HOLE, False: HOLE}


def test_ipv6_alone_is_broken(lab):
    lab.serve_by_both_families()
    lab.suspect.nft(firewalls.BIG_IPV6_LOST)
    hosts = {"app.netlab.test": [SERVER6, SERVER]}
    plan = few(lab, endpoints={"app": f"wss://app.netlab.test:{WSS_PORT}/"},
               egresses={SUSPECT: ""})  # fmt: skip
    seen = checked(lab, plan, hosts=hosts)
    seen.must_say(SUSPECT, "IPv6 fails, IPv4 works", "packet too big")
    assert set().union(*fates(seen, SUSPECT).values()) <= {"stood", "alert"}  # by IPv4


def test_a_stall_of_the_endpoints_own_accuses_no_box(lab):
    """Its kernel acknowledges, its process hangs: of no hello is there an answer."""
    lab.servers[SERVER].send(signal.SIGSTOP)
    seen = checked(lab, options=())
    for egress in (SUSPECT, CONTROL):
        seen.must_say(
            egress, "ClientHello", never=["a box on", "with another name", "first packet"]
        )
        assert limits(seen, egress) == {}
        assert set().union(*fates(seen, egress).values()) == {"lost"}
