"""Sentences on incidents, timers and periods: never more than was counted."""

from collections import Counter
from typing import Any

import pytest

from stresser.analysis.patterns.causes import Causes
from stresser.analysis.patterns.incidents import IncidentFigures, Share
from stresser.analysis.patterns.pattern_figures import (
    KnownMatch,
    Patterns,
    PeriodFigures,
    TimerFigures,
)
from stresser.analysis.patterns.sentences import (
    incident_in_words,
    pattern_findings,
    pattern_notes,
    period_in_words,
    timer_in_words,
)
from tests.analysis.story import seconds

AT = "2026-11-23T02:13:07.000000Z"
HIT = f"38 drops within 40 ms at {AT}"
TIMED = "Through vpn to broker: 20 of 21 drops came"


def incident(**changes: Any) -> IncidentFigures:
    facts: dict[str, Any] = {
        "from_ns": seconds(100),
        "until_ns": seconds(100.04),
        "utc": AT,
        "drops": 38,
        "kinds": {"tcp_reset": 38},
        "initiators": {"unknown": 38},
        "is_certain": True,
        "expected": 1e-9,
        "factor": "egress",
        "value": "vpn",
        "with_it": Share(of="vpn", dropped=38, open=40),
        "without_it": Share(of="direct", dropped=0, open=40),
        "after_path_change_ns": None,
    }
    return IncidentFigures(**(facts | changes))


def timer(**changes: Any) -> TimerFigures:
    facts: dict[str, Any] = {
        "variables": ["idle"],
        "low": seconds(3.97),
        "high": seconds(4.03),
        "endpoint": "broker",
        "egress": "vpn",
        "activity": None,
        "drops": 20,
        "of": 21,
        "witnesses": 20,
        "survivors": 0,
        "refuted": {},
        "kinds": {"tcp_reset": 20},
        "chance": 1e-9,
        "consistent_with": [],
        "more_known": 0,
    }
    return TimerFigures(**(facts | changes))


def patterns(**changes: Any) -> Patterns:
    nothing = Patterns(Causes(incidents=[], timers=[]), [], [], [], [], 0, 0, Counter(), 0, 0)
    return nothing._replace(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            (
                f"{HIT} are one incident: 38 of 40 sessions through vpn, "
                "0 of 40 through direct; every one a TCP reset."
            ),
        ),
        (
            {"without_it": Share(of="", dropped=1, open=900)},
            (
                f"{HIT} are one incident: 38 of 40 sessions through vpn, "
                "1 of 900 otherwise; every one a TCP reset."
            ),
        ),
        (
            {"factor": None, "with_it": None, "after_path_change_ns": seconds(1.2)},
            (
                f"{HIT} are one incident, 1.2 s after a change of the path; "
                "every one a TCP reset."
            ),
        ),
        (
            {"factor": "start", "kinds": {"ws_close": 30, "tcp_fin": 8},
             "initiators": {"endpoint": 30, "unknown": 8}},
            (
                f"{HIT} are one incident: 38 of 40 sessions that had started "
                "together, 0 of 40 others; 30 WebSocket closes, 8 TCP FINs without "
                "a goodbye, "
                "30 by the endpoint."
            ),
        ),
        (
            {"is_certain": False, "factor": None},
            (
                f"{HIT} share one moment or one timer, and nothing decides: "
                "their sessions had started together; every one a TCP reset."
            ),
        ),
        (
            {"factor": None, "initiators": {"middlebox": 38}},
            (
                f"{HIT} are one incident; every one a TCP reset, by a "
                "middlebox."
            ),
        ),
    ],
)  # fmt: skip
def test_an_incident(changes, said):
    assert incident_in_words(incident(**changes)) == said


KNOWN = KnownMatch(name="Azure Load Balancer", seconds=240, source="a document")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            (
                f"{TIMED} after 4 s (3.97 s to 4.03 s) of silence: a "
                "timer of silence; no session there is known to have survived a longer silence."
            ),
        ),
        (
            {"variables": ["idle", "age"], "endpoint": None},
            (
                "Through vpn to all endpoints: 20 of 21 drops came after 4 s (3.97 s to 4.03 s) of "
                "silence, which was their age as well: a timer, of silence or of age; no session "
                "there is known to have survived a longer silence."
            ),
        ),
        (
            {"refuted": {"age": 5}, "egress": None, "activity": "quiet"},
            (
                "Through all egresses to broker, quiet: 20 of 21 drops came after 4 s (3.97 s to "
                "4.03 s) of silence: a timer of silence, not of age (5 sessions there grew older); "
                "no session there is known to have survived a longer silence."
            ),
        ),
        (
            {"variables": ["age", "bytes"], "low": seconds(225), "high": seconds(240),
             "survivors": 1},
            (
                f"{TIMED} at an age of more than 3 m 45 s and at "
                "most 4 m: a limit on age (or bytes: all sent alike); 1 there had grown older."
            ),
        ),
        (
            {"tick_ns": seconds(1)},
            (
                f"{TIMED} after 4 s (3.97 s to 4.03 s), in ticks of some 1 s, of silence: a timer "
                "of silence; no session there is known to have survived a longer silence."
            ),
        ),
        (
            {"variables": ["idle", "age"], "low": 0, "high": seconds(30)},
            (
                "Through vpn to broker: 20 of 21 drops were found at the first ping: every session "
                "that was silent for 30 s was dead, so a timer of silence or age is at most 30 s; "
                "an activity that pings more often shows it; no session there is known to have "
                "survived a longer silence."
            ),
        ),
        (
            {"variables": ["bytes"], "low": 8000, "high": 8100},
            (
                f"{TIMED} after 8,000 to 8,100 bytes: a limit on "
                "bytes; no session there is known to have moved more."
            ),
        ),
        (
            {"consistent_with": [KNOWN], "more_known": 2},
            (
                f"{TIMED} after 4 s (3.97 s to 4.03 s) of silence: a "
                "timer of silence; no session there is known to have survived a longer silence. "
                "Consistent with the documented default of: Azure Load Balancer (240 s) and 2 more."
            ),
        ),
    ],
)  # fmt: skip
def test_a_timer(changes, said):
    assert timer_in_words(timer(**changes)) == said


def test_a_period():
    period = PeriodFigures(
        egress="vpn", period_ns=seconds(3600), jitter_ns=seconds(7), first_ns=0, incidents=7,
        teeth=8, chance=0.001,
    )  # fmt: skip
    assert period_in_words(period) == (
        "Incidents through vpn came back every 1 h (to within 7 s): 7 of 8 times."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"drops": 1, "total": 1}, []),
        (
            {"drops": 5, "total": 5},
            [],
        ),
        (
            {"drops": 50, "total": 12, "of_several": 2},
            ["The 50 drops are 12 incidents: 2 incidents of several drops each, 10 of one."],
        ),
    ],
)
def test_the_count(changes, said):
    assert pattern_findings(patterns(**changes)) == said


def test_many_incidents_are_cut_to_the_largest_in_order():
    many = [incident(drops=n, from_ns=seconds(n)) for n in range(10, 30)]
    said = pattern_findings(patterns(incidents=many))
    assert [line.split()[0] for line in said] == [*map(str, range(20, 30)), "10"]
    assert said[-1] == "10 more incidents in summary.json."


def test_what_had_no_room_is_said():
    assert pattern_notes(patterns()) == []
    assert pattern_notes(patterns(beyond=3)) == [
        "Incidents and timers leave 3 sessions out: there were too many to keep each."
    ]
