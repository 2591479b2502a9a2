"""How much of the loop one peer may take: its share, and the turns of those that exceed it.

A peer that sends thousands of tiny frames costs a parser 10 us for each of them, and sends them
for nothing. What it sends beyond its share waits in the kernel, whose window then holds the peer
back, and is read in turn with that of others: all floods together take a twentieth of a CPU core.
"""

import trio

from stresser.model.clocks import Clock
from stresser.model.units import NS_PER_MS

PASS_COSTS = 3
"""A pass reads 4 KiB at most, and costs as much as parsing so many frames."""
FRAMES_A_PASS = 32
"""Frames parsed before other tasks run: a third of a millisecond."""
_JUNK_A_COST = 256
"""Bytes of a session ticket: one takes as long as a frame."""
_WINDOW_NS = 100 * NS_PER_MS
_WINDOW_COSTS = 96
"""What a session may take in a window without asking: 600 frames or 1 MiB a second and more."""
_TURN_COSTS = 32
_BETWEEN_TURNS_S = 0.01


class Turns:
    """Gives turns to the sessions beyond their share, one after the other. One for a run."""

    def __init__(self, between_s: float = _BETWEEN_TURNS_S) -> None:
        self._between_s = between_s
        self._next_s = 0.0

    async def mine(self) -> None:
        """Wait until all who asked before had their turn."""
        at_s = max(self._next_s, trio.current_time())
        self._next_s = at_s + self._between_s
        await trio.sleep_until(at_s)


class FairShare:
    """What one session took of the loop in the window that runs."""

    __slots__ = ("_clock", "_taken", "_turns", "_window_ns", "held_back_ns", "read_on_ns")

    def __init__(self, turns: Turns, clock: Clock) -> None:
        self._turns = turns
        self._clock = clock
        self._window_ns = 0
        self._taken = 0
        self.held_back_ns = 0
        """For how long its peer was not read, all in all."""
        self.read_on_ns = 0
        """When its last turn came, on the run's clock; 0: it never needed one."""

    def take(self, frames: int) -> bool:
        """Count a pass with its frames. Whether the session may read on at once."""
        return self._take(PASS_COSTS + frames)

    def take_barren(self, junk: int) -> bool:
        """Count a read without plaintext, with its bytes of `TlsStream.junk`; as `take`."""
        return self._take(1 + junk // _JUNK_A_COST)

    def _take(self, costs: int) -> bool:
        self._taken += costs
        if self._taken <= _WINDOW_COSTS:
            return True
        now = self._clock.now_ns()
        if now - self._window_ns < _WINDOW_NS:
            return False
        self._window_ns, self._taken = now, costs
        return True

    async def turn(self) -> None:
        """Wait for one's turn, with enough left for it."""
        before = self._clock.now_ns()
        await self._turns.mine()
        self._window_ns = self.read_on_ns = self._clock.now_ns()
        self.held_back_ns += self.read_on_ns - before
        self._taken = _WINDOW_COSTS - _TURN_COSTS
