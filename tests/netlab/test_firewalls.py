"""Stateful firewalls and NATs that forget, or that never knew."""

import re

import pytest

from tests.netlab import firewalls
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.recording import Ending, Moment
from tests.netlab.tester import SESSIONS, Heartbeat
from tests.netlab.topology import SUSPECT
from tests.netlab.truths import box_does

SELDOM = Heartbeat(name="seldom", every="5s")  # slower than the firewall forgets
OFTEN = Heartbeat(name="often", every="1s")


def forgotten(lines):
    """When each flow expired by the kernel's own account, by the client's port."""
    found = filter(None, map(re.compile(r"<sport>(\d+)<.*?<stop>(\d+)<").search, lines))
    return {int(one[1]): int(one[2]) for one in found}


@pytest.mark.parametrize(
    ("rules", "kind", "grades"),
    [
        (firewalls.STATEFUL_DROP, "silence", set()),
        # Its reset has passed no router, the server's packets have passed one.
        (firewalls.STATEFUL_RESET, "tcp_reset", {"packet"}),
    ],
    ids=["drops", "resets"],
)
def test_firewall_forgets_idle_flows(lab, judge, rules, kind, grades):
    lab.suspect.nft(rules)
    lab.suspect.sysctl(*firewalls.SETTINGS)
    log = lab.suspect.start("conntrack", *firewalls.WATCH)
    tester = lab.hold(lab.plan(activities=(SELDOM, OFTEN)))
    tester.wait_for_drops(SESSIONS, lambda cohort: cohort.egress == SUSPECT)
    recording = tester.finish()
    ports = forgotten(log.said())

    def moment(ending: Ending) -> Moment | None:
        t_ns = ports.get(ending.local_port)
        return None if t_ns is None else Moment(t_ns, t_ns)

    judge(
        recording,
        # Fresh connections and busier ones pass by the same way, and the server lives.
        Truth(what="idle flows forgotten", activity="seldom", kinds={kind},
              initiators={"middlebox"}, grades=grades, changed=moment),
        Truth(what="busy flows kept", activity="often"),
        NOTHING,
        box_does("idle_timer", "an idle timer", limit=firewalls.IDLE_TIMEOUT_S, widest=5),
    )  # fmt: skip
