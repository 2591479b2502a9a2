"""TLS inspection whose root the host trusts: what it says may be the endpoint's word passed on."""

import signal

from tests.netlab import inspectors, squids
from tests.netlab.conftest import need
from tests.netlab.inspectors import trusting_host
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, SERVER, SUSPECT
from tests.netlab.truths import (
    ENDPOINT,
    INTERCEPTED,
    MIDDLEBOX,
    NETWORK,
    OWNER,
    UNKNOWN,
    box_does,
    endpoint_says,
)
from tests.netlab.verdicts import RunTruth

WHOM = NETWORK | {"proxy_team"}
DIED = RunTruth(what="the inspector is gone", mechanism={"state_lost", "outage"},
                where={"egress"}, who=MIDDLEBOX, whom=WHOM)  # fmt: skip
FEW = 12


def assert_inspected(recording):
    """The chains verify on this host by both ways, and yet are not the same."""
    seen = [one for one in recording.events() if one["event"] == "chain_seen"]
    assert all(one["verified"] for one in seen)
    issuers = {one["egress"]: one["certificates"][0]["issuer"] for one in seen}
    assert "Netlab Inspection" in issuers.pop(SUSPECT)
    assert all("Netlab Endpoints" in issuer for issuer in issuers.values())


def test_squid_inspects_and_ends_what_is_idle(lab, judge):
    need("squid")
    seldom, often = Heartbeat(name="seldom", every="8s"), Heartbeat(name="often", every="1s")
    with inspectors.squid(lab):
        tester = lab.hold(lab.plan(activities=(seldom, often)), environment=trusting_host(lab))
        tester.wait_for_drops(SESSIONS, lambda cohort: cohort.egress == SUSPECT)
        tester.wait_until_answered(CONTROL)
        recording = tester.finish()
    judge(
        recording,
        Truth(what="idle sessions closed by squid", activity="seldom",
              kinds={"tls_close_notify", "tcp_fin"}, initiators={"unknown"}),
        Truth(what="busy sessions kept by squid", activity="often"),
        NOTHING,
        box_does("idle_timer", "squid's idle timer", limit=squids.IDLE_TIMEOUT_S, tick=1.5,
                 widest=8, whom=WHOM),
        INTERCEPTED,
    )  # fmt: skip
    assert_inspected(recording)


def test_squid_inspects_and_is_killed(lab, judge):
    need("squid")
    with inspectors.squid(lab) as squid:
        tester = lab.hold(environment=trusting_host(lab))
        moment = when(squid.kill)
        tester.wait_for_drops(SESSIONS)
        recording = tester.finish()
    judge(
        recording,
        Truth(what="squid killed", kinds={"tcp_fin", "tcp_reset"}, initiators={"middlebox"},
              changed=moment),
        NOTHING,
        DIED,
        INTERCEPTED,
    )  # fmt: skip
    assert_inspected(recording)


def test_mitmproxy_inspects_and_ends(lab, judge):
    mitmdump = inspectors.mitmdump()
    mitmproxy = inspectors.start_mitmproxy(lab, mitmdump)
    tester = lab.hold(environment=trusting_host(lab))
    moment = when(lambda: mitmproxy.stop(signal.SIGTERM))
    tester.wait_for_drops(SESSIONS)
    recording = tester.finish()
    judge(
        recording,
        Truth(what="mitmproxy shut down",
              kinds={"ws_close", "tcp_fin", "tcp_reset", "tls_close_notify"},
              initiators={"middlebox", "unknown"}, changed=moment),
        NOTHING,
        DIED,
        INTERCEPTED,
    )  # fmt: skip
    assert_inspected(recording)


def test_inspector_passes_on_what_the_endpoint_said(lab, judge):
    """A maximum age: by the other way the endpoint says the same at the same age."""
    inspectors.start_mitmproxy(lab, inspectors.mitmdump())
    urls = {"server": f"wss://{SERVER}:{WSS_PORT}/age/5/1001"}
    tester = lab.hold(
        lab.plan(endpoints=urls, sessions=FEW, ramp="3s", activities=(Heartbeat(every="1s"),)),
        environment=trusting_host(lab),
    )
    recording = tester.wait()  # nothing is left to hold
    judge(
        recording,
        Truth(what="passed on by mitmproxy", kinds={"ws_close"},
              initiators={"endpoint", "unknown"}),
        Truth(what="said by the endpoint", egress=CONTROL, kinds={"ws_close"},
              initiators={"endpoint"}),
        endpoint_says("endpoint_goodbye|age_limit", "its maximum age", limit=5, widest=2),
        INTERCEPTED,
    )  # fmt: skip
    assert_inspected(recording)


def test_inspector_and_an_endpoint_that_restarts(lab, judge):
    """Squid makes a close_notify of the endpoint's FIN, at the same moment as by the other way."""
    need("squid")
    with inspectors.squid(lab):
        tester = lab.hold(
            lab.plan(sessions=FEW, activities=(Heartbeat(every="1s", timeout="2s"),),
                     reconnect='{ initial = "300ms", max = "1s" }'),
            environment=trusting_host(lab),
        )  # fmt: skip

        def away():
            lab.servers.pop(SERVER).kill()
            tester.wait_until(
                lambda: [one for one in tester.recording.endings()
                         if not one.is_session and one.cohort.egress == SUSPECT],
                "squid's word", 20,
            )  # fmt: skip

        moment = when(away)
        lab.serve(SERVER)
        tester.wait_for_drops(2 * FEW)
        tester.wait_until_open(4 * FEW)
        recording = tester.finish()
    judge(
        recording,
        Truth(what="passed on by squid", kinds={"tls_close_notify", "tcp_fin", "tcp_reset"},
              initiators={"endpoint", "unknown"}, changed=moment, may_live=True),
        Truth(what="said by the endpoint's kernel", egress=CONTROL, may_live=True,
              kinds={"tcp_fin", "tcp_reset"}, initiators={"endpoint", "unknown"}, changed=moment),
        RunTruth(what="one moment, both egresses", mechanism={"state_lost", "endpoint_down"},
                 where={"endpoint", "shared"}, who=ENDPOINT | UNKNOWN, whom=OWNER | {"nobody"}),
        RunTruth(what="squid's 503 while it is away", egress=SUSPECT, failures=True,
                 mechanism={"endpoint_down", "refused_by_endpoint"},
                 where={"unknown", "endpoint", "shared"}, who=ENDPOINT | UNKNOWN,
                 whom=OWNER | {"nobody"}),
        INTERCEPTED,
    )  # fmt: skip
