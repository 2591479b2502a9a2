"""Boxes and endpoints that end what is idle, each in its own manner."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from tests.netlab import asked_proxies, squids
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import Lab
from tests.netlab.processes import Process
from tests.netlab.proxies import IDLE_TIMEOUT_S, start_haproxy, start_nginx, start_stunnel
from tests.netlab.tester import WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, ROUTER, SERVER, SUSPECT
from tests.netlab.truths import BOTH, ENDPOINT, NETWORK, OWNER, UNKNOWN, box_does, endpoint_says
from tests.netlab.verdicts import RunTruth

SELDOM = Heartbeat(name="seldom", every="5s")  # slower than the boxes' patience
OFTEN = Heartbeat(name="often", every="1s")
QUIET = Heartbeat(name="quiet", every=None)
SESSIONS = 12
EACH = {"sessions": SESSIONS, "ramp": "2s"}
CUT = {"tcp_fin"}
# A box that ends TLS with the endpoint's own key leaves no sign of its own; the endpoint did not.
LIKE_THE_ENDPOINT = {"middlebox", "unknown"}


ASKED: dict[str, Callable[[Lab], AbstractContextManager[Process]]] = {
    "squid": lambda lab: squids.squid(lab, bumps=False),
    "tinyproxy": lambda lab: nullcontext(asked_proxies.start_tinyproxy(lab)),
}


@pytest.mark.parametrize("box", ASKED)
def test_asked_proxy_ends_what_is_idle(lab, judge, box):
    need(box)
    with ASKED[box](lab):
        egresses = asked_proxies.egresses()
        tester = lab.hold(lab.plan(activities=(SELDOM, OFTEN), egresses=egresses, **EACH))
        tester.wait_for_drops(SESSIONS, lambda cohort: cohort.egress == SUSPECT)
        tester.wait_until_answered(CONTROL)
        recording = tester.finish()
    judge(
        recording,
        # The far end of this connection is the proxy by configuration, and the control lives.
        Truth(what="idle tunnels closed", activity="seldom", kinds={"tcp_fin", "tcp_reset"},
              initiators={"middlebox"}),
        Truth(what="busy tunnels kept", activity="often"),
        NOTHING,
        box_does("idle_timer", "the proxy's idle timer", whom={"proxy_team"},
                 limit=IDLE_TIMEOUT_S, tick=1.5, widest=5),
    )  # fmt: skip


def test_stunnel_ends_what_is_idle(lab, judge):
    need("stunnel4")
    start_stunnel(lab)
    tester = lab.hold(lab.plan(activities=(SELDOM, OFTEN), **EACH))
    tester.wait_for_drops(SESSIONS, lambda cohort: cohort.egress == SUSPECT)
    tester.wait_until_answered(CONTROL)
    judge(
        tester.finish(),
        Truth(what="idle sessions reset", activity="seldom", kinds={"tcp_reset"},
              initiators=LIKE_THE_ENDPOINT),
        Truth(what="busy sessions kept", activity="often"),
        NOTHING,
        box_does("idle_timer", "stunnel's idle timer", limit=IDLE_TIMEOUT_S, widest=5),
    )  # fmt: skip


@pytest.mark.parametrize("how", ["1001", "notify", "fin"])
def test_endpoint_ends_what_is_idle(lab, judge, how):
    urls = {"server": f"wss://{SERVER}:{WSS_PORT}/idle/3/{how}"}
    kinds = {"1001": "ws_close", "notify": "tls_close_notify", "fin": "tcp_fin"}
    tester = lab.hold(lab.plan(activities=(SELDOM, OFTEN), endpoints=urls, **EACH))
    tester.wait_for_drops(2 * SESSIONS)
    said = {"1001": {"endpoint"}, "notify": {"endpoint"}, "fin": {"endpoint", "unknown"}}[how]
    judge(
        tester.finish(),
        *(Truth(what="idle sessions closed", egress=way, activity="seldom", kinds={kinds[how]},
                initiators=said) for way in BOTH),
        *(Truth(what="busy sessions kept", egress=way, activity="often") for way in BOTH),
        # A FIN in the middle of TLS says nothing of who sent it: any box before the endpoint may.
        endpoint_says("idle_timer", "the endpoint's idle timer", limit=3, widest=5,
                      who={"endpoint"} if how != "fin" else {"endpoint", "unknown"},
                      whom={"service_owner"}, never=["limit on age"]),
    )  # fmt: skip


def test_endpoint_announces_its_idle_limit_to_silent_sessions(lab, judge):
    urls = {name: f"wss://{SERVER}:{WSS_PORT}/idle/3/{how}"
            for name, how in (("closes", "1001"), ("notifies", "notify"))}  # fmt: skip
    plan = lab.plan(activities=(QUIET, OFTEN), endpoints=urls, duration="14s",
                    egresses={CONTROL: f'interface = "{CONTROL}"'},
                    reconnect='{ initial = "300ms" }', sessions=6, ramp="1s")  # fmt: skip
    recording = lab.run(plan)
    drops = recording.drops()
    judge(
        recording,
        Truth(what="silent sessions closed", egress=CONTROL, activity="quiet",
              kinds={"ws_close", "tls_close_notify"}, initiators={"endpoint"}, may_live=True),
        Truth(what="busy sessions kept", egress=CONTROL, activity="often"),
        # Busy sessions are older than any that was closed: no limit on age.
        RunTruth(what="the endpoint's idle timer", mechanism={"idle_timer"},
                 where={"unknown", "endpoint"}, who={"endpoint"}, whom={"service_owner"},
                 limit=3, widest=2, never=["network team"]),
    )  # fmt: skip
    silences = [one["silence_ns"] for one in recording.events()
                if one["event"] == "session_ended" and one["kind"] in {"ws_close",
                                                                      "tls_close_notify"}
                and one["activity"] == "quiet" and one["phase"] == "held"]  # fmt: skip
    assert len(silences) >= len(drops) > 0
    assert min(silences) > 2.5e9, "the goodbye's own bytes are no activity"


def test_three_fronts_by_one_way_alone(lab, judge):
    """Each closes in its own form; one limit; there is no control."""
    need("haproxy", "nginx")
    start_haproxy(lab, "tcp", port=7010)
    start_haproxy(lab, "http", port=7011)
    start_nginx(lab, "http", port=7012)
    names = {"cuts": 7010, "ends": 7011, "ends-too": 7012}
    urls = {name: f"wss://{ROUTER[SUSPECT]}:{port}/" for name, port in names.items()}
    only = {SUSPECT: f'interface = "{SUSPECT}"'}
    plan = lab.plan(activities=(SELDOM, OFTEN), endpoints=urls, egresses=only, sessions=6,
                    ramp="2s")  # fmt: skip
    tester = lab.hold(plan)
    tester.wait_for_drops(18)
    timer: dict[str, Any] = {
        "mechanism": {"idle_timer"},
        "where": UNKNOWN,
        "limit": IDLE_TIMEOUT_S,
        "widest": 5,
    }
    judge(
        tester.finish(),
        Truth(what="cut by HAProxy tcp", endpoint="cuts", activity="seldom", kinds={"tcp_fin"},
              initiators={"unknown"}),
        Truth(what="ended by HAProxy http, nginx http", activity="seldom",
              kinds={"tls_close_notify"}, initiators={"endpoint", "unknown"}),
        Truth(what="busy sessions kept", activity="often"),
        RunTruth(what="an idle timer, cut", endpoint="cuts", who=UNKNOWN | ENDPOINT,
                 whom=OWNER | NETWORK, **timer),
        # Whoever has the endpoint's key is the endpoint's own front.
        RunTruth(what="an idle timer, said by the front", who=UNKNOWN | ENDPOINT, whom=OWNER,
                 **timer),
    )  # fmt: skip
