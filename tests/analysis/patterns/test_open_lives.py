"""Who was open at a moment, and for how long all were."""

import pytest

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns import open_lives
from stresser.analysis.patterns.open_lives import OpenLives
from stresser.analysis.patterns.session_lives import Lives
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, seconds


def sessions() -> OpenLives:
    """Through vpn one from 0 to 10 s and one from 5 s to 20 s; direct one from 0 to 40 s."""
    story = Story([VPN, DIRECT], 2)
    story.drops(story.opens(VPN, 0), 10)
    story.drops(story.opens(VPN, 5), 20)
    story.ends_as_planned(story.opens(DIRECT, 0), 40)
    lives = Lives(read_plan(SCENARIO))
    for event in story.events:
        lives.event(event)
    lives.close(seconds(40))
    return OpenLives(lives)


@pytest.mark.parametrize(
    ("at", "vpn", "both"), [(0, 1, 2), (5, 2, 3), (9.9, 2, 3), (10, 1, 2), (20, 0, 1), (40, 0, 0)]
)
def test_who_was_open_and_ended_later(at, vpn, both):
    known = sessions()
    assert known.number(frozenset({VPN}), seconds(at)) == vpn
    assert known.number(frozenset({VPN, DIRECT}), seconds(at)) == both
    outlived = known.outlived(VPN, seconds(at))
    assert outlived is not None
    assert len(outlived) == vpn
    assert outlived == sorted(outlived, key=known.lives.column("opened_ns").__getitem__)


def test_who_outlived_a_moment_does_not_depend_on_the_order_of_asking():
    known = sessions()
    for at in (12, 0, 5, 9.9, 3, 40, 0):
        assert known.outlived(VPN, seconds(at)) == sessions().outlived(VPN, seconds(at))


def test_the_time_that_sessions_were_held():
    known = sessions()
    assert known.time_held(frozenset({VPN})) == seconds(25)
    assert known.time_held(frozenset({VPN, DIRECT})) == seconds(65)
    assert known.time_held(frozenset()) == 0


def test_beyond_a_number_of_sessions_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr(open_lives, "_MOST_LOOKED_AT", 2)
    known = sessions()
    assert known.outlived(VPN, seconds(6)) is not None
    assert known.outlived(VPN, seconds(6)) is None
