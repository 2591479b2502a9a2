"""One cohort counted event by event."""

import pytest

from stresser.analysis.counts.cohort_tally import OTHER, CohortTally, FailureKey
from stresser.model.ending import Initiator, Kind, Phase, Proof
from stresser.model.events import AttemptFailed, SessionEnded, SessionOpened
from tests.analysis.story import BAD_CHAIN, VPN, Story, seconds


def counted(story: Story) -> CohortTally:
    figures = CohortTally()
    for event in story.events:
        match event:
            case SessionOpened():
                figures.session_opened(event)
            case SessionEnded():
                figures.session_ended(event)
            case AttemptFailed():
                figures.attempt_failed(event)
    return figures


def test_session_time_is_of_ended_and_open_sessions():
    story = Story([VPN], 3)
    first = story.opens(VPN, 1)
    story.opens(VPN, 2)
    story.drops(first, 11)
    figures = counted(story)
    assert figures.session_time_ns(seconds(12)) == seconds(10) + seconds(10)
    assert (figures.open, figures.peak_open, figures.sessions_open) == (1, 2, 1)
    assert figures.drops_per_session_hour(seconds(12)) == pytest.approx(3600 / 20)


def test_open_ratio_is_time_held_of_time_asked_for():
    story = Story([VPN], 4)
    for _ in range(2):
        story.opens(VPN, 0)
    figures = counted(story)
    figures.requested = 4
    assert figures.open_ratio(seconds(100)) == pytest.approx(0.5)
    assert figures.open_ratio(0) is None


@pytest.mark.parametrize(
    ("changes", "drops", "by_host", "by_tool"),
    [
        ({}, 1, 0, 0),
        ({"initiator": Initiator.MIDDLEBOX}, 1, 0, 0),
        ({"kind": Kind.UNREACHABLE, "initiator": Initiator.HOST}, 1, 0, 0),
        ({"kind": Kind.HOST_SLEPT, "initiator": Initiator.HOST}, 0, 1, 0),
        ({"kind": Kind.TOOL, "initiator": Initiator.TOOL}, 0, 0, 1),
        ({"kind": Kind.PROTOCOL_ERROR, "initiator": Initiator.TOOL}, 0, 0, 1),
    ],
)
def test_host_and_tool_are_counted_apart_from_drops(changes, drops, by_host, by_tool):
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5, **changes)
    figures = counted(story)
    assert (figures.drops, figures.by_host, figures.by_tool) == (drops, by_host, by_tool)
    assert figures.planned == 0


def test_planned_endings_are_no_drops():
    story = Story([VPN], 2)
    story.ends_as_planned(story.opens(VPN, 0), 60)
    story.ends_as_planned(story.opens(VPN, 5), 60, proved=Proof.UNPROVED)
    figures = counted(story)
    assert (figures.drops, figures.planned, figures.proved, figures.unproved) == (0, 2, 1, 1)
    assert figures.sessions_open == 2


def test_a_session_that_was_replaced_for_its_proof_is_not_open_at_the_end():
    story = Story([VPN], 1)
    first = story.opens(VPN, 0)
    story.ends_as_planned(first, 300, replaced=True)
    second = story.opens(VPN, 300, replaces=first)
    story.drops(second, 900, Kind.FOUND_DEAD)
    third = story.opens(VPN, 901, replaces=second, recovery_ns=seconds(1))
    story.ends_as_planned(third, 1000)
    figures = counted(story)
    assert (figures.planned, figures.replaced, figures.proved) == (2, 1, 2)
    assert (figures.sessions_open, figures.first_opened, figures.drops) == (1, 1, 1)
    assert figures.recovery.count == 1
    merged = CohortTally()
    merged.merge(figures)
    assert (merged.replaced, merged.sessions_open) == (1, 1)


def test_failed_attempts_by_phase_kind_and_failure():
    story = Story([VPN], 1)
    story.fails(VPN, 1)
    story.fails(VPN, 2)
    story.fails(VPN, 3, phase=Phase.TLS, kind=Kind.CERTIFICATE, failure="ssl_invalid_hostname")
    story.fails(VPN, 4, planned=True, kind=Kind.PLANNED)
    figures = counted(story)
    assert (figures.attempts, figures.failed, figures.cut_attempts) == (3, 3, 1)
    assert figures.failures[FailureKey(Phase.CONNECT, Kind.REFUSED, "connection_refused")] == 2
    merged = CohortTally()
    merged.merge(figures)
    for one in (figures, merged):
        assert one.failed_by == {
            (Phase.CONNECT, Kind.REFUSED, Initiator.UNKNOWN): 2,
            (Phase.TLS, Kind.CERTIFICATE, Initiator.UNKNOWN): 1,
        }
    assert (figures.handshakes, figures.unverified) == (1, 1)


def test_unverified_handshakes_of_sessions_and_of_failed_attempts():
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    story.opens(VPN, 0, tls=BAD_CHAIN)
    story.fails(VPN, 1, phase=Phase.UPGRADE, kind=Kind.HTTP_REFUSAL, tls=BAD_CHAIN)
    figures = counted(story)
    assert (figures.handshakes, figures.unverified) == (3, 2)


def test_a_proxys_chain_is_not_the_endpoints():
    story = Story([VPN], 1)
    story.fails(VPN, 1, phase=Phase.PROXY, kind=Kind.CERTIFICATE, failure="ssl_unknown_authority")
    figures = counted(story)
    assert (figures.failed, figures.handshakes, figures.unverified) == (1, 0, 0)


def test_recoveries():
    story = Story([VPN], 1)
    first = story.opens(VPN, 0)
    story.drops(first, 5)
    story.opens(VPN, 7, replaces=first, recovery_ns=seconds(2))
    figures = counted(story)
    assert (figures.recovery.count, figures.recovery.least) == (1, seconds(2))


def test_an_ending_without_opening_is_counted_as_such():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5)
    story.events.pop(1)
    figures = counted(story)
    assert (figures.open, figures.unmatched_endings, figures.drops) == (0, 1, 1)
    assert figures.session_time_ns(seconds(9)) == seconds(5)


def test_tables_are_bounded_whatever_failures_and_codes_a_file_names():
    story = Story([VPN], 1)
    for n in range(500):
        story.fails(VPN, n, failure=f"made up {n}" * 50)
        story.drops(story.opens(VPN, n), n + 1, Kind.WS_CLOSE, code=n)
    figures = counted(story)
    assert len(figures.failures) < 100
    assert sum(figures.failures.values()) == 500
    assert all(len(key.failure) <= 80 for key in figures.failures)
    codes = figures.drop_groups[Kind.WS_CLOSE].codes
    assert len(codes) < 30
    assert codes.total() == 500
    assert codes[OTHER] > 400


def test_merged_cohorts_are_the_sum():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5)
    story.fails(VPN, 3)
    story.ends_as_planned(story.opens(VPN, 0), 9)
    one, two = counted(story), counted(story)
    one.merge(two)
    assert (one.opened, one.failed, one.drops, one.planned) == (4, 2, 2, 2)
    assert one.session_time_ns(seconds(10)) == 2 * two.session_time_ns(seconds(10))
    assert one.drop_groups[Kind.TCP_RESET].age.count == 2
