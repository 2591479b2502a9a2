import errno
import os

import trio

from stresser.model.faults import NoPong, PeerFin
from stresser.net.tap import Tap, TransportFault
from stresser.session.socket_at_end import SocketAtEnd
from stresser.witness.clock import RunClock
from tests.net.peers import tcp_pair


def look_at(fault, transport_fault=None):
    async def story():
        ours, theirs = tcp_pair()
        with ours, theirs:
            tap = Tap(ours, RunClock())
            tap.fault = transport_fault
            return SocketAtEnd(fault, tap, now_ns=77)

    return trio.run(story)


def test_the_transports_first_fault_is_the_story_and_dates_it():
    reset = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    look = look_at(trio.BrokenResourceError(), TransportFault(reset, 42, "receive"))
    assert (look.fault, look.at_ns) == (reset, 42)
    look = look_at(PeerFin(), TransportFault(None, 43, "receive"))
    assert look.at_ns == 43


def test_a_pong_that_never_came_is_dated_by_the_looking():
    look = look_at(NoPong(1, 2))
    assert look.at_ns == 77
    assert look.info is not None
    assert look.info.state == "ESTABLISHED"
    assert look.sibling is None


def test_an_attempt_without_a_connection_has_nothing_to_be_looked_at():
    look = SocketAtEnd(OSError(errno.EMFILE, "x"), None, 5)
    assert (look.info, look.at_ns) == (None, 5)
