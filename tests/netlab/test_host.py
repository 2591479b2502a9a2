"""Our own host does it: link, address, socket; or the tester itself stands still."""

import signal
import time

import pytest

from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, Heartbeat
from tests.netlab.topology import CLIENT, SERVER, SUSPECT

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
    judge(recording, Truth(what="tester stopped"), NOTHING)
