"""When host or tool were not fit to judge sessions, and why: words and limits."""

from enum import StrEnum
from typing import NamedTuple

from stresser.model.ending import Initiator
from stresser.model.units import NS_PER_MS, NS_PER_S

LATE_NS = 100 * NS_PER_MS
"""A loop this late is recorded: our own times in that window are upper bounds."""
UNFIT_LAG_NS = NS_PER_S
"""A loop this late is unfit: pings were not sent and pongs not read, so an ending in that
window may be our doing. Below it, every timeout of a scenario has room for the lateness."""


class UnfitCause(StrEnum):
    """Why nothing was done in a window, as far as the kernel's own accounts show it."""

    GC = "gc"
    """Python looked for garbage."""
    BUSY = "busy"
    """stresser's own code ran."""
    STARVED = "starved"
    """It was ready to run and got no CPU: other processes, or a CPU quota."""
    STOPPED = "stopped"
    """Neither running nor ready to run: SIGSTOP, a freezer, a debugger, a paused machine."""
    SUSPENDED = "suspended"
    """The whole host slept."""
    UNKNOWN = "unknown"
    """No account covers half of the time; a system call that waited, for example for a disk."""


WHO_IS_UNFIT: dict[UnfitCause, Initiator] = {
    UnfitCause.GC: Initiator.TOOL,
    UnfitCause.BUSY: Initiator.TOOL,
    UnfitCause.UNKNOWN: Initiator.TOOL,
    UnfitCause.STARVED: Initiator.HOST,
    UnfitCause.STOPPED: Initiator.HOST,
    UnfitCause.SUSPENDED: Initiator.HOST,
}
"""What stresser did itself is the tool's; what this host did to stresser is the host's."""


class Unfit(NamedTuple):
    """A window in which sessions cannot be judged. Times: run clock, ns."""

    who: Initiator
    """`host` or `tool`."""
    cause: UnfitCause
    from_ns: int
    until_ns: int
    """Until what came meanwhile was read."""
    lasted_ns: int
    """How long nothing was done, in real time: of a suspend more than the window, for the run's
    clock stands still."""
