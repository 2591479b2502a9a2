import pytest

from stresser.analysis.views.timeline import Timeline
from stresser.model.events import (
    ClockStepped,
    HopsSeen,
    HostSlept,
    PathChanged,
    TesterLate,
    WitnessGap,
    WorkerEnded,
)
from stresser.model.hops import Hop
from stresser.model.path_change import PathChange
from stresser.model.proxy_chosen import ProxyChosen
from tests.analysis.story import DIRECT, VPN, Story, seconds, utc


def figures_of(events, now=60.0):
    timeline = Timeline()
    for event in events:
        timeline.event(event)
    return timeline.figures(seconds(now))


def test_open_sessions_are_steps_that_end_with_the_run():
    story = Story([DIRECT, VPN], 2)
    first, second = story.opens(DIRECT, 1), story.opens(DIRECT, 2)
    story.opens(VPN, 3)
    story.drops(second, 10)
    story.ends_as_planned(first, 50)
    direct, vpn = figures_of(story.events).sessions
    assert direct.egress == "direct"
    assert direct.t_us == [0, 1_000_000, 2_000_000, 10_000_000, 50_000_000, 60_000_000]
    assert direct.open == [0, 1, 2, 1, 0, 0]
    assert vpn.open == [0, 1, 1]


def test_of_many_steps_dips_are_kept():
    story = Story([VPN], 1)
    for n in range(20):
        story.opens(VPN, n / 100)
    for n in range(5000):
        session = story.opens(VPN, 10 + n / 100)
        story.drops(session, 10.005 + n / 100)
    for session in range(1, 21):
        story.drops(session, 30.0041)
    events = sorted(story.events, key=lambda event: event.t_ns)
    [vpn] = figures_of(events).sessions
    assert len(vpn.t_us) < 1300
    assert vpn.t_us == sorted(vpn.t_us)
    assert max(vpn.open) == 21
    assert vpn.open[-1] == 0


@pytest.mark.parametrize(
    ("event", "what", "words"),
    [
        (HostSlept(t_ns=seconds(9), utc=utc(0), slept_ns=seconds(4)), "sleep", "host slept 4 s"),
        (TesterLate(t_ns=seconds(9), utc=utc(0), late_ns=seconds(4)), "late", "late by 4 s"),
        (ClockStepped(t_ns=seconds(9), utc=utc(0), step_ns=-seconds(4)), "clock", "set by -4 s"),
        (WitnessGap(t_ns=seconds(9), utc=utc(0), witness="a", detail="\x1b"), "witness", "\\x1b"),
        (
            WorkerEnded(
                t_ns=seconds(9), utc=utc(0), worker=2, workers=3, how="killed by\x1b", sessions=7
            ),
            "worker",
            "Worker 2 of 3 died (killed by\\x1b)",
        ),
        (
            HopsSeen(
                t_ns=seconds(9), utc=utc(0), endpoint="e", egress="vpn", activity="a", session=7,
                remote="r", hops=[Hop(number=2, address="b")], before=[Hop(number=2, address="a")],
            ),
            "path", "path of session 7 through vpn: hop 2: a -> b",
        ),
        (
            ProxyChosen(
                t_ns=seconds(9), utc=utc(0), endpoint="e", egress="corp", source="pac:x", url="u",
                answer="a", entries=["http://a:1", "direct"], chosen="direct",
                instead_of="http://a:1", failure="refused", attempt=3,
            ),
            "proxy",
            "e through corp: http://a:1 failed (refused): new sessions go directly",
        ),
        (
            PathChanged(t_ns=seconds(9), utc=utc(0), change=PathChange.LINK_DOWN, interface="tun0"),
            "path", "link down tun0",
        ),
    ],
)  # fmt: skip
def test_what_else_happened(event, what, words):
    [mark] = figures_of([event]).marks
    assert mark.what == what
    assert words in mark.words
    assert mark.until_us == 9_000_000
    assert mark.from_us == (5_000_000 if what in {"sleep", "late"} else 9_000_000)


def test_marks_are_bounded_and_the_rest_is_counted():
    gaps = [WitnessGap(t_ns=n, utc=utc(0), witness="path", detail="") for n in range(700)]
    figures = figures_of(gaps)
    assert (len(figures.marks), figures.more) == (500, 200)
