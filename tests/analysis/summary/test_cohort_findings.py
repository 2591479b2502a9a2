"""What is said of a cohort: a timer only where there is one, and never more than was seen."""

from typing import Any

import pytest

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.cohort_findings import cohort_findings, lab_findings
from stresser.model import events
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.kill import Kill
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, idle_kill_story, seconds, utc

LAB = SCENARIO | {
    "egresses": [
        {"name": "direct"},
        {"name": "vpn", "lab": {"idle_timeout": "4s", "kill": "reset"}},
    ]
}
QUIET_SCENARIO = SCENARIO | {
    "activities": [
        {"name": "heartbeat", "kind": "heartbeat", "every": "1s"},
        {"name": "quiet", "kind": "silent"},
    ]
}
QUIET = Cohort("broker", "vpn", "quiet")


def said_of(story: Story, cohort: Cohort, scenario: dict[str, Any] = SCENARIO) -> str:
    tally = Tally()
    for event in story.events:
        tally.event(event)
    figures = tally.cohorts[cohort]
    return " ".join(cohort_findings(cohort, figures, read_plan(scenario), tally.now_ns))


def test_an_idle_kill_is_told_with_its_time():
    assert said_of(idle_kill_story(), VPN) == (
        "Through vpn to broker, heartbeat: 20 drops, every one a TCP reset, "
        "4.01 s (4 s to 4.02 s) after the last byte in either direction; initiator unknown."
    )


def test_a_lab_middlebox_is_called_by_what_it_was_told_to_do():
    said = said_of(idle_kill_story(), VPN, LAB)
    assert 'Through the lab middlebox "vpn" (idle_timeout 4 s, kill reset) to broker' in said


def test_no_drop():
    assert said_of(idle_kill_story(), DIRECT) == (
        "Through direct to broker, heartbeat: no drop; 20 sessions held for 19 m 41 s in all."
    )


def test_an_age_limit_is_not_called_silence():
    story = Story([VPN], 5)
    for n in range(5):
        session = story.opens(VPN, n)
        story.drops(session, n + 60, Kind.TCP_FIN, idle=3 * n + 1)
    said = said_of(story, VPN)
    assert "every one a TCP FIN without a goodbye, 1 m after they opened" in said
    assert "last byte" not in said


def test_scattered_drops_are_called_scattered():
    story = Story([VPN], 5)
    for n in range(5):
        story.drops(story.opens(VPN, 0), 20 * (n + 1) ** 2, idle=n * 5 + 1)
    assert "at scattered ages: 20 s to 8 m 20 s, median 3 m;" in said_of(story, VPN)


def test_both_narrow_and_different_are_both_told():
    story = Story([VPN], 5)
    for n in range(5):
        story.drops(story.opens(VPN, n), n + 62, idle=2)
    assert "1 m 2 s after they opened and 2 s after the last byte" in said_of(story, VPN)


def quiet_story() -> Story:
    story = Story([QUIET, VPN], 5)
    for n in range(5):
        story.drops(story.opens(QUIET, n), n + 4, idle=4)
    for _ in range(5):
        story.ends_as_planned(story.opens(VPN, 0), 60)
    story.stops(60)
    return story


def test_silence_that_is_as_long_as_the_age_is_said_to_be():
    said = said_of(quiet_story(), QUIET, QUIET_SCENARIO)
    assert "4 s after the last byte in either direction (as long as they had been open)" in said


def test_resets_that_answer_a_ping_are_told_with_the_silence_before_it():
    story = Story([VPN], 4)
    for n in range(4):
        evidence = {"since_sent_ns": seconds(0.02), "idle_before_send_ns": seconds(15)}
        alive_ns = seconds(n)
        story.drops(
            story.opens(VPN, n), n + 15.02, idle=0.02, alive_at_ns=alive_ns, evidence=evidence
        )
    assert "20 ms after we had sent something into a silence of 15 s;" in said_of(story, VPN)


def test_black_holes_are_bracketed():
    story = Story([VPN], 4)
    for n in range(4):
        story.drops(story.opens(VPN, 0), 100 + 50 * n, Kind.SILENCE, idle=25)
    said = said_of(story, VPN)
    assert "4 drops, every one a black hole" in said
    assert "each dated to within 25 s (median)" in said


def test_several_kinds_are_told_apart():
    story = Story([VPN], 9)
    for n in range(6):
        story.drops(story.opens(VPN, n), n + 4, idle=4)
    for n in range(3):
        session = story.opens(VPN, n)
        story.drops(session, 40 * (n + 1), Kind.WS_CLOSE, code=1001, initiator=Initiator.ENDPOINT)
    said = said_of(story, VPN)
    assert "9 drops: 6 TCP resets, 4 s" in said
    assert "3 WebSocket closes (1001)" in said
    assert "by the endpoint" in said


def test_several_initiators_are_counted():
    story = Story([VPN], 3)
    for n, initiator in enumerate([Initiator.ENDPOINT, Initiator.ENDPOINT, Initiator.UNKNOWN]):
        story.drops(story.opens(VPN, n), n + 4, idle=4, initiator=initiator)
    assert "; 2 by the endpoint, 1 initiator unknown." in said_of(story, VPN)


@pytest.mark.parametrize("drops", [1, 2])
def test_one_or_two_drops_make_no_pattern(drops):
    story = Story([VPN], drops)
    for n in range(drops):
        story.drops(story.opens(VPN, 0), 4 + n, idle=4)
    said = said_of(story, VPN)
    assert "scattered" not in said
    assert "4 s" in said
    assert f"{drops} drop" in said


def test_failed_attempts_are_told_with_phase_and_failure():
    story = Story([VPN], 1)
    for n in range(3):
        story.fails(VPN, n)
    story.fails(VPN, 4, phase=Phase.TLS, kind=Kind.TIMEOUT, failure="generic_timeout_error")
    assert said_of(story, VPN) == (
        "Through vpn to broker, heartbeat: 4 of 4 attempts failed; "
        "3 in phase connect: refused connections (connection_refused); "
        "1 in phase tls: timeout (generic_timeout_error)."
    )


def test_nothing_happened():
    assert said_of(Story([VPN], 1), VPN).endswith("no attempt came to an end.")


def test_the_lab_says_itself_what_its_middleboxes_did():
    tally = Tally()
    for port in range(3):
        tally.event(
            events.LabKilled(
                t_ns=port,
                utc=utc(port),
                endpoint="echo",
                egress="box",
                kill=Kill.RESET,
                rule="idle_timeout",
                client_port=port,
                idle_ns=4,
            )
        )
    assert lab_findings(tally.lab_kills) == [
        'The lab middlebox "box" says itself: it reset 3 flows to echo by its idle_timeout.'
    ]
