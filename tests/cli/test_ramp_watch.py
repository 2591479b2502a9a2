"""When the shortfall is said: as soon as it is known, and never before the ramp is over."""

import trio
from trio.testing import MockClock

from stresser.analysis.counts.run_tally import Tally
from stresser.cli.ramp_watch import shortfalls_after_ramp
from stresser.scenario.decode import decode_scenario
from tests.analysis.story import VPN, Story

SCENARIO = decode_scenario(
    b"""
name = "made-up"
[sessions]
count = 2
ramp = "10s"
[timeouts]
resolve = "1s"
connect = "2s"
proxy = "3s"
tls = "4s"
upgrade = "5s"
[[endpoints]]
name = "broker"
url = "wss://broker.example.net/"
[[egresses]]
name = "vpn"
""",
    "made-up.toml",
)


async def watched(make) -> tuple[list[str], float]:
    """The words, and how long they took to come; `make` plays the run."""
    story, tally = Story([VPN], 2), Tally()
    found: list[list[str]] = []
    began = trio.current_time()

    async def play():
        told = 0
        async for _ in make(story):
            for event in story.events[told:]:
                tally.event(event)
            told = len(story.events)

    async def watch():
        found.append(await shortfalls_after_ramp(SCENARIO, tally))
        nursery.cancel_scope.cancel()

    for event in story.events:
        tally.event(event)
    story.events.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(play)
        nursery.start_soon(watch)
    return found[0], trio.current_time() - began


def test_all_opened():
    async def run(story):
        story.opens(VPN, 0)
        story.opens(VPN, 5)
        yield

    assert trio.run(watched, run, clock=MockClock(autojump_threshold=0)) == ([], 10)


def test_a_failure_is_said_right_after_the_ramp():
    async def run(story):
        story.opens(VPN, 0)
        story.fails(VPN, 5)
        yield

    words, took = trio.run(watched, run, clock=MockClock(autojump_threshold=0))
    [clause] = words
    assert clause.startswith("1 of 2 sessions never opened; 1 attempt failed there")
    assert took == 10


def test_an_attempt_that_still_runs_is_waited_for():
    async def run(story):
        story.opens(VPN, 0)
        yield
        await trio.sleep(14)
        story.opens(VPN, 14)
        yield

    words, took = trio.run(watched, run, clock=MockClock(autojump_threshold=0))
    assert words == []
    assert 14 <= took < 15


def test_what_never_comes_is_waited_for_as_long_as_an_attempt_can_take():
    async def run(story):
        story.opens(VPN, 0)
        yield

    words, took = trio.run(watched, run, clock=MockClock(autojump_threshold=0))
    assert words == ["1 of 2 sessions never opened; no attempt at them came to an end"]
    assert took == 10 + 1 + 2 + 3 + 4 + 5
