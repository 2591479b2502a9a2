"""What is remembered of each session: brackets of its moment, age and silence."""

import tracemalloc
from typing import Any

import msgspec
import pytest

from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns import session_lives as lives_module
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.model.ending import Initiator, Kind, Proof
from stresser.model.event import Event
from stresser.model.events import SessionEnded
from stresser.statistics.brackets import Bracket
from tests.analysis.story import SCENARIO, VPN, Story, seconds


def lives_of(story: Story, until: float = 60) -> Lives:
    lives = Lives(read_plan(SCENARIO))
    for event in story.events:
        lives.event(event)
    lives.close(seconds(until))
    return lives


def dropped(
    at: float = 40, pongs: int = 0, messages: int = 0, quiet_survived: float = 0, **changes
) -> Drop:
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 10), at, **changes)
    ended = story.events[-1]
    assert isinstance(ended, SessionEnded)
    ended.pongs, ended.messages = pongs, messages
    ended.quiet_survived_ns = seconds(quiet_survived)
    (drop,) = lives_of(story).drops
    return drop


ANSWER = {"since_sent_ns": seconds(0.02), "idle_before_send_ns": seconds(14.9)}


def test_a_reset_that_comes_unasked_is_a_point():
    drop = dropped(idle=4)
    assert drop.moment == Bracket(seconds(40), seconds(40))
    assert drop.age == Bracket(seconds(30), seconds(30))
    assert drop.silence == Bracket(seconds(4), seconds(4))
    assert not drop.is_answer


def test_a_reset_in_answer_to_a_ping_is_of_a_time_between_pong_and_ping():
    drop = dropped(idle=0.02, alive_at_ns=seconds(25), evidence=ANSWER)
    assert drop.moment == Bracket(seconds(25), seconds(39.98))
    assert drop.age == Bracket(seconds(15), seconds(29.98))
    assert drop.silence == Bracket(0, seconds(14.9))
    assert drop.is_answer


def test_a_reset_soon_after_a_ping_that_was_answered_is_a_point():
    """The pong came after our send: what was alive then did not die of it."""
    evidence = {"since_sent_ns": seconds(0.5), "idle_before_send_ns": seconds(15)}
    drop = dropped(idle=0.47, alive_at_ns=seconds(39.53), evidence=evidence)
    assert drop.moment == Bracket(seconds(40), seconds(40))
    assert not drop.is_answer


@pytest.mark.parametrize("kind", [Kind.SILENCE, Kind.UNRESPONSIVE, Kind.KERNEL_TIMEOUT])
def test_what_is_found_dead_is_a_bracket(kind):
    assert dropped(kind=kind, alive_at_ns=seconds(20)).moment == Bracket(seconds(20), seconds(40))


def test_a_close_in_answer_is_dated_all_the_same():
    drop = dropped(kind=Kind.WS_CLOSE, alive_at_ns=seconds(25), evidence=ANSWER)
    assert drop.moment == Bracket(seconds(40), seconds(40))


@pytest.mark.parametrize(
    ("pongs", "messages", "silence"),
    [(0, 0, Bracket(0, seconds(14.9))), (1, 0, None), (1, 7, Bracket(0, seconds(14.9)))],
)
def test_who_survived_as_long_a_silence_shows_no_timer_of_silence(pongs, messages, silence):
    # With messages from the peer nobody knows how long the silences were.
    assert dropped(pongs=pongs, messages=messages, evidence=ANSWER).silence == silence


@pytest.mark.parametrize(
    ("survived", "fatal", "silence"),
    [
        (15, 15.0006, None),  # the next beat was a little late
        (15, 15.29, None),
        (2, 2.04, None),
        (2, 7.02, Bracket(seconds(2), seconds(7.02))),
        (15, 22, Bracket(seconds(15), seconds(22))),
    ],
)
def test_a_silence_is_compared_with_those_survived_as_measured(survived, fatal, silence):
    evidence = {"since_sent_ns": seconds(0.02), "idle_before_send_ns": seconds(fatal)}
    drop = dropped(pongs=9, messages=3, quiet_survived=survived, evidence=evidence)
    assert drop.silence == silence


def test_a_change_of_this_hosts_path_dates_what_it_ended():
    changes = [{"t_ns": seconds(at), "change": "link_down"} for at in (3, 26, 27, 60)]
    evidence = {"path_changes": changes}
    at: dict[str, Any] = {
        "kind": Kind.SILENCE, "alive_at_ns": seconds(25), "evidence": evidence,
    }  # fmt: skip
    assert dropped(initiator=Initiator.HOST, **at).cause_ns == seconds(27)
    assert dropped(initiator=Initiator.UNKNOWN, **at).cause_ns is None


def test_what_host_and_tool_end_is_no_drop():
    story = Story([VPN], 3)
    story.drops(story.opens(VPN, 1), 5, Kind.HOST_SLEPT)
    story.drops(story.opens(VPN, 1), 5, Kind.TOOL)
    story.drops(story.opens(VPN, 1), 5, initiator=Initiator.TOOL)
    lives = lives_of(story)
    assert (len(lives.drops), len(lives.lives)) == (0, 3)


def test_sessions_still_open_have_lived_until_now():
    story = Story([VPN], 1)
    story.opens(VPN, 10)
    (life,) = lives_of(story, until=60).lives
    assert (life.opened_ns, life.ended_ns) == (seconds(10), seconds(60))
    assert (life.survived_ns, life.proved_age_ns) == (seconds(15), seconds(30))  # pings every 15 s


def test_an_answered_close_proves_the_whole_life():
    story = Story([VPN], 2)
    for proved in (Proof.ALIVE, Proof.UNPROVED):
        story.ends_as_planned(
            story.opens(VPN, 0), 50, idle_ns=seconds(50), alive_at_ns=0, proved=proved
        )
    answered, dumb = lives_of(story).lives
    assert (answered.proved_age_ns, answered.survived_ns) == (seconds(50), seconds(50))
    assert (dumb.proved_age_ns, dumb.survived_ns) == (0, 0)


def test_memory_is_bounded_and_what_has_no_room_is_counted(monkeypatch):
    monkeypatch.setattr(lives_module, "MOST_DROPS", 2)
    monkeypatch.setattr(lives_module, "MOST_LIVES", 4)
    monkeypatch.setattr(lives_module, "_MOST_PLACES", 1)
    story = Story([VPN], 5)
    for n in range(5):
        story.drops(story.opens(VPN._replace(egress=f"e{n}"), 1), 5 + n)
    lives = lives_of(story)
    assert (len(lives.drops), len(lives.lives), lives.beyond) == (2, 4, 4)
    assert [way.cohort.egress for way in lives.places] == ["e0", "(others)"]


def test_a_drop_takes_few_bytes_beside_its_life():
    story = Story([VPN], 4000)
    for n in range(4000):
        story.drops(story.opens(VPN, 1000 + n), 100_000 + n)
    tracemalloc.start()
    try:
        lives = lives_of(story, until=200_000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len({drop.session for drop in lives.drops}) == 4000
    assert held < 4000 * 250  # as records they took 350


class PathSeen(Event, kw_only=True, tag="path_changed"):
    """As a run with a path witness records it."""


def test_path_changes_are_known_by_their_tag():
    lives = Lives(read_plan(SCENARIO))
    lives.event(PathSeen(t_ns=7, utc=""))  # type: ignore[arg-type] # of a later version
    assert list(lives.path_changes) == [7]


def test_hostile_figures_do_no_harm():
    story = Story([VPN], 1)
    session = story.opens(VPN, 10)
    story.drops(
        session, 40, age_ns=-5, idle_ns=-7, alive_at_ns=2**62,
        evidence={"since_sent_ns": -(2**62), "idle_before_send_ns": -3},
    )  # fmt: skip
    (drop,) = lives_of(story).drops
    assert drop.age == Bracket(0, 0)
    assert drop.silence is None
    assert msgspec.json.encode((drop.moment, drop.age, drop.life))


@pytest.mark.parametrize(("kind", "survived_s"), [("silent", 50), ("keepalive", 0)])
def test_a_silence_that_tcp_keepalive_broke_is_none_that_was_survived(kind, survived_s):
    story = Story([VPN], 1)
    story.ends_as_planned(story.opens(VPN, 0), 50, idle_ns=seconds(50))
    lives = Lives(read_plan({"activities": [{"kind": kind, "name": VPN.activity}]}))
    for event in story.events:
        lives.event(event)
    assert [life.survived_ns for life in lives.lives] == [seconds(survived_s)]
