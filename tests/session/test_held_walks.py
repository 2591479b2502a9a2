"""What is learned from one walk to the next; walks themselves are in the netlab."""

import socket
from functools import partial
from typing import Any, cast

import pytest
import trio
import trio.testing

from stresser.model.cohort import Cohort, Pair
from stresser.model.events import HopsSeen
from stresser.model.hops import Hop
from stresser.model.packet import FlowPackets
from stresser.net.dial import Binding
from stresser.session.held_walks import EVERY_NS, FIRST_WALKS, HeldWalks, WalkedSession
from stresser.session.route import Beat
from tests.classify.test_packet_origin import packet
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.world import life


class Reaching:
    """A flow with so many routers on its way."""

    def __init__(self, reach: int) -> None:
        self.reach = reach


def walked(reach: int = 3) -> WalkedSession:
    return WalkedSession(cast("Any", None), cast("Any", Reaching(reach)))


def found(**addresses: str) -> dict[int, Hop]:
    numbers = {"one": 1, "two": 2, "three": 3}
    return {
        numbers[name]: Hop(number=numbers[name], address=address)
        for name, address in addresses.items()
    }


def addresses(one: WalkedSession) -> list[str | None]:
    return [hop.address for hop in one.path]


@pytest.mark.parametrize(
    ("walks", "changes", "path"),
    [
        ([found(one="a", two="b", three="c")], [False], ["a", "b", "c"]),
        ([found(one="a"), found(three="c")], [False, False], ["a", None, "c"]),
        # A router that is silent for once is no change.
        ([found(one="a", two="b"), found(one="a")], [False, False], ["a", "b", None]),
        ([found(one="a", two="b"), found(one="a", two="x")], [False, True], ["a", "x", None]),
        # Where each packet takes another of two paths, each is new once.
        (
            [found(two="b"), found(two="x"), found(two="b"), found(two="x")],
            [False, True, False, False],
            [None, "x", None],
        ),
    ],
)
def test_what_a_walk_adds_to_the_path(walks, changes, path):
    one = walked()
    assert [one.learn(answers) for answers in walks] == changes
    assert addresses(one) == path


def test_silent_hops_are_asked_again_and_the_others_are_not():
    one = walked()
    asked = []
    for _ in range(FIRST_WALKS + 1):
        one.walks += 1
        asked.append(one.wanted)
        one.learn(found(one="a", two="b"))
    assert asked == [[1, 2, 3], [3], [3], [1, 2, 3]]


def test_where_all_have_answered_all_are_asked_each_time():
    one = walked()
    for _ in range(FIRST_WALKS + 1):
        one.walks += 1
        assert one.wanted == [1, 2, 3]
        one.learn(found(one="a", two="b", three="c"))


def test_an_answer_calls_nobody_where_nobody_asked():
    made = life(websocket_server(server_context()), 61)
    assert made.notebook.only_ended().pongs == 4
    assert made.around.walks is None


PAIR = Pair("far", "vpn")


class Flow:
    """A session that pings, and the walks of its flow: as much as is asked of either."""

    def __init__(self, number: int, *, heartbeat: bool = True, beat: Beat | None = None) -> None:
        self.number = number
        self.cohort = Cohort(*PAIR, "heartbeat")
        self.destination = self.route = self.tap = self
        self.binding = Binding()
        self.sock: socket.socket
        self.heartbeat, self.beat = heartbeat, beat
        self.local, self.dialled, self.proxy = f"192.0.2.1:{number}", "192.0.2.9:443", None
        self.on_answer: partial[None] | None = None
        self.path: list[Hop] = []
        self.asked: list[list[int]] = []

    def begin(self, _info: object, numbers: list[int], attempt: int) -> bool:
        self.asked.append(numbers)
        return attempt == 0

    async def heard(self, _within_s: float) -> dict[int, Hop]:
        return found(one="a", two="b", three="c")

    def pong(self) -> None:
        """One has come: the session says so if it is walked."""
        assert self.on_answer is not None
        self.on_answer()

    @property
    def reach(self) -> int:
        return 3


class Seen:
    """A packet witness: three routers are on the way of each flow."""

    def seen(self, _local: str, _remote: str) -> FlowPackets:
        return FlowPackets(syn_ack=packet("SA", ttl=61))


class Clock:
    t_ns = 0

    def now_ns(self) -> int:
        return self.t_ns

    def utc(self, t_ns: int) -> str:
        return str(t_ns)


class Walks:
    """Those of a run, by a clock that a test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[HopsSeen] = []
        self.is_busy = False
        clock, seen = cast("Any", self.clock), cast("Any", Seen())
        self.held = HeldWalks(clock, seen, self.told.append, lambda: self.is_busy)

    def opens(self, number: int, **how: Any) -> Flow:
        flow = Flow(number, **how)
        session: Any = flow
        self.held.opened(session)
        if flow.on_answer is not None:
            flow.on_answer.args[0].walk = flow
        return flow

    def ends(self, flow: Flow) -> None:
        session: Any = flow
        self.held.ended(session)


def test_two_of_an_endpoint_and_egress_are_walked_and_the_next_takes_the_place_of_one_that_ends():
    walks = Walks()
    flows = [walks.opens(number) for number in range(3)]
    assert [flow.on_answer is not None for flow in flows] == [True, True, False]
    walks.ends(flows[0])
    assert flows[0].on_answer is None
    assert [walks.opens(number).on_answer is not None for number in (3, 4)] == [True, False]


def test_sessions_that_measure_silence_are_never_walked():
    walks = Walks()
    assert walks.opens(1, heartbeat=False).on_answer is None
    assert walks.opens(2, beat=Beat()).on_answer is None


def test_a_walk_begins_with_a_pong_when_the_routers_are_free_and_is_told_once():
    async def story(walks: Walks) -> tuple[Flow, Flow]:
        one, other = walks.opens(1), walks.opens(2)
        one.pong()  # nobody could hear of it yet
        with socket.socket() as one.sock, socket.socket() as other.sock:
            await follow(walks, one, other)
        return one, other

    async def follow(walks: Walks, one: Flow, other: Flow) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(walks.held.run)
            await trio.testing.wait_all_tasks_blocked()
            walks.is_busy = True
            one.pong()
            walks.is_busy = False
            assert one.asked == []
            one.pong()
            other.pong()
            assert (one.asked, other.asked) == ([[1, 2, 3]], []), "the first router is asked once"
            for minute in (1, 2):
                walks.clock.t_ns = minute * EVERY_NS - 1
                one.pong()
                walks.clock.t_ns += 1
                one.pong()
                await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    walks = Walks()
    one, _ = trio.run(story, walks)
    assert len(one.asked) == 3
    assert [(seen.session, [hop.address for hop in seen.hops]) for seen in walks.told] == [
        (1, ["a", "b", "c"])
    ]
