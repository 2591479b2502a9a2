"""The routers' answers to the walks of one flow: who quoted which of its segments, and when."""

import trio

from stresser.model.hops import Hop
from stresser.witness.hop_segment import FlowEdges
from stresser.witness.packet_parse import TimeExceeded

_HALF, _WRAP = 1 << 31, 1 << 32


class HopAnswers:
    """Of one flow, from its first walk on; `witness.packet_flows` hands it what comes."""

    def __init__(self) -> None:
        self._asked: dict[int, int] = {}
        self._found: dict[int, Hop] = {}
        self._sent_ns = 0
        self._beyond = 0
        """A sequence number later than that of any segment that was sent for a walk."""
        self._all_here = trio.Event()

    def expect(self, flow: FlowEdges, hops: list[int], attempt: int, now_ns: int) -> None:
        """These segments go out now; answers to earlier ones are forgotten."""
        self._begin({flow.sequence(hop, attempt): hop for hop in hops}, flow, now_ns)

    def expect_data(self, flow: FlowEdges, hop: int, now_ns: int) -> None:
        """Data of the flow itself goes out now, with the TTL of a hop."""
        self._begin({flow.unacknowledged: hop}, flow, now_ns)

    def _begin(self, asked: dict[int, int], flow: FlowEdges, now_ns: int) -> None:
        self._asked, self._found, self._sent_ns = asked, {}, now_ns
        self._beyond = flow.unacknowledged
        self._all_here = trio.Event()

    def take(self, answer: TimeExceeded, t_ns: int) -> bool:
        """Whether an answer is about a walk's segment, this one's or an earlier one's.

        What quotes a later sequence number is about the flow's own data: a loop of routers.
        """
        hop = self._asked.get(answer.sequence)
        if hop is not None and hop not in self._found:
            rtt = max(t_ns - self._sent_ns, 0)
            self._found[hop] = Hop(number=hop, address=answer.offender, rtt_ns=rtt)
            if len(self._found) == len(self._asked):
                self._all_here.set()
        return hop is not None or (self._beyond - 1 - answer.sequence) % _WRAP < _HALF

    async def heard(self, within_s: float) -> dict[int, Hop]:
        """The hops that have answered, once all have, or after so many seconds."""
        with trio.move_on_after(within_s):
            await self._all_here.wait()
        return dict(self._found)
