"""Whether a run's packets can be witnessed, and what is said where they cannot."""

from typing import NamedTuple

from stresser.model.events import WitnessGap
from stresser.scenario.plan import Scenario
from stresser.witness.clock import RunClock
from stresser.witness.packet_filter import Ports
from stresser.witness.packets import PacketWitness


class PacketSight(NamedTuple):
    """The witness, or why there is none; neither where none is wanted."""

    witness: PacketWitness | None = None
    failure: OSError | None = None

    def closed(self) -> "PacketSight":
        """The same without its witness, which is closed: others are to have their own."""
        if self.witness is not None:
            self.witness.close()
        return PacketSight(failure=self.failure)

    def blindness(self, clock: RunClock, now_ns: int) -> WitnessGap | None:
        """What is not seen; None: nothing is wrong."""
        if self.failure is None:
            return None
        why = self.failure.strerror or str(self.failure)
        return WitnessGap(
            t_ns=now_ns,
            utc=clock.utc(now_ns),
            witness="packets",
            detail=f"packets are not captured ({why}): who sent a reset is seldom known,"
            " and no hops are walked",
        )


def open_packets(
    scenario: Scenario, clock: RunClock, sessions: int, own: Ports | None = None
) -> PacketSight:
    """The witness of so many sessions' packets, where the scenario wants one.

    `own`: of sessions from these local ports alone.
    """
    if not scenario.witnesses.packets:
        return PacketSight()
    try:
        return PacketSight(PacketWitness.open(clock, sessions, own))
    except OSError as exc:
        return PacketSight(failure=exc)
