"""What looks guilty and is not: each accused somebody innocent before its rule was there."""

import time

import pytest

from tests.netlab import firewalls
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.proxies import start_haproxy
from tests.netlab.recording import Moment
from tests.netlab.tester import SESSIONS, WSS_PORT, Heartbeat
from tests.netlab.topology import (
    ALSO_AT,
    CLIENT,
    CLIENT_NET,
    CONTROL,
    DETOUR_BACK,
    OTHER,
    ROUTER,
    SERVER,
    SUSPECT,
)
from tests.netlab.truths import (
    ENDPOINT,
    MIDDLEBOX,
    NETWORK,
    OWNER,
    UNKNOWN,
    host_did,
    path_cut,
    resets_like_its_own,
)
from tests.netlab.verdicts import RunTruth

TWO_ENDPOINTS = {name: f"wss://{at}:{WSS_PORT}/" for name, at in (("one", SERVER), ("two", OTHER))}
PATIENT = Heartbeat(timeout="5s")


def servers_own_reset(lab):
    """The server itself resets all sessions that came by the suspect way."""
    lab.servers[SERVER].order(f"reset {CLIENT[SUSPECT]}")
    *_, before, after = lab.servers[SERVER].wait_until_says(f"reset {SESSIONS} sessions").split()
    return Moment(int(before), int(after))


def both_ways(**said):
    return [Truth(egress=way, **said) for way in (SUSPECT, CONTROL)]


# This host


def test_a_default_route_that_nobody_uses_appears_before_a_router_drops_everything(lab, judge):
    tester = lab.hold()
    lab.client.ip(f"route add default via {ROUTER[CONTROL]} dev {CONTROL} metric 5000")
    moment = when(lambda: lab.suspect.nft(firewalls.BLACK_HOLE))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="the router drops all", kinds={"silence"}, initiators={"middlebox"},
              changed=moment),
        NOTHING,
        path_cut("a router drops everything", where={"unknown", "egress"}),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["", "unreachable "], ids=["removed", "unreachable"])
def test_this_host_loses_the_route_of_a_bound_egress(lab, judge, kind):
    tester = lab.hold()

    def lose():
        for table in ("main", "101"):
            lab.client.ip(f"route del default via {ROUTER[SUSPECT]} dev {SUSPECT} table {table}")
        if kind:
            lab.client.ip(f"route add {kind}{SERVER}/32 metric 1")

    moment = when(lose)
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="our own route is gone", kinds={"silence", "unreachable"},
              initiators={"host"}, changed=moment),
        NOTHING,
        host_did("our route"),
    )  # fmt: skip


# The endpoint itself, behind a path that changes or loses


def test_the_way_back_becomes_longer_and_then_the_endpoint_resets(lab, judge):
    lab.topology.add_detour()
    tester = lab.hold()
    lab.server.ip(f"route replace {CLIENT_NET[SUSPECT]} via {DETOUR_BACK}")
    moment = servers_own_reset(lab)
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # Its TTL is one less than the handshake's; so is that of a fresh SYN-ACK.
        Truth(what="a hop more, then its own reset", kinds={"tcp_reset"},
              initiators={"unknown", "endpoint"}, changed=moment),
        NOTHING,
        resets_like_its_own("its own resets, a hop more"),
    )  # fmt: skip


def test_answers_are_lost_and_then_the_endpoint_aborts(lab, judge):
    tester = lab.hold(lab.plan(activities=(PATIENT,)))
    # Segments with data are lost, bare ones pass: its reset is ahead of what is missing here.
    lab.suspect.nft(firewalls.LOSES_ANSWERS)
    time.sleep(0.9)  # what is tested is a time
    moment = servers_own_reset(lab)
    lab.suspect.nft("flush ruleset")
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="loss, then an abort", kinds={"tcp_reset"},
              initiators={"unknown", "endpoint"}, changed=moment),
        NOTHING,
        resets_like_its_own("its own resets, after loss"),
    )  # fmt: skip


def test_the_endpoint_aborts_during_an_outage(lab, judge):
    seldom = Heartbeat(name="seldom", every="4s", timeout="5s")
    box = lab.start_tunbox()
    tester = lab.hold(lab.plan(activities=(seldom,)))
    box.order("hole both")
    box.wait_until_says("hole both: ")
    moment = servers_own_reset(lab)
    time.sleep(1.5)  # what is tested is a time
    box.order("hole off")
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # Nobody heard its resets. The next pings are answered as by a NAT that lost its table.
        Truth(what="resets lost in an outage", kinds={"tcp_reset"},
              initiators={"unknown", "endpoint"}, changed=moment),
        NOTHING,
        resets_like_its_own("resets that nobody heard", mechanism={"state_lost", "no_pattern"}),
    )  # fmt: skip


def test_the_endpoints_own_firewall_forgets(lab, judge):
    lab.server.nft(firewalls.SERVERS_OWN)
    lab.server.sysctl(*firewalls.PATIENT)
    tester = lab.hold(lab.plan(endpoints=TWO_ENDPOINTS))
    moment = when(lambda: lab.server.run("conntrack", "-F"))
    tester.wait_for_drops(2 * SESSIONS)
    judge(
        tester.finish(),
        *both_ways(what="its firewall is reloaded", endpoint="one", kinds={"silence"},
                   initiators={"unknown", "endpoint"}, changed=moment),
        *both_ways(what="its neighbour lives", endpoint="two"),
        RunTruth(what="both egresses at one moment", mechanism={"state_lost", "outage"},
                 where={"endpoint", "shared"}, who=UNKNOWN | ENDPOINT, whom=OWNER),
    )  # fmt: skip


def test_one_policy_drops_an_address_on_both_ways(lab, judge):
    tester = lab.hold(lab.plan(endpoints=TWO_ENDPOINTS))

    def push():
        for router in (lab.suspect, lab.control):
            router.nft(firewalls.drops(SERVER))

    moment = when(push)
    tester.wait_for_drops(2 * SESSIONS)
    judge(
        tester.finish(),
        *both_ways(what="a policy drops it", endpoint="one", kinds={"silence"},
                   initiators={"unknown", "middlebox"}, changed=moment),
        *both_ways(what="its neighbour lives", endpoint="two"),
        RunTruth(what="one destination, both egresses", mechanism={"outage", "state_lost"},
                 where={"shared", "endpoint"}, who=UNKNOWN | MIDDLEBOX,
                 whom={"nobody", "network_team", "service_owner"}),
    )  # fmt: skip


def test_another_site_of_one_address_is_gone(lab, judge):
    """Anycast: each way leads to another machine."""
    site = lab.topology.server[OTHER]
    site.ip(f"addr add {SERVER}/32 dev lo")
    lab.serve(SERVER, at=OTHER)
    lab.servers[OTHER].wait_until_says("listening")
    lab.suspect.ip(f"route replace {SERVER}/32 via {ALSO_AT}")
    tester = lab.hold(lab.plan(endpoints=TWO_ENDPOINTS))
    moment = when(lambda: site.nft(firewalls.drops(SERVER, chain="input")))
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        Truth(what="its site is gone", endpoint="one", kinds={"silence"},
              initiators={"unknown", "endpoint"}, changed=moment),
        Truth(what="its neighbour lives", endpoint="two"),
        NOTHING,
        RunTruth(what="one endpoint by one way", mechanism={"outage", "endpoint_down"},
                 where={"egress"}, who=UNKNOWN | ENDPOINT, whom=OWNER | NETWORK | {"nobody"}),
    )  # fmt: skip


def test_a_proxy_accepts_for_a_server_that_is_gone(lab, judge):
    need("haproxy")
    start_haproxy(lab, "tcp")
    # Else the run ends by itself, when the last session has.
    tester = lab.hold(lab.plan(reconnect='{ initial = "5s", max = "9s", jitter = 0.1 }'))
    lab.server.ip(f"link set {SUSPECT} down", f"link set {CONTROL} down")
    tester.wait_for_drops(2 * SESSIONS)
    recording = tester.finish()
    met = {
        look["result"]
        for one in recording.drops()
        for look in one.evidence["fresh_connections"]
        if look["egress"] == SUSPECT
    }
    assert "answered" not in met
    kinds = {"silence", "unresponsive", "unreachable", "tcp_fin"}
    judge(
        recording,
        *both_ways(what="gone", kinds=kinds, initiators={"unknown", "endpoint"}),
        RunTruth(what="gone, by both ways", mechanism={"outage", "endpoint_down"},
                 where={"shared", "endpoint"}, who=UNKNOWN | ENDPOINT,
                 whom=OWNER | NETWORK | {"nobody"}),
    )  # fmt: skip


def test_a_path_that_loses_many_packets_drops_no_flow_alone(lab, judge):
    box = lab.start_tunbox()
    tester = lab.hold(lab.plan(activities=(Heartbeat(timeout="1s"),)))
    box.order("loss 40")
    tester.wait_for_drops(SESSIONS // 2)
    recording = tester.finish()
    drops = recording.drops()
    why = [one.evidence["why"][0] for one in drops if one.kind == "silence"]
    assert why.count("path-loses-packets") > len(why) // 2, why
    judge(
        recording,
        Truth(what="many packets are lost",
              kinds={"silence", "unresponsive", "kernel_timeout", "found_dead"},
              initiators={"unknown"}, may_live=True),
        NOTHING,
        RunTruth(what="a path that loses packets", mechanism={"outage", "no_pattern"},
                 where={"egress"}, who=UNKNOWN | MIDDLEBOX, whom=NETWORK,
                 never=["drops this flow"]),
    )  # fmt: skip
