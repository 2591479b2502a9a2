"""All walks of a run: of healthy sessions, of flows that ended in silence, of ClientHellos."""

from collections.abc import Callable

from stresser.model.events import HopsSeen
from stresser.session.ended_walks import EndedWalks, RouterTurns
from stresser.session.held_walks import HeldWalks
from stresser.session.hello_walks import HelloWalks
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness


class HopWalks:
    """One for a run that captures packets; without it no hops are walked."""

    def __init__(
        self, clock: RunClock, packets: PacketWitness, report: Callable[[HopsSeen], None]
    ) -> None:
        turns = RouterTurns()
        self.ended = EndedWalks(clock, packets, turns)
        self.hellos = HelloWalks(clock, packets, turns)
        self.held = HeldWalks(clock, packets, report, lambda: turns.is_busy)
