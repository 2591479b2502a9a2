"""An endpoint answers nothing any more though its kernel does, or answers too late."""

import signal

from tests.netlab.judge import Truth
from tests.netlab.tester import WSS_PORT, Heartbeat
from tests.netlab.topology import OTHER, SERVER
from tests.netlab.truths import BOTH, ENDPOINT, OWNER, UNKNOWN
from tests.netlab.verdicts import RunTruth

SESSIONS = 20
BEATS = Heartbeat(every="1s", timeout="2s")
RECONNECTS = '{ initial = "300ms", max = "1s", jitter = 0.5 }'
TWO = {"server": f"wss://{SERVER}:{WSS_PORT}/", "other": f"wss://{OTHER}:{WSS_PORT}/"}


def neighbours():
    return [Truth(what="its neighbour lives", endpoint="other", egress=way) for way in BOTH]


def test_endpoint_hangs_for_a_while(lab, judge):
    """Its kernel goes on acknowledging; its neighbour answers by both ways."""
    tester = lab.hold(lab.plan(endpoints=TWO, sessions=SESSIONS, activities=(BEATS,),
                               reconnect=RECONNECTS))  # fmt: skip
    server = lab.servers[SERVER]
    server.send(signal.SIGSTOP)
    tester.wait_for_drops(2 * SESSIONS)
    server.send(signal.SIGCONT)
    tester.wait_until_open(6 * SESSIONS)
    judge(
        tester.finish(),
        *(Truth(what="the server's process stands still", endpoint="server", egress=way,
                kinds={"unresponsive"}, initiators={"endpoint", "unknown"}, may_live=True)
          for way in BOTH),
        *neighbours(),
        RunTruth(what="it hung", mechanism={"outage"}, where={"endpoint"}, who=ENDPOINT | UNKNOWN,
                 whom=OWNER),
    )  # fmt: skip


def test_endpoint_answers_too_late(lab, judge):
    """It acknowledges every ping at once, by both ways, and answers after our patience."""
    late = {"server": f"wss://{SERVER}:{WSS_PORT}/late/4", "other": TWO["other"]}
    tester = lab.hold(lab.plan(endpoints=late, sessions=8, activities=(BEATS,)))
    tester.wait_for_drops(16)
    judge(
        tester.finish(),
        *(Truth(what="pongs come after 4 s", endpoint="server", egress=way,
                kinds={"unresponsive"}, initiators={"endpoint", "unknown"}) for way in BOTH),
        *neighbours(),
        RunTruth(what="an endpoint that is late", mechanism={"outage", "no_pattern"},
                 where={"endpoint"}, who=ENDPOINT | UNKNOWN, whom=OWNER),
    )  # fmt: skip
