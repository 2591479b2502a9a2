"""All sessions of an egress or an endpoint end at one moment: a box forgets, or the endpoint."""

import signal
import time
from functools import partial

import pytest

from tests.netlab import asked_proxies, firewalls
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.proxies import DRAIN_S, start_haproxy, start_nginx
from tests.netlab.recording import Moment
from tests.netlab.tester import WSS_PORT, Heartbeat
from tests.netlab.topology import OTHER, SERVER, SUSPECT
from tests.netlab.truths import (
    BOTH,
    ENDPOINT,
    MIDDLEBOX,
    NETWORK,
    OWNER,
    UNKNOWN,
    box_does,
)
from tests.netlab.verdicts import RunTruth

SESSIONS = 20
SAID = {"middlebox", "unknown"}
BEATS = Heartbeat(every="1s", timeout="2s")
RECONNECTS = '{ initial = "300ms", max = "1s", jitter = 0.5 }'
BACK_LATER = '{ initial = "3s", max = "3s", jitter = 0.2 }'
"""The one that is started in a dead one's place listens by then, on a busy machine too."""
TWO = {"server": f"wss://{SERVER}:{WSS_PORT}/", "other": f"wss://{OTHER}:{WSS_PORT}/"}
RST_OR_FIN = {"tcp_fin", "tcp_reset"}


def neighbours(what="its neighbour lives"):
    return [Truth(what=what, endpoint="other", egress=way) for way in BOTH]


def test_endpoint_restarts(lab, judge):
    tester = lab.hold(lab.plan(endpoints=TWO, sessions=SESSIONS, reconnect=RECONNECTS,
                               activities=(BEATS,)))  # fmt: skip
    moment = when(lab.servers[SERVER].kill)
    lab.serve(SERVER)
    lab.servers[SERVER].wait_until_says("listening")
    tester.wait_for_drops(2 * SESSIONS)
    tester.wait_until_open(6 * SESSIONS)
    judge(
        tester.finish(),
        *(Truth(what="killed and back at once", endpoint="server", egress=way, kinds=RST_OR_FIN,
                initiators={"endpoint", "unknown"}, changed=moment, may_live=True)
          for way in BOTH),
        *neighbours(),
        RunTruth(what="one moment, both egresses, its neighbour lives",
                 mechanism={"endpoint_down", "state_lost"}, where={"endpoint", "shared"},
                 who=ENDPOINT | UNKNOWN, whom=OWNER | {"nobody"}),
    )  # fmt: skip


def test_proxy_drops_its_old_worker(lab, judge):
    need("nginx")
    nginx = start_nginx(lab, "stream", idle_s=3600)
    tester = lab.hold(lab.plan(sessions=SESSIONS, reconnect=RECONNECTS, activities=(BEATS,)))
    began = time.time_ns()
    nginx.send(signal.SIGHUP)
    tester.wait_for_drops(SESSIONS)
    moment = Moment(began, began + int((DRAIN_S + 1.5) * 1e9))
    tester.wait_until_open(3 * SESSIONS)
    judge(
        tester.finish(),
        Truth(what="cut a second after a reload", kinds=RST_OR_FIN,
              initiators={"middlebox", "unknown"}, changed=moment, may_live=True),
        NOTHING,
        box_does("state_lost", "a reload of the proxy"),
    )  # fmt: skip


def test_proxy_is_restarted(lab, judge):
    need("haproxy")
    proxy = start_haproxy(lab, "tcp", idle_s=3600)
    tester = lab.hold(lab.plan(sessions=SESSIONS, reconnect=BACK_LATER, activities=(BEATS,)))
    moment = when(proxy.kill)
    lab.suspect.run("nft", "flush", "ruleset")
    start_haproxy(lab, "tcp", idle_s=3600)
    tester.wait_for_drops(SESSIONS)
    tester.wait_until_open(3 * SESSIONS)
    judge(
        tester.finish(),
        Truth(what="killed and back at once", kinds=RST_OR_FIN,
              initiators={"middlebox", "unknown"}, changed=moment, may_live=True),
        NOTHING,
        box_does("state_lost", "a restart of the proxy"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "scheme", "start"),
    [
        ("tinyproxy", "http", partial(asked_proxies.start_tinyproxy, idle_s=3600)),
        ("danted", "socks5", asked_proxies.start_dante),
    ],
    ids=["tinyproxy", "dante"],
)
def test_asked_proxy_is_restarted(lab, judge, tool, scheme, start):
    need(tool)
    proxy = start(lab)
    tester = lab.hold(
        lab.plan(sessions=SESSIONS, reconnect=BACK_LATER, activities=(BEATS,),
                 egresses=asked_proxies.egresses(scheme))
    )  # fmt: skip
    moment = when(proxy.kill)
    start(lab)
    tester.wait_for_drops(SESSIONS)
    tester.wait_until_open(3 * SESSIONS)
    judge(
        tester.finish(),
        Truth(what="killed and back at once", kinds=RST_OR_FIN, initiators={"middlebox"},
              changed=moment, may_live=True),
        NOTHING,
        box_does("state_lost", "a restart of the proxy", whom={"proxy_team"}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "kind"),
    [(firewalls.STATEFUL_DROP, "silence"), (firewalls.STATEFUL_RESET, "tcp_reset")],
    ids=["drops", "resets"],
)
def test_firewall_forgets_all_flows(lab, judge, rules, kind):
    lab.suspect.nft(rules)
    lab.suspect.sysctl(*firewalls.PATIENT)
    tester = lab.hold(lab.plan(sessions=SESSIONS, reconnect=RECONNECTS, activities=(BEATS,)))
    tester.wait_until_answered()
    moment = when(lambda: lab.suspect.run("conntrack", "-F"))
    tester.wait_for_drops(SESSIONS)
    tester.wait_until_open(3 * SESSIONS)
    judge(
        tester.finish(),
        Truth(what="all flows forgotten", kinds={kind}, initiators={"middlebox"},
              changed=moment, may_live=True),
        NOTHING,
        box_does("state_lost", "a flush of the firewall"),
    )  # fmt: skip


def test_firewall_forgets_flows_at_random(lab, judge):
    """No timer, no incident, no period; each by its own evidence a middlebox's."""
    lab.suspect.nft(firewalls.STATEFUL_DROP)
    lab.suspect.sysctl(*firewalls.PATIENT)
    beats = Heartbeat(every="1s", timeout="1s")
    tester = lab.hold(lab.plan(sessions=40, ramp="2s", activities=(beats,),
                               reconnect=RECONNECTS))  # fmt: skip
    forgotten = lab.forget_at_random(tester, rate_per_s=2.0, length_s=17, seed=7)
    tester.wait_for_drops(len(forgotten) - 2, lambda cohort: cohort.egress == SUSPECT)
    recording = tester.finish()
    judge(
        recording,
        # What is forgotten just before the end is found dead by it.
        Truth(what="forgotten at a random moment", kinds={"silence", "found_dead"}, initiators=SAID,
              changed=lambda ending: forgotten.get(ending.local_port), may_live=True),
        NOTHING,
        box_does("no_pattern", "no common cause", where={"egress"}, who=MIDDLEBOX, whom=NETWORK),
    )  # fmt: skip
    summary = recording.summary
    assert not summary["timers"]
    assert not summary["periods"]
    assert not [one for one in summary["incidents"] if one["told"]]
