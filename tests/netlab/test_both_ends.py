"""What one end alone has to leave open, and a reflector decides."""

import json
import time
from collections import Counter
from typing import Any

import pytest

from tests.fakes.starved import Starved
from tests.netlab import firewalls
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.proxies import start_haproxy
from tests.netlab.reflected import NAMED, TOKEN, Reflector, ToldRecording
from tests.netlab.tester import SESSIONS, Heartbeat
from tests.netlab.topology import CONTROL, SERVER, SUSPECT
from tests.netlab.truths import box_does, endpoint_says

SELDOM = Heartbeat(name="seldom", every="8s")  # slower than the proxy's patience
OFTEN = Heartbeat(name="often", every="200ms", timeout="10s")
DENSE = Heartbeat(name="dense", every="100ms", timeout="10s", message="40B")
LOSES_FOR_S = 30.0
MS = 1_000_000
WAYS = ("there", "back")
BOX, GRADE = {"middlebox"}, {"reflector"}


def held(lab, **plan):
    reflector = Reflector(lab)
    return reflector, lab.hold(lab.plan(each_endpoint=NAMED, **plan), environment=TOKEN)


def test_a_perfect_forgery_is_known_by_the_far_end(lab, judge):
    forger = lab.start_forger()
    reflector, tester = held(lab)
    forger.order("imitate")
    forger.wait_until_says("forged")
    tester.wait_for_drops(SESSIONS)
    time.sleep(2.5)  # the far end holds them for longer than its own closing may take
    recording = tester.finish()
    reflector.stop()
    judge(
        reflector.joined(recording),
        Truth(what="like the server's own", kinds={"tcp_reset"}, initiators=BOX, grades=GRADE),
        NOTHING,
        box_does("state_lost", "perfect resets, seen from both ends"),
    )


def test_a_perfect_forgery_is_known_while_the_run_goes_on(lab, judge):
    forger = lab.start_forger()
    reflector, tester = held(lab)
    forger.order("imitate")
    forger.wait_until_says("forged")
    tester.wait_for_drops(SESSIONS)
    recording = ToldRecording(tester.finish().folder)
    reflector.stop()
    judge(
        recording,
        Truth(what="like the server's own", kinds={"tcp_reset"}, initiators=BOX, grades=GRADE),
        NOTHING,
        box_does("state_lost", "perfect resets, told by the far end meanwhile"),
    )


def test_what_the_way_back_loses_is_told_through_the_other_egress(lab):
    reflector, tester = held(lab)
    lab.suspect.nft(firewalls.LOSES_ALL_ANSWERS)
    tester.wait_for_drops(SESSIONS)
    recording = ToldRecording(tester.finish().folder)
    reflector.stop()
    drops = recording.drops()
    said = Counter((one.kind, one.initiator, one.grade) for one in drops)
    assert said == {("silence", "middlebox", "reflector"): SESSIONS}


def test_a_fin_of_a_proxy_is_known_by_the_far_end(lab, judge):
    need("haproxy")
    start_haproxy(lab, "tcp")
    reflector, tester = held(lab, activities=(SELDOM,))
    tester.wait_for_drops(SESSIONS)
    recording = tester.finish()
    reflector.stop()
    judge(
        reflector.joined(recording),
        Truth(
            what="an L4 proxy's idle FIN",
            kinds={"tcp_fin", "tls_close_notify"},
            initiators=BOX,
            grades=GRADE,
        ),
        NOTHING,
        box_does("idle_timer", "HAProxy in mode tcp, seen from both ends"),
    )


def test_what_the_far_end_closed_is_its_own(lab, judge):
    reflector, tester = held(lab)
    reflector.stop()
    tester.wait_for_drops(2 * SESSIONS)
    recording = tester.finish()
    ended: dict[str, Any] = {
        "kinds": {"tls_close_notify", "tcp_fin", "tcp_reset", "ws_close"},
        "initiators": {"endpoint"},
        "grades": GRADE,
    }
    judge(
        reflector.joined(recording),
        Truth(what="the service is stopped", **ended),
        Truth(what="the service is stopped", egress=CONTROL, **ended),
        endpoint_says("endpoint_goodbye|endpoint_down|state_lost", "a service that is stopped"),
    )


def test_one_policy_on_both_egresses_is_no_fault_of_the_endpoint(lab):
    reflector, tester = held(lab)
    for box in (lab.suspect, lab.control):
        box.nft(firewalls.drops(SERVER))
    tester.wait_for_drops(2 * SESSIONS)
    recording = tester.finish()
    reflector.stop()
    joined = reflector.joined(recording)
    said = Counter((one.kind, one.initiator, one.grade) for one in joined.drops())
    assert said == {("silence", "middlebox", "reflector"): 2 * SESSIONS}
    [found] = joined.summary["diagnoses"]
    assert (found["mechanism"], found["who"]) == ("outage", "middlebox")
    assert found["where"] in {"shared", "endpoint"}
    assert found["ask"]["whom"] == "network_team"


@pytest.mark.parametrize(("lossy", "side"), [("there", "client"), ("back", "server")])
def test_loss_in_one_direction_is_given_with_the_direction(lab, lossy, side):
    reflector, tester = held(lab, activities=(OFTEN,))
    lab.suspect.nft(firewalls.loses_some_from(side))
    time.sleep(LOSES_FOR_S)  # the measurement itself
    recording = ToldRecording(tester.finish().folder)
    reflector.stop()
    seen = {one["egress"]: one for one in recording.summary["both_ends"]}
    other = "back" if lossy == "there" else "there"
    assert seen[SUSPECT]["split"] == seen[CONTROL]["split"] == 0
    assert seen[SUSPECT][lossy]["sent"] > 3000
    assert share(seen[SUSPECT][lossy]) == pytest.approx(0.05, abs=0.01)
    for way in (seen[SUSPECT][other], seen[CONTROL]["there"], seen[CONTROL]["back"]):
        assert share(way) < 0.005
    way = "to" if lossy == "there" else "from"
    assert f"of the segments {way} the far end" in json.dumps(recording.summary["answer"])


def test_heavy_loss_is_no_sign_that_tcp_ends_in_between(lab):
    """Lost segments are sent again as fewer ones, and questions about them are late."""
    reflector, tester = held(lab, activities=(DENSE,))
    lab.suspect.nft(firewalls.loses_some_from("client", of_1000=200))
    time.sleep(14.0)  # the measurement itself
    recording = ToldRecording(tester.finish().folder)
    reflector.stop()
    seen = {one["egress"]: one for one in recording.summary["both_ends"]}
    assert seen[SUSPECT]["split"] == seen[CONTROL]["split"] == 0
    assert share(seen[SUSPECT]["there"]) > 0.1


def share(way: dict[str, int]) -> float:
    return way["lost"] / way["sent"]


@pytest.mark.parametrize(("jumpy", "direction"), [("there", "to-server"), ("back", "to-client")])
def test_delays_that_vary_in_one_direction_are_given_with_the_direction(lab, jumpy, direction):
    """As `tc netem delay 20ms 15ms` on one side of the box: 5 to 35 ms, all alike."""
    box = lab.start_tunbox()
    reflector, tester = held(lab, activities=(OFTEN,))
    box.order(f"delay 20 15 {direction}")
    starved = Starved(box.pid, reflector.process.pid, tester.process.pid)
    time.sleep(LOSES_FOR_S)  # the measurement itself
    starved_s = starved.seconds
    recording = ToldRecording(tester.finish().folder)
    reflector.stop()
    seen = {one["egress"]: one for one in recording.summary["both_ends"]}
    other = "back" if jumpy == "there" else "there"
    found = seen[SUSPECT][f"varied_{jumpy}"]
    steady = seen[SUSPECT][f"varied_{other}"], *(seen[CONTROL][f"varied_{way}"] for way in WAYS)
    assert min(one["count"] for one in (found, *steady)) >= 100
    noise_ns = max(one["p90_ns"] for one in steady)
    # What others had of the CPU is variation, too, for both ends are processes.
    assert noise_ns < 8 * MS or starved_s > LOSES_FOR_S / 20, starved_s
    # Of 30 ms nine tenths: 27; more where the fastest came before the box was told.
    assert 24 * MS < found["p90_ns"] < 33 * MS + 2 * noise_ns
    said = json.dumps(recording.summary["answer"])
    way = "to" if jumpy == "there" else "from"
    words = f"Through {SUSPECT} delays {way} the far end vary by {found['p90_ns'] / MS:.3g} ms"
    beside = seen[SUSPECT][f"varied_{other}"], seen[CONTROL][f"varied_{jumpy}"]
    is_sure = found["p90_ns"] >= 3 * max(one["p90_ns"] for one in beside)
    assert (words in said) is is_sure
    assert said.count(" vary by ") == is_sure
