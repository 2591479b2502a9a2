"""Proxies in front of the server that end what is idle."""

from typing import Any

import pytest

from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.proxies import IDLE_TIMEOUT_S, start_haproxy, start_nginx
from tests.netlab.tester import SESSIONS, TLS_PORT, WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, OTHER, SERVER, SUSPECT
from tests.netlab.truths import BOTH, ENDPOINT, MIDDLEBOX, OWNER, UNKNOWN, box_does
from tests.netlab.verdicts import RunTruth

SELDOM = Heartbeat(name="seldom", every="8s")  # slower than the proxies' patience
OFTEN = Heartbeat(name="often", every="1s")

# It passes TLS on and cannot end it: a FIN in mid-stream. A process that dies, or a careless
# server, does the same, so the endpoint may not be accused; nor need be the box.
CUT = {"kinds": {"tcp_fin"}, "initiators": {"unknown", "middlebox"}}
# It ends TLS in order, by a certificate of the root that the scenario declares for this endpoint:
# by this session alone it may be the endpoint's own front. By the other way nobody ends it.
CLOSED = {"kinds": {"tls_close_notify"}, "initiators": {"unknown", "middlebox", "endpoint"}}


@pytest.mark.parametrize(
    ("tool", "start", "mode", "says"),
    [
        ("haproxy", start_haproxy, "tcp", CUT),
        ("haproxy", start_haproxy, "http", CLOSED),
        ("nginx", start_nginx, "stream", CUT),
        ("nginx", start_nginx, "http", CLOSED),
    ],
    ids=["haproxy-tcp", "haproxy-http", "nginx-stream", "nginx-http"],
)
def test_proxy_ends_what_is_idle(lab, judge, tool, start, mode, says):
    need(tool)
    start(lab, mode)
    tester = lab.hold(lab.plan(activities=(SELDOM, OFTEN)))
    tester.wait_for_drops(SESSIONS, lambda cohort: cohort.egress == SUSPECT)
    judge(
        tester.finish(),
        Truth(what="idle sessions closed", activity="seldom", **says),
        Truth(what="busy sessions kept", activity="often"),
        NOTHING,
        box_does("idle_timer", "an idle timer", limit=IDLE_TIMEOUT_S, widest=8),
    )


def test_proxy_is_killed(lab, judge):
    need("haproxy")
    proxy = start_haproxy(lab, "tcp")
    tester = lab.hold()
    moment = when(proxy.kill)
    tester.wait_for_drops(SESSIONS)
    judge(
        tester.finish(),
        # By this way the server's address refuses fresh connections, too, from as far away as it
        # answered before: as if the server had gone. But by the other way it goes on.
        Truth(what="proxy killed", kinds={"tcp_fin", "tcp_reset"},
              initiators={"unknown", "middlebox"}, changed=moment),
        NOTHING,
        box_does("state_lost|outage", "it is gone", who=MIDDLEBOX | UNKNOWN),
    )  # fmt: skip


def test_server_dies_behind_a_proxy(lab, judge):
    """The proxy goes on accepting for it; past the proxy its address refuses."""
    need("haproxy")
    start_haproxy(lab, "tcp", idle_s=3600)
    urls = {"server": f"wss://{SERVER}:{WSS_PORT}/", "other": f"tls://{OTHER}:{TLS_PORT}"}
    beats = Heartbeat(every="1s", timeout="2s")
    tester = lab.hold(lab.plan(endpoints=urls, sessions=12, activities=(beats,),
                               reconnect='{ initial = "300ms", max = "1s" }'))  # fmt: skip
    moment = when(lab.servers[SERVER].kill)
    tester.wait_for_drops(24)
    tester.wait_until(
        lambda: sum(one["event"] == "attempt_failed" for one in tester.recording.events()) > 48,
        "failed attempts", 20,
    )  # fmt: skip
    dead: dict[str, Any] = {"mechanism": {"endpoint_down"}, "where": {"endpoint"},
                            "who": ENDPOINT | UNKNOWN, "whom": OWNER}  # fmt: skip
    judge(
        tester.finish(),
        Truth(what="passed on by the proxy", endpoint="server", kinds={"tcp_fin", "tcp_reset"},
              initiators={"endpoint", "unknown"}, changed=moment),
        Truth(what="its process killed", endpoint="server", egress=CONTROL, changed=moment,
              kinds={"tcp_fin", "tcp_reset"}, initiators={"endpoint", "unknown"}),
        *(Truth(what="its neighbour lives", endpoint="other", egress=way) for way in BOTH),
        RunTruth(what="it died", **dead),
        RunTruth(what="it stays dead", failures=True, **dead),
    )  # fmt: skip
