"""Two kernels asked about one connection, on loopback."""

import socket
from typing import Any

from msgspec.structs import replace

from stresser.model.events import FarEndSeen, ReflectionHeld
from stresser.model.far_end import FarEnd
from stresser.run.way_counts import WayCounts
from stresser.witness.tcp_info import sample_tcp_info
from tests.net.peers import tcp_pair

S = 10**9


class Clock:
    t_ns = woke_ns = 0

    def now_ns(self) -> int:
        return self.t_ns


class Tap:
    """As much of one as is asked for."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock


def held(attempt: int, far: socket.socket) -> ReflectionHeld:
    info = sample_tcp_info(far)
    return ReflectionHeld(
        t_ns=1, utc="u", number=1, run="r", attempt=attempt, last_in_ns=1, info=info
    )


SEEN = FarEndSeen(
    t_ns=1, utc="u", session=1, far_end=FarEnd(within_ns=0, known_until_ns=1, peer="192.0.2.1:1")
)


def test_both_ways_are_counted():
    clock = Clock()
    counts: Any = WayCounts(clock)
    here, far = tcp_pair()
    with here, far:
        counts.taps[7] = Tap(here)
        for _ in range(5):
            here.send(b"x")
            assert far.recv(1)
        assert counts.asked(10) == [7]
        far.send(b"y")  # meanwhile
        assert here.recv(1)
        counts.heard(held(7, far))
        end = counts.added_to(SEEN, 7).far_end
        assert (end.there.sent, end.there.arrived, end.there.lost) == (5, 5, 0)
        assert (end.back.sent, end.back.arrived) == (1, 1)
        here.send(b"x")
        counts.heard(held(7, far))  # nobody asked: what this end had sent then is not known
        assert counts.added_to(SEEN, 7).far_end == end
        counts.forget(7)
        assert counts.added_to(SEEN, 7) == SEEN


def test_what_is_not_acknowledged_yet_is_known_of_the_side_that_sent_it():
    counts: Any = WayCounts(Clock())
    here, far = tcp_pair()
    with here, far:
        counts.taps[7] = Tap(here)
        assert counts.asked(1) == [7]
        told = held(7, far)
        assert told.info is not None
        counts.heard(replace(told, info=replace(told.info, unacked=3)))
        end = counts.added_to(SEEN, 7).far_end
        assert (end.there.unacked, end.back.unacked) == (0, 3)


def test_each_is_asked_for_from_time_to_time_and_no_more_than_there_is_room():
    clock = Clock()
    counts: Any = WayCounts(clock)
    here, far = tcp_pair()
    with here, far:
        counts.taps.update({number: Tap(here) for number in (1, 2, 3)})
        first = counts.asked(2)
        assert len(first) == 2
        assert len(counts.asked(2)) == 1
        assert counts.asked(2) == []
        clock.t_ns = 6 * S
        assert sorted(counts.asked(9)) == [1, 2, 3]
        assert counts.asked(0) == []


def test_what_was_not_asked_for_or_has_ended_counts_nothing():
    counts: Any = WayCounts(Clock())
    here, far = tcp_pair()
    with here, far:
        counts.heard(held(7, far))
        counts.taps[7] = Tap(here)
        assert counts.asked(1) == [7]
        counts.forget(7)
        counts.heard(held(7, far))
    assert counts.added_to(SEEN, 7) == SEEN
