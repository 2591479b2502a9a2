"""Parts of a run, and what time their sessions spent."""

import pytest

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns.scopes import (
    Scope,
    Variable,
    bracket_of,
    byte_floors,
    scopes_of,
)
from stresser.analysis.patterns.session_lives import Lives
from stresser.model.cohort import Cohort, Pair
from stresser.statistics.brackets import Bracket
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, seconds

OTHER = Cohort("agent", "vpn", "heartbeat")
QUIET = Cohort("broker", "vpn", "quiet")


def lives_of(*cohorts: Cohort) -> Lives:
    story = Story(list(cohorts), 1)
    for n, cohort in enumerate(cohorts):
        story.drops(story.opens(cohort, 0), 20 + n, idle=7)
    lives = Lives(read_plan(SCENARIO))
    for event in story.events:
        lives.event(event)
    lives.close(seconds(60))
    return lives


def named(scopes: list[Scope]) -> list[tuple[str | None, str | None, str | None, int]]:
    return [(*one.extent[:3], len(one.drops)) for one in scopes]


def test_one_cohort_is_one_scope():
    assert named(scopes_of(lives_of(VPN), 10)) == [("broker", "vpn", None, 1)]


def test_what_several_have_in_common_is_a_scope_of_its_own():
    scopes = scopes_of(lives_of(VPN, DIRECT, OTHER, QUIET), 20)
    assert named(scopes) == [
        ("broker", "vpn", None, 2),
        ("broker", "direct", None, 1),
        ("agent", "vpn", None, 1),
        (None, "vpn", None, 3),
        ("broker", None, None, 3),
        ("broker", "vpn", "heartbeat", 1),
        ("broker", "vpn", "quiet", 1),
    ]
    assert scopes[3].extent.pairs == {Pair("broker", "vpn"), Pair("agent", "vpn")}
    assert len(scopes_of(lives_of(VPN, DIRECT, OTHER, QUIET), 3)) == 3


def test_exposure_to_age_and_to_silence():
    (scope,) = scopes_of(lives_of(VPN), 10)
    assert scope.exposure(Variable.AGE).total == seconds(20)
    # What came before the last silence of 7 s counts as more silences of 7 s.
    assert scope.exposure(Variable.IDLE).until(seconds(7)) == pytest.approx(seconds(20))
    assert scope.survivors(Variable.AGE, announced=True).longer_than(seconds(19)) == 1
    assert scope.survivors(Variable.AGE, announced=False).longer_than(seconds(14)) == 0


def test_bytes_count_from_the_least_of_a_cohort():
    story = Story([VPN], 2)
    for number, moved in ((0, 4_000), (1, 34_000)):
        story.drops(story.opens(VPN, 0), 10 + number, idle=1)
        event = story.events[-1]
        event.pings, event.bytes_received = 3, moved  # type: ignore[union-attr] # an ending
    lives = Lives(read_plan(SCENARIO))
    for event in story.events:
        lives.event(event)
    floors = byte_floors(lives)
    assert set(floors.values()) == {4000}
    (_, drop) = lives.drops
    assert bracket_of(drop, Variable.BYTES, floors) == Bracket(20_000, 40_000)  # three beats


def test_a_session_that_moved_nothing_has_no_limit_of_bytes():
    (drop,) = lives_of(VPN).drops
    assert bracket_of(drop, Variable.BYTES, {}) is None
    assert bracket_of(drop, Variable.IDLE, {}) == Bracket(seconds(7), seconds(7))
