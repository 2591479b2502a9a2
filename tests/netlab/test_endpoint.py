"""The endpoint itself dies: nobody in between may be accused."""

from tests.netlab.judge import Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, WSS_AND_TLS, WSS_PORT
from tests.netlab.topology import CONTROL, OTHER, SERVER, SUSPECT
from tests.netlab.truths import ENDPOINT, OWNER, UNKNOWN
from tests.netlab.verdicts import RunTruth


def both_ways(**said):
    return [Truth(egress=way, **said) for way in (SUSPECT, CONTROL)]


def test_server_process_is_killed(lab, judge):
    tester = lab.hold(
        lab.plan(endpoints=WSS_AND_TLS, reconnect='{ initial = "300ms", max = "1s", jitter = 0.2 }')
    )
    moment = when(lab.servers[SERVER].kill)
    tester.wait_for_drops(4 * SESSIONS)
    judge(
        tester.finish(),
        # Its kernel closes what it had open, and refuses new connections, by both ways.
        *both_ways(what="process killed", kinds={"tcp_fin", "tcp_reset"},
                   initiators={"endpoint"}, changed=moment),
        RunTruth(what="it died", mechanism={"endpoint_down"}, where={"endpoint", "shared"},
                 who=ENDPOINT, whom=OWNER),
        RunTruth(what="it stays dead", mechanism={"endpoint_down"}, where={"endpoint", "shared"},
                 who=ENDPOINT, whom=OWNER, failures=True),
    )  # fmt: skip


def test_server_host_is_gone(lab, judge):
    urls = {name: f"wss://{at}:{WSS_PORT}/" for name, at in (("one", SERVER), ("two", OTHER))}
    tester = lab.hold(lab.plan(endpoints=urls))
    moment = when(lambda: lab.server.ip(f"link set {SUSPECT} down", f"link set {CONTROL} down"))
    tester.wait_for_drops(2 * SESSIONS)
    judge(
        tester.finish(),
        # By two ways it is silent, while its neighbour answers by both. One policy on both ways
        # looks the same.
        *both_ways(what="host gone", endpoint="one", kinds={"silence", "unreachable"},
                   initiators={"unknown"}, changed=moment),
        *both_ways(what="its neighbour lives", endpoint="two"),
        RunTruth(what="one endpoint, both egresses", mechanism={"outage", "endpoint_down"},
                 where={"endpoint", "shared"}, who=UNKNOWN | ENDPOINT,
                 whom=OWNER | {"network_team", "nobody"}),
    )  # fmt: skip
