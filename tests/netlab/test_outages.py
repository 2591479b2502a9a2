"""Nothing comes back any more: from one endpoint, by one way, by both; or late, or too little."""

import signal

from tests.netlab import firewalls
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import WSS_PORT, Heartbeat
from tests.netlab.topology import CLIENT, CONTROL, OTHER, ROUTER, SERVER, SUSPECT
from tests.netlab.truths import BOTH, ENDPOINT, MIDDLEBOX, NETWORK, OWNER, UNKNOWN, path_cut
from tests.netlab.verdicts import RunTruth

SESSIONS = 20
BEATS = Heartbeat(every="1s", timeout="2s")
RECONNECTS = '{ initial = "300ms", max = "1s", jitter = 0.5 }'
TWO = {"server": f"wss://{SERVER}:{WSS_PORT}/", "other": f"wss://{OTHER}:{WSS_PORT}/"}
GONE = {"silence", "unreachable"}
BACKUP = f"route add default via {ROUTER[CONTROL]} dev {CONTROL} metric 5000"


def drops_what_is_for(address):
    return f"""
table inet refused {{
  chain forwarded {{
    type filter hook forward priority filter; policy accept;
    ip daddr {address} drop
  }}
}}
"""


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
                kinds={"unresponsive"}, initiators={"endpoint"}, may_live=True) for way in BOTH),
        *neighbours(),
        RunTruth(what="it hung", mechanism={"outage"}, where={"endpoint"}, who=ENDPOINT | UNKNOWN,
                 whom=OWNER),
    )  # fmt: skip


def test_one_policy_on_both_ways(lab, judge):
    """A firewall of one destination stands for one that both ways share upstream."""
    tester = lab.hold(lab.plan(endpoints=TWO, sessions=SESSIONS, activities=(BEATS,)))
    rules = drops_what_is_for(SERVER)
    moment = when(lambda: (lab.suspect.nft(rules), lab.control.nft(rules)))
    tester.wait_for_drops(2 * SESSIONS)
    judge(
        tester.finish(),
        *(Truth(what="this destination is dropped", endpoint="server", egress=way,
                kinds={"silence"}, initiators={"middlebox", "unknown"}, changed=moment)
          for way in BOTH if way == SUSPECT),
        Truth(what="this destination is dropped", endpoint="server", egress=CONTROL,
              kinds={"silence"}, initiators={"unknown"}, changed=moment),
        *neighbours(),
        RunTruth(what="one destination, both egresses", mechanism={"outage"},
                 where={"shared", "endpoint"}, who=UNKNOWN | MIDDLEBOX,
                 whom={"nobody", "network_team"}),
    )  # fmt: skip


def test_unused_default_route_comes_then_a_router_drops_all(lab, judge):
    """What this host changed has nothing to do with it."""
    lab.client.ip(f"rule del from {CLIENT[SUSPECT]} lookup 101")
    egresses = {SUSPECT: "", CONTROL: f'interface = "{CONTROL}"'}
    tester = lab.hold(lab.plan(sessions=SESSIONS, activities=(BEATS,), egresses=egresses))
    lab.client.ip(BACKUP)
    tester.wait_until(
        lambda: any(one["event"] == "path_changed" for one in tester.recording.events()),
        "the path change in the recording", 10,
    )  # fmt: skip
    moment = when(lambda: lab.suspect.nft(firewalls.BLACK_HOLE))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="a router drops everything", kinds={"silence"},
              initiators={"middlebox"}, changed=moment),
        NOTHING,
        path_cut("the suspect way is dead", where={"unknown", "egress"}),
    )  # fmt: skip


def test_site_of_one_way_is_gone(lab, judge):
    """An anycast address: the machine that it means by one way is gone, and by the other lives.

    The neighbour lives by the dead one's way, so the way is well; no sign tells the sites apart.
    """
    lab.serve_anycast()
    tester = lab.hold(lab.plan(sessions=SESSIONS, activities=(BEATS,), endpoints=TWO))
    moment = when(lambda: lab.server.ip(f"link set {SUSPECT} down"))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="the site of this way is gone", endpoint="server", kinds=GONE,
              initiators={"unknown", "endpoint"}, changed=moment),
        Truth(what="its neighbour lives", endpoint="other"),
        NOTHING,
        RunTruth(what="one endpoint by one way", mechanism={"outage", "endpoint_down"},
                 where={"egress"}, who=UNKNOWN | ENDPOINT,
                 whom=OWNER | NETWORK | {"nobody"}),
    )  # fmt: skip


def test_path_loses_a_third(lab, judge):
    """Nobody drops these flows: the path is bad for all of them."""
    box = lab.start_tunbox()
    beats = Heartbeat(every="500ms", timeout="1500ms")
    tester = lab.hold(lab.plan(sessions=SESSIONS, reconnect=RECONNECTS, activities=(beats,)))
    box.order("loss 30")
    tester.wait_for_drops(SESSIONS // 2)
    box.order("loss 0")
    judge(
        tester.finish(),
        Truth(what="every third packet is lost", kinds={"silence", "unresponsive"},
              initiators={"middlebox", "unknown"}, may_live=True),
        NOTHING,
        RunTruth(what="a path that loses packets", mechanism={"outage", "no_pattern"},
                 where={"egress"}, who=MIDDLEBOX | UNKNOWN, whom=NETWORK,
                 never=["drops this flow"]),
    )  # fmt: skip


def test_endpoint_answers_too_late(lab, judge):
    """It acknowledges every ping at once, by both ways, and answers after our patience."""
    late = {"server": f"wss://{SERVER}:{WSS_PORT}/late/4", "other": TWO["other"]}
    tester = lab.hold(lab.plan(endpoints=late, sessions=8, activities=(BEATS,)))
    tester.wait_for_drops(16)
    judge(
        tester.finish(),
        *(Truth(what="pongs come after 4 s", endpoint="server", egress=way,
                kinds={"unresponsive"}, initiators={"endpoint"}) for way in BOTH),
        *neighbours(),
        RunTruth(what="an endpoint that is late", mechanism={"outage", "no_pattern"},
                 where={"endpoint"}, who=ENDPOINT | UNKNOWN, whom=OWNER),
    )  # fmt: skip
