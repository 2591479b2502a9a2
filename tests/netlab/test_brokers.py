"""A real MQTT broker behind a firewall that forgets quiet flows."""

import pytest

from tests.fakes.mosquitto import settings
from tests.fakes.tools import tool
from tests.netlab import firewalls
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.tester import Heartbeat
from tests.netlab.topology import SERVER, SUSPECT
from tests.netlab.truths import box_does

SELDOM = Heartbeat(name="seldom", kind="mqtt", every="5s", timeout="4s")  # the firewall is quicker
OFTEN = Heartbeat(name="often", kind="mqtt", every="1s")
SESSIONS = 20
PORTS = (1883, 8883, 8884)


@pytest.fixture
def urls(lab):
    """Of a broker on the server's address: bare TLS, and WebSocket over TLS."""
    certificates = lab.certificates
    tls = f"certfile {certificates.chain}\nkeyfile {certificates.key}"
    config = lab.folder / "mosquitto.conf"
    config.write_text(settings(lab.folder, SERVER, PORTS, tls))
    broker = lab.server.start("mosquitto", tool("mosquitto"), "-c", str(config))
    broker.wait_until_says(" running")
    _, bare, web = PORTS
    return {"bare": f"tls://{SERVER}:{bare}", "web": f"wss://{SERVER}:{web}/mqtt"}


@pytest.mark.parametrize(
    ("rules", "kind"),
    [(firewalls.STATEFUL_DROP, "silence"), (firewalls.STATEFUL_RESET, "tcp_reset")],
    ids=["drops", "resets"],
)
def test_firewall_forgets_a_brokers_quiet_clients(lab, judge, urls, rules, kind):
    lab.suspect.nft(rules)
    lab.suspect.sysctl(*firewalls.SETTINGS)
    tester = lab.hold(lab.plan(endpoints=urls, activities=(SELDOM, OFTEN), sessions=SESSIONS))
    tester.wait_for_drops(2 * SESSIONS, lambda cohort: cohort.egress == SUSPECT)
    judge(
        tester.finish(),
        Truth(what="quiet clients forgotten", activity="seldom", kinds={kind},
              initiators={"middlebox"}),
        Truth(what="busy clients kept", activity="often"),
        NOTHING,
        box_does("idle_timer", "an idle timer", limit=firewalls.IDLE_TIMEOUT_S, widest=5),
    )  # fmt: skip
