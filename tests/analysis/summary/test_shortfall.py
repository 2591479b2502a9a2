import pytest

from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.shortfall import shortfalls
from stresser.model.ending import Kind, Phase
from tests.analysis.story import DIRECT, VPN, Story


def words(story: Story) -> list[str]:
    tally = Tally()
    for event in story.events:
        tally.event(event)
    return shortfalls(tally.cohorts)


def test_all_opened():
    story = Story([DIRECT, VPN], 2)
    for cohort in (DIRECT, VPN):
        story.opens(cohort, 0)
        story.opens(cohort, 1)
    assert words(story) == []


def test_a_session_that_was_dropped_had_opened():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5)
    assert words(story) == []


def test_one_that_replaces_another_does_not_stand_for_a_missing_one():
    """One place opens twice, the other never: two openings, and yet one is missing."""
    story = Story([VPN], 2)
    first = story.opens(VPN, 0)
    story.drops(first, 5)
    story.opens(VPN, 6, replaces=first)
    assert words(story) == ["1 of 2 sessions never opened; no attempt at them came to an end"]


def test_where_and_why():
    story = Story([DIRECT, VPN], 3)
    for cohort in (DIRECT, DIRECT, DIRECT, VPN):
        story.opens(cohort, 0)
    for at in range(1, 6):
        story.fails(VPN, at, phase=Phase.UPGRADE, kind=Kind.HTTP_REFUSAL, failure="http_503")
    story.fails(VPN, 7)
    [clause] = words(story)
    assert clause == (
        "2 of 6 sessions never opened, all of them through vpn; 6 attempts failed there, most of"
        " them in phase upgrade: HTTP refusals (http_503)"
    )


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        (1, "1 attempt failed there, in phase connect: refused connection"),
        (2, "2 attempts failed there, all of them in phase connect: refused connections"),
    ],
)
def test_one_and_many(attempts, said):
    story = Story([VPN], 1)
    for at in range(attempts):
        story.fails(VPN, at)
    assert words(story) == [f"1 of 1 session never opened; {said} (connection_refused)"]
