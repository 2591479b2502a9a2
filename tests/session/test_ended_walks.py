"""Which flows are walked when they have ended; walks themselves are in the netlab."""

import errno
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from stresser.model.ending import Kind
from stresser.model.faults import NoPong
from stresser.model.packet import FlowPackets, Packet
from stresser.net.dial import Binding
from stresser.session.ended_walks import MOST_WAITING, EndedWalks, RouterTurns
from stresser.session.hop_walks import HopWalks
from stresser.session.route import Beat
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from tests.classify.test_packet_origin import flow, packet
from tests.fakes.certificates import server_context
from tests.fakes.peers import WebSocketPeer
from tests.fakes.world import heartbeat, in_virtual_time, silent, world
from tests.witness.namespaces import need_capture


def falls_silent(activity, *, reset=False):
    """A session on a path in memory, where there is nothing to walk."""

    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings()

    async def story():
        need_capture()
        async with world(program) as made:
            witness = PacketWitness.open(RunClock())
            made.around.walks = HopWalks(made.clock, witness, made.notebook.event)
            made.start(made.route(activity=activity))
            await trio.sleep_until(20.5)
            if reset:
                made.paths[0].reset()
            else:
                made.paths[0].hold_back()
            await trio.sleep_until(60)
            made.stop()
            await trio.sleep(2)
            witness.close()
            return made

    return in_virtual_time(story)


@pytest.mark.parametrize(
    ("activity", "reset", "kind"),
    [
        (heartbeat("2s", "1s"), False, Kind.UNRESPONSIVE),
        (heartbeat("2s", "1s"), True, Kind.TCP_RESET),
        (silent(), True, Kind.TCP_RESET),
    ],
    ids=["silence", "reset", "silent"],
)
def test_where_there_is_nothing_to_walk_an_ending_is_as_it_was(activity, reset, kind):
    made = falls_silent(activity, reset=reset)
    ended = made.notebook.ended[0]
    assert ended.ending.kind is kind
    assert ended.ending.evidence.hops is None
    assert made.around.bugs.count == 0


class Ended:
    """As much of a session, and of the look at its socket, as decides whether it is walked."""

    def __init__(
        self, fault: Exception, *, heartbeat: bool = True, beat: Beat | None = None,
        unacked: int | None = None,
    ) -> None:  # fmt: skip
        self.destination = self.route = self
        self.heartbeat, self.beat = heartbeat, beat
        self.fault = fault
        self.info = None if unacked is None else SimpleNamespace(unacked=unacked)


NO_PONG = NoPong(0, 1)
TIMED_OUT = TimeoutError(errno.ETIMEDOUT, "Connection timed out")
ASKED: dict[str, tuple[Any, bool]] = {
    "no pong, and nothing is acknowledged": (Ended(NO_PONG, unacked=1), True),
    "no pong, but all is acknowledged": (Ended(NO_PONG, unacked=0), False),
    "no pong, and the kernel says nothing": (Ended(NO_PONG), False),
    "the kernel gave up": (Ended(TIMED_OUT), True),
    "it sends nothing": (Ended(TIMED_OUT, heartbeat=False), False),
    "it measures what breaks silence": (Ended(TIMED_OUT, beat=Beat()), False),
    "it was reset": (Ended(ConnectionResetError(errno.ECONNRESET, "reset")), False),
}


@pytest.mark.parametrize(("one", "is_asked"), ASKED.values(), ids=ASKED)
def test_which_flows_are_walked(one, is_asked):
    nothing: Any = None
    assert EndedWalks(nothing, nothing, nothing).is_asked(one, one) is is_asked


class Seen:
    """A packet witness that saw this of every flow."""

    def __init__(self, *ends: Packet) -> None:
        self.flow: FlowPackets = flow(*ends)

    def seen(self, _local: str, _remote: str) -> FlowPackets:
        return self.flow


class Waiting(Ended):
    """One whose turn has come never yet."""

    local, dialled = "192.0.2.1:40000", "192.0.2.9:443"
    binding = Binding()


def walks_of(*ends: Packet) -> tuple[EndedWalks, RouterTurns]:
    turns = RouterTurns()
    return EndedWalks(RunClock(), cast("PacketWitness", Seen(*ends)), turns), turns


def test_of_hundreds_that_end_at_once_a_few_are_walked():
    session: Any = Waiting(TIMED_OUT)

    async def story() -> list[bool]:
        """Whether there is room for another, before each walk, with all of them and after them."""
        walks, turns = walks_of()
        room = []
        async with turns.one(1), trio.open_nursery() as nursery:
            for _ in range(MOST_WAITING):
                room.append(walks.is_asked(session, session))
                nursery.start_soon(walks.walk, session, session, ())
                await trio.testing.wait_all_tasks_blocked()
            room.append(walks.is_asked(session, session))
            nursery.cancel_scope.cancel()
        return [*room, walks.is_asked(session, session)]

    assert trio.run(story) == [*[True] * MOST_WAITING, False, True]


def test_a_flow_that_this_host_has_closed_is_not_walked():
    session: Any = Waiting(TIMED_OUT)

    async def story() -> object:
        walks, _ = walks_of(packet("FA", outgoing=True))
        return await walks.walk(session, session, ())

    assert trio.run(story) is None
