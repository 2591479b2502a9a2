"""After a death, before it is recorded: waits for what other witnesses are about to say.

A RST can reach the capture some milliseconds after the socket's error, a second look takes until
it is answered, and a neighbour proves that it lives with its next pong. None of them may hold up
the run's stop: being cancelled here loses nothing but that evidence.
"""

import trio

from stresser.model.faults import NoPong, PeerFin
from stresser.session.held import HeldSession
from stresser.session.run_context import Surroundings
from stresser.session.socket_at_end import LastLook

_PACKET_WITHIN_S = 0.02
"""Up to 4 ms late were seen (veth, Linux 6.18)."""
_NEIGHBOUR_WITHIN_S = 3.0
"""Until this session's own next pings would be due, but no longer than its reconnect may wait."""


async def hear_witnesses(session: HeldSession, look: LastLook, around: Surroundings) -> None:
    """Wait for what bears on this death. Adds what it hears to `look`."""
    await trio.lowlevel.checkpoint_if_cancelled()
    was_told = isinstance(look.fault, (PeerFin, OSError))
    if not was_told and not isinstance(look.fault, NoPong):
        return
    if around.looks is not None:
        around.looks.ask(session.cohort, session.dialled)
    if around.packets is not None and was_told:
        await around.packets.settle(session.local, str(session.dialled), _PACKET_WITHIN_S)
        _date_others(around)
    if _server_may_know_no_such_flow(session, around):
        await _hear_neighbour(session, look)
    if around.looks is not None:
        await around.looks.answered(session.cohort, session.dialled)
        _date_others(around)


def _date_others(around: Surroundings) -> None:
    """Hundreds who wait for the same answer wake in one pass of the loop.

    What hangs up meanwhile is stamped by them (1 us each), not when they are through.
    """
    if around.hangups is not None:
        around.hangups.look()


def _server_may_know_no_such_flow(session: HeldSession, around: Surroundings) -> bool:
    """A reset without ACK came: the form in which a host answers what it knows nothing of."""
    if around.packets is None:
        return False
    ends = around.packets.seen(session.local, str(session.dialled)).ends
    return any("R" in end.flags and "A" not in end.flags for end in ends if not end.outgoing)


async def _hear_neighbour(session: HeldSession, look: LastLook) -> None:
    if session.server is not None:
        look.neighbour = await session.server.anybody(
            session.tap.last_received_ns, look.at_ns, _NEIGHBOUR_WITHIN_S
        )
