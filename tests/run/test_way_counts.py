"""Two kernels asked about one connection, on loopback."""

import socket
from typing import Any

from msgspec.structs import replace

from stresser.model.cohort import Cohort
from stresser.model.events import FarEndSeen, ReflectionHeld
from stresser.model.far_end import AnsweredPing, FarEnd
from stresser.model.quantity import Quantity
from stresser.run.way_counts import WayCounts
from stresser.session.held import Echo
from stresser.witness.tcp_info import sample_tcp_info
from tests.fakes.notebook import Notebook
from tests.net.peers import tcp_pair

S = 10**9


class Clock:
    t_ns = woke_ns = 0

    def now_ns(self) -> int:
        return self.t_ns


COHORT = Cohort("far", "vpn", "heartbeat")


class Session:
    """As much of one as is asked for: it is its own tap."""

    cohort = COHORT

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.tap = self
        self.echo: Echo | None = None

    def last_echo(self) -> Echo | None:
        return self.echo


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
    counts: Any = WayCounts(clock, Notebook())
    here, far = tcp_pair()
    with here, far:
        counts.sessions[7] = Session(here)
        for _ in range(5):
            here.send(b"x")
            assert far.recv(1)
        assert counts.asked(10) == [7]
        far.send(b"y")  # meanwhile
        assert here.recv(1)
        counts.heard(held(7, far), "r")
        end = counts.added_to(SEEN, 7).far_end
        assert (end.there.sent, end.there.arrived, end.there.lost) == (5, 5, 0)
        assert (end.back.sent, end.back.arrived) == (1, 1)
        here.send(b"x")
        counts.heard(held(7, far), "r")  # nobody asked: what this end had sent then is not known
        assert counts.added_to(SEEN, 7).far_end == end
        counts.forget(7)
        assert counts.added_to(SEEN, 7) == SEEN


def test_what_is_not_acknowledged_yet_is_known_of_the_side_that_sent_it():
    counts: Any = WayCounts(Clock(), Notebook())
    here, far = tcp_pair()
    with here, far:
        counts.sessions[7] = Session(here)
        assert counts.asked(1) == [7]
        told = held(7, far)
        assert told.info is not None
        counts.heard(replace(told, info=replace(told.info, unacked=3)), "r")
        end = counts.added_to(SEEN, 7).far_end
        assert (end.there.unacked, end.back.unacked) == (0, 3)


def test_each_is_asked_for_from_time_to_time_and_no_more_than_there_is_room():
    clock = Clock()
    counts: Any = WayCounts(clock, Notebook())
    here, far = tcp_pair()
    with here, far:
        counts.sessions.update({number: Session(here) for number in (1, 2, 3)})
        first = counts.asked(2)
        assert len(first) == 2
        assert len(counts.asked(2)) == 1
        assert counts.asked(2) == []
        clock.t_ns = 6 * S
        assert sorted(counts.asked(9)) == [1, 2, 3]
        assert counts.asked(0) == []


def test_what_was_not_asked_for_or_has_ended_counts_nothing():
    counts: Any = WayCounts(Clock(), Notebook())
    here, far = tcp_pair()
    with here, far:
        counts.heard(held(7, far), "r")
        counts.sessions[7] = Session(here)
        assert counts.asked(1) == [7]
        counts.forget(7)
        counts.heard(held(7, far), "r")
    assert counts.added_to(SEEN, 7) == SEEN


AHEAD = 10**15
"""Of the far end's clock."""
MS = 10**6


def ping(told: ReflectionHeld, number: int, sent_ns: int, there_ns: int) -> ReflectionHeld:
    in_ns = sent_ns + there_ns + AHEAD
    return replace(told, ping=AnsweredPing(number=number, in_ns=in_ns, out_ns=in_ns + MS))


VARIATIONS = Quantity.VARIATION_THERE, Quantity.VARIATION_BACK


class Pinged:
    """Four sessions that are asked for once in five seconds, each time after another ping."""

    def __init__(self, here: socket.socket, far: socket.socket) -> None:
        self.clock, self.told = Clock(), Notebook()
        self.counts: Any = WayCounts(self.clock, self.told)
        self.held: dict[int, Any] = {attempt: Session(here) for attempt in (1, 2, 3, 4)}
        self.counts.sessions.update(self.held)
        self.accounts = {attempt: held(attempt, far) for attempt in self.held}

    def exchange(
        self, number: int, there_ns: int, back_ns: int = MS, *, late: bool = False, shift: int = 0
    ) -> None:
        """`late`: the answer comes when the far end was asked already; `shift`: of its number."""
        self.clock.t_ns += 5 * S
        sent_ns = self.clock.t_ns
        echo = Echo(number, sent_ns, sent_ns + there_ns + MS + back_ns)
        self.answered(None if late else echo)
        assert sorted(self.counts.asked(9)) == [1, 2, 3, 4]
        self.answered(echo)
        for attempt, account in self.accounts.items():
            other_ns = attempt % 2 * 900 * S  # of another reflector's clock
            told = ping(account, number + shift, sent_ns, there_ns + other_ns)
            self.counts.heard(told, f"reflector {attempt % 2}")

    def answered(self, echo: Echo | None) -> None:
        for session in self.held.values():
            session.echo = echo

    def varied(self, quantity: Quantity) -> list[int]:
        self.counts.settle()
        return sorted(self.told.values(quantity))


def test_delays_vary_one_way_and_not_the_other():
    """By two reflectors whose clocks are a quarter of an hour apart."""
    here, far = tcp_pair()
    with here, far:
        pinged = Pinged(here, far)
        for number in range(1, 9):
            pinged.exchange(number, (5 + number % 2 * 30) * MS, 8 * MS, late=number % 3 == 0)
        there, back = (pinged.varied(one) for one in VARIATIONS)
        end = pinged.counts.added_to(SEEN, 3).far_end
    assert there == [0] * 16 + [30 * MS] * 16
    assert back == [0] * 32
    assert (end.varied_there.pings, end.varied_there.most_ns) == (8, 30 * MS)
    assert (end.varied_there.mean_ns, end.varied_back.most_ns) == (15 * MS, 0)


def test_a_ping_is_looked_at_once_and_only_where_both_ends_know_it():
    here, far = tcp_pair()
    with here, far:
        pinged = Pinged(here, far)
        for _ in range(4):
            pinged.exchange(1, MS)
        for number in range(2, 6):
            pinged.exchange(number, MS, shift=1)
        pinged.accounts = {n: replace(one, ping=None) for n, one in pinged.accounts.items()}
        for number in range(6, 10):
            pinged.clock.t_ns += 5 * S
            pinged.answered(Echo(number, S, S))
            assert len(pinged.counts.asked(9)) == 4
            for account in pinged.accounts.values():
                pinged.counts.heard(account, "reflector 0")
        assert pinged.varied(Quantity.VARIATION_THERE) == []
        assert pinged.counts.added_to(SEEN, 3).far_end.varied_there is None
