"""Sessions that send nothing, and are dead without anybody's word: proved at the end."""

import pytest

from tests.netlab import firewalls
from tests.netlab.judge import NOTHING, Truth
from tests.netlab.tester import TLS_PORT, WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, SERVER, SUSPECT
from tests.netlab.truths import BOTH, MIDDLEBOX, NETWORK, UNKNOWN, box_does
from tests.netlab.verdicts import RunTruth

QUIET = Heartbeat(name="quiet", every=None)
OFTEN = Heartbeat(name="often", every="1s", timeout="2s")
SELDOM = Heartbeat(name="seldom", every="5s", timeout="2s")
NO_DROPS = '"drops" = "= 0"'
ENDPOINTS = {
    "plain": f"tls://{SERVER}:{TLS_PORT}",
    "framed": f"wss://{SERVER}:{WSS_PORT}/",
}


@pytest.mark.parametrize(
    "rules", [firewalls.STATEFUL_DROP, firewalls.STATEFUL_RESET], ids=["drops", "resets"]
)
def test_silent_sessions_are_found_dead(lab, judge, rules):
    """The firewall forgets after 3 s; nobody notices for the rest of the run."""
    lab.suspect.nft(rules)
    lab.suspect.sysctl(*firewalls.SETTINGS)
    # Long enough for three retransmissions: fewer prove nothing.
    plan = lab.plan(endpoints=ENDPOINTS, activities=(QUIET,), sessions=6, duration="10s",
                    thresholds=NO_DROPS, timeouts='close = "4s"')  # fmt: skip
    recording = lab.run(plan)
    judge(
        recording,
        Truth(
            what="forgotten while silent",
            kinds={"found_dead"},
            initiators={"middlebox", "unknown"},
        ),
        # They answer the close at the end: alive.
        NOTHING,
        box_does("idle_timer", "silent sessions found dead", limit=firewalls.IDLE_TIMEOUT_S),
    )
    summary = recording.summary
    assert summary["verdict"] == "fail"
    assert sum(one["sessions_found_dead"] for one in summary["diagnoses"]) == 12


@pytest.mark.parametrize(
    "rules", [firewalls.STATEFUL_DROP, firewalls.STATEFUL_RESET], ids=["drops", "resets"]
)
def test_silence_is_proved_as_the_run_goes_on(lab, judge, rules):
    """Some are closed and replaced at 1 s, 2 s, 4 s, ...: alive before 3 s, found dead after."""
    lab.suspect.nft(rules)
    lab.suspect.sysctl(*firewalls.SETTINGS)
    proved = Heartbeat(name="proved", every=None, prove="1s")
    plan = lab.plan(activities=(proved,), sessions=10, duration="16s", thresholds=NO_DROPS,
                    timeouts='close = "4s"', reconnect='{ initial = "500ms" }')  # fmt: skip
    recording = lab.run(plan)
    judge(
        recording,
        Truth(what="forgotten while silent", kinds={"found_dead"},
              initiators={"middlebox", "unknown"}, may_live=True),
        NOTHING,
        box_does("idle_timer", "proved on both sides", limit=firewalls.IDLE_TIMEOUT_S, widest=3),
    )  # fmt: skip
    ended = [one for one in recording.events() if one["event"] == "session_ended"]
    replaced = [one for one in ended if one.get("replaced")]
    assert {one["proved"] for one in replaced} == {"alive"}
    ages = {way: max(one["age_ns"] for one in replaced if one["egress"] == way) for way in BOTH}
    assert ages[SUSPECT] < 3.1e9 < ages[CONTROL]
    early = [one for one in ended if one["kind"] == "found_dead" and one["t_ns"] < 12e9]
    assert {one["egress"] for one in early} == {SUSPECT}


def test_silent_and_seldom_sessions_by_one_way_alone(lab, judge):
    """Pings every 5 s find it; those every second live; the silent ones are dead, not held."""
    lab.suspect.nft(firewalls.STATEFUL_RESET)
    lab.suspect.sysctl(*firewalls.SETTINGS)
    plan = lab.plan(activities=(QUIET, SELDOM, OFTEN), sessions=6, duration="12s", ramp="2s",
                    egresses={SUSPECT: f'interface = "{SUSPECT}"'},
                    reconnect='{ initial = "500ms" }')  # fmt: skip
    recording = lab.run(plan)
    judge(
        recording,
        Truth(what="forgotten, found at the next ping", activity="seldom",
              kinds={"tcp_reset", "found_dead"}, initiators={"middlebox", "unknown"},
              may_live=True),
        Truth(what="forgotten, found at the end", activity="quiet", kinds={"found_dead"},
              initiators={"middlebox", "unknown"}),
        Truth(what="busy ones kept", activity="often"),
        RunTruth(what="an idle timer in (1 s, 5 s]", mechanism={"idle_timer"}, where=UNKNOWN,
                 who=MIDDLEBOX, whom=NETWORK, limit=firewalls.IDLE_TIMEOUT_S, widest=5),
    )  # fmt: skip


def test_silent_sessions_live(lab, judge):
    """A/A: nothing is wrong by either way, and the end proves it."""
    recording = lab.run(lab.plan(endpoints=ENDPOINTS, activities=(QUIET, OFTEN), sessions=6,
                                 duration="6s", thresholds=NO_DROPS))  # fmt: skip
    judge(recording, *(Truth(what="nothing is wrong", egress=way) for way in BOTH))
    assert recording.summary["verdict"] == "pass"
