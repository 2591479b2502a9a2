"""How far a flow may be walked, and where it cannot be."""

from typing import Any

import pytest

from stresser.model.packet import FlowPackets, Packet
from stresser.net.dial import Binding
from stresser.session.flow_walk import FlowWalk, reach_of
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from tests.net.peers import run
from tests.witness.namespaces import need_capture

COMMON: dict[str, Any] = {
    "t_ns": 1, "unix_ns": 1, "interface": "x", "outgoing": False, "flags": "SA", "ip_id": 0,
    "df": True, "window": 1, "seq": 1, "ack": 1, "length": 0,
}  # fmt: skip


def packet(ttl):
    return None if ttl is None else Packet(ttl=ttl, **COMMON)


@pytest.mark.parametrize(
    ("syn_ack", "hello", "reach"),
    [
        (61, None, 3),
        (64, None, 0),
        (255, None, 0),
        (250, 247, 8),
        # A box next to us accepts, and who answers is behind it.
        (64, 58, 6),
        (58, 64, 6),
        (None, None, 0),
    ],
)
def test_how_far_the_other_end_is(syn_ack, hello, reach):
    assert reach_of(FlowPackets(syn_ack=packet(syn_ack), server_hello=packet(hello))) == reach


def test_a_flow_whose_beginning_was_not_seen_is_not_walked():
    async def test():
        need_capture()
        witness = PacketWitness.open(RunClock())
        try:
            ends = "127.0.0.1:40000", "127.0.0.1:443"
            walk = FlowWalk(witness, RunClock(), *ends, Binding())
            assert (walk.reach, walk.has_failed) == (0, False)
            assert not walk.begin(None, [1], 0)
            assert walk.has_failed  # no answer to what was not sent is no silence
            assert await walk.walk(None, [1], 0, 30) == {}
        finally:
            witness.close()

    run(test)
