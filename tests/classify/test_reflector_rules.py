"""One row for each pair of what our side and the far end met."""

from typing import Any

import pytest
from msgspec.structs import replace

from stresser.classify.reflector_rules import REFLECTOR_RULES, judged_by_both_ends
from stresser.classify.standing import make_ending
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.evidence import Evidence, SeenPathChange
from stresser.model.far_end import FarEnd
from stresser.model.path_change import PathChange

S = 10**9
MS = 10**6
ENDED = 100 * S
BOX, ENDPOINT, HOST, UNKNOWN = (
    Initiator.MIDDLEBOX,
    Initiator.ENDPOINT,
    Initiator.HOST,
    Initiator.UNKNOWN,
)


def ending(kind: Kind, who: Initiator = UNKNOWN, **evidence: object) -> Ending:
    return make_ending(
        phase=Phase.HELD,
        kind=kind,
        failure="x",
        initiator=who,
        grade=Grade.ERRNO,
        planned=False,
        age_ns=90 * S,
        idle_ns=5 * S,
        alive_at_ns=95 * S,
        dead_by_ns=ENDED,
        detected_at_ns=ENDED,
        evidence=Evidence(**evidence),  # type: ignore[arg-type] # a row names its fields
    )


def far(kind: Kind | None = None, at_ns: int | None = None, **more: int) -> FarEnd:
    known: dict[str, Any] = {"known_until_ns": 400 * S if at_ns is None else at_ns, **more}
    return FarEnd(
        within_ns=2 * MS,
        kind=kind,
        at_ns=at_ns,
        peer="198.51.100.9:4711",
        **known,
    )


PING = 98 * S
ROWS = [
    # What came in between of two ends that closed nothing.
    (ending(Kind.TCP_RESET), far(Kind.TCP_RESET, ENDED), BOX, "far-end-was-reset-too"),
    (ending(Kind.TCP_RESET), far(), BOX, "far-end-still-held-it"),
    (ending(Kind.TCP_RESET), far(Kind.KERNEL_TIMEOUT, 300 * S), BOX, "far-end-still-held-it"),
    (ending(Kind.TCP_RESET), far(Kind.TCP_FIN, ENDED), BOX, "far-end-met-another-end"),
    # It does not know what ended it there: its kernel may have been told to.
    (ending(Kind.TCP_RESET), far(Kind.UNKNOWN, ENDED), UNKNOWN, None),
    # The two faces of HAProxy's idle expiry.
    (ending(Kind.TCP_FIN), far(Kind.TCP_RESET, ENDED - S), BOX, "far-end-met-another-end"),
    (ending(Kind.TLS_CLOSE_NOTIFY), far(), BOX, "far-end-still-held-it"),
    (ending(Kind.WS_CLOSE), far(), BOX, "far-end-still-held-it"),
    # It says that it closed.
    *[
        (ending(kind), far(Kind.PLANNED, ENDED - MS), ENDPOINT, "far-end-closed")
        for kind in (Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY, Kind.WS_CLOSE)
    ],
    # It may have: the clocks do not tell which was first.
    (ending(Kind.TCP_FIN), far(Kind.PLANNED, ENDED + MS), ENDPOINT, "far-end-closed"),
    # Or it was closing: a goodbye may be here before the reflector has noted it.
    (ending(Kind.TCP_FIN), far(Kind.PLANNED, ENDED + S), UNKNOWN, None),
    # It did, long after.
    (ending(Kind.TCP_FIN), far(Kind.PLANNED, ENDED + 3 * S), BOX, "far-end-still-held-it"),
    # Its record ends before: nothing follows.
    (ending(Kind.TCP_RESET), far(known_until_ns=50 * S), UNKNOWN, None),
    (ending(Kind.SILENCE, ping_sent_ns=PING), far(), UNKNOWN, None),
    # Silence: where the ping was lost.
    (
        ending(Kind.SILENCE, ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=90 * S),
        BOX,
        "lost-towards-far-end",
    ),
    (
        ending(Kind.SILENCE, ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=98 * S + 10 * MS, last_out_ns=98 * S + 11 * MS),
        BOX,
        "lost-towards-us",
    ),
    (
        ending(Kind.SILENCE, ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=98 * S + 10 * MS, last_out_ns=90 * S),
        ENDPOINT,
        "far-end-did-not-answer",
    ),
    (
        ending(Kind.UNRESPONSIVE, ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=90 * S),
        BOX,
        "acknowledged-in-between",
    ),
    # Too close to the ping for these clocks.
    (
        ending(Kind.SILENCE, ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=98 * S + MS),
        UNKNOWN,
        None,
    ),
    # This host changed its own path: the loss may be here.
    (
        ending(Kind.SILENCE, route_changes=["to 203.0.113.2: no route"], ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=90 * S),
        UNKNOWN,
        None,
    ),
    # What came when this end had given up says nothing of the ping.
    (
        ending(Kind.SILENCE, ping_sent_ns=PING),
        far(Kind.TCP_FIN, 300 * S, last_in_ns=250 * S, last_out_ns=250 * S),
        UNKNOWN,
        None,
    ),
    (ending(Kind.FOUND_DEAD), far(), BOX, "far-end-outlived-it"),
    # A host that was away is not overruled.
    (ending(Kind.TCP_RESET, HOST), far(), HOST, None),
    (ending(Kind.PLANNED, Initiator.PLAN), far(), Initiator.PLAN, None),
]


@pytest.mark.parametrize(("ours", "theirs", "who", "rule"), ROWS)
def test_row(ours, theirs, who, rule):
    judged = judged_by_both_ends(ours, theirs)

    assert (judged.initiator, next(iter(judged.evidence.why), None)) == (who, rule)
    assert judged.evidence.far_end == theirs
    assert (judged.grade is Grade.REFLECTOR) is (rule is not None)
    assert judged.is_drop == ours.is_drop


def test_every_rule_has_a_row():
    assert {rule for *_, rule in ROWS if rule} == {rule.name for rule in REFLECTOR_RULES}


def test_what_was_said_before_stands_for_or_against():
    said = ending(Kind.TCP_RESET, ENDPOINT, why=["reset-matches"])
    judged = judged_by_both_ends(said, far())
    assert (judged.evidence.why, judged.evidence.against) == (
        ["far-end-still-held-it"],
        ["reset-matches"],
    )

    agreed = judged_by_both_ends(replace(said, initiator=BOX), far())
    assert agreed.evidence.why == ["far-end-still-held-it", "reset-matches"]
    assert agreed.evidence.against == []


def test_a_path_change_of_this_host_keeps_the_loss_open():
    change = SeenPathChange(t_ns=97 * S, change=PathChange.LINK_DOWN)
    ours = ending(Kind.SILENCE, path_changes=[change], ping_sent_ns=PING)
    judged = judged_by_both_ends(ours, far(Kind.TCP_FIN, 300 * S, last_in_ns=90 * S))
    assert judged.initiator is UNKNOWN
