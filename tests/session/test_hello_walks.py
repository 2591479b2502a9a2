"""Of which failed attempts the ClientHello is walked; walks themselves are in the netlab."""

import socket
from functools import partial

import pytest
import trio

from stresser.model.ending import Phase
from stresser.model.faults import DeadlinePassed, PeerFin, ProtocolViolation
from stresser.net.resolve import literal_address
from stresser.session.attempt import Attempt
from stresser.session.ended_walks import RouterTurns
from stresser.session.hello_walks import HelloWalks
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from tests.fakes.loopback import loopback_route
from tests.fakes.world import seconds
from tests.witness.namespaces import need_capture


def attempt_at(port, phase=Phase.TLS, *, dialled=True):
    made = Attempt(1, loopback_route(port), RunClock())
    made.phase = phase
    if dialled:
        made.address = made.dialled = literal_address("127.0.0.1", port)
    return made


def walked(make_attempt, fault):
    async def test():
        need_capture()
        witness = PacketWitness.open(RunClock())
        try:
            walks = HelloWalks(RunClock(), witness, RouterTurns())
            walk = await walks.walk(make_attempt(), fault)
            return walk, len(walks._known)
        finally:
            witness.close()

    return trio.run(test)


@pytest.mark.parametrize(
    ("phase", "fault", "known"),
    [
        # Asked, and there is no router before this address.
        (Phase.TLS, ConnectionResetError(), 1),
        (Phase.TLS, PeerFin(), 1),
        (Phase.TLS, DeadlinePassed(Phase.TLS, seconds(1)), 1),
        (Phase.TLS, ProtocolViolation("tls", "no TLS", b"HTTP"), 0),
        (Phase.CONNECT, ConnectionRefusedError(), 0),
        (Phase.UPGRADE, ConnectionResetError(), 0),
    ],
)
def test_hellos_that_were_cut_or_lost_are_walked(phase, fault, known, closed):
    assert walked(partial(attempt_at, closed, phase), fault) == (None, known)


def test_an_attempt_that_dialled_nothing_is_not(closed):
    assert walked(partial(attempt_at, closed, dialled=False), ConnectionResetError()) == (None, 0)


@pytest.fixture
def closed():
    """A port of loopback that nothing listens on, and nobody else takes."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
