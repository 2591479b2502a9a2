"""Damaged packets: whatever a stranger sends is read or left, and what is kept of it is bounded."""

import pytest

from stresser.model.packet import MOST_ENDS, MOST_ICMP
from stresser.witness.hop_segment import FlowEdges
from stresser.witness.packet_filter import remote_end
from stresser.witness.packet_flows import FlowTable
from stresser.witness.packet_parse import Stamp, flow_key, time_exceeded
from tests.fuzz.damage import Rounds, damaged, only_mistakes
from tests.witness import made_packets as made

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]
ENDS = remote_end("198.51.100.2:40000"), remote_end("203.0.113.2:443")
WALK = FlowEdges(*ENDS, 5000, 7000)
PACKETS = [
    made.icmp(11, 0, quoted=made.outgoing("A", seq=WALK.sequence(hop, 0))) for hop in (1, 2, 3)
] + [
    made.icmp(11, 0),
    made.icmp(3, 13),
    made.icmp(3, 0, v6=True),
    made.incoming("SA"),
    made.incoming("RA"),
    made.incoming("PA", payload=made.SERVER_HELLO),
]
_EACH = 50


def test_a_damaged_packet_is_no_traceback_and_fills_no_memory():
    table, key = FlowTable(), flow_key(*ENDS)
    table.watch(key)
    answers = table.answers(key)
    answers.expect(WALK, [1, 2, 3], 0, 0)
    for dice in Rounds("packets"):
        for number in range(_EACH):
            data = damaged(dice.choice(PACKETS), dice)[:192]  # as the kernel cuts them
            with only_mistakes(data):
                table.take(data, Stamp(number, number, "eth0", dice.random() < 0.5))
                time_exceeded(data)
                seen = table.packets(key)
            assert len(seen.ends) <= MOST_ENDS
            assert len(seen.icmp) <= MOST_ICMP
            assert len(table) == 1
            assert len(answers._found) <= len(PACKETS)
