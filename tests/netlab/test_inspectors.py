"""TLS inspection whose root the host trusts: what it says may be the endpoint's word passed on."""

import signal

from tests.netlab import inspectors
from tests.netlab.conftest import need
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.lab import when
from tests.netlab.tester import SESSIONS, Heartbeat
from tests.netlab.topology import SUSPECT


def trusting_host(lab):
    """An administrator has installed the inspector's root."""
    return {"SSL_CERT_FILE": str(lab.certificates.bundle)}


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
        recording = tester.finish()
    judge(
        recording,
        Truth(what="idle sessions closed by squid", activity="seldom",
              kinds={"tls_close_notify", "tcp_fin"}, initiators={"unknown"}),
        Truth(what="busy sessions kept by squid", activity="often"),
        NOTHING,
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
    )  # fmt: skip
    assert_inspected(recording)
