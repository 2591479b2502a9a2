"""Rows of who is named where TCP ends before the first router, and the endpoint is behind one."""

from typing import Any

from stresser.model.ending import Grade, Initiator, Phase
from tests.classify.cases import (
    FIN,
    OTHER_WAY,
    case,
    flow,
    look,
    origin,
    packet,
)  # fmt: skip

BOX, UNKNOWN, PACKET = Initiator.MIDDLEBOX, Initiator.UNKNOWN, Grade.PACKET
CONTROL = {"control_lives": True, "looks": (OTHER_WAY,)}
NEAR_OTHER = look("answered", egress="direct", ttl=64, hello_ttl=64, usual_ttl=64)
NEAR_RESET, NEAR_FIN = packet("RA", ttl=64), packet("FA", ttl=64, seq=FIN.seq)
INNOCENT_NEARBY: list[dict[str, Any]] = [
    CONTROL | {"behind_gateway": False},
    CONTROL | {"looks": (NEAR_OTHER,)},
    {"control_lives": True},
    {"looks": (OTHER_WAY,)},
    {},
]


def nearby(kind, end, **witnesses):
    """The peer's packets have passed no router, though its address is behind one."""
    packets = flow(end, hello_ttl=64, syn_ttl=64)
    return case(kind, provenance=origin(packets), **({"behind_gateway": True} | witnesses))


NEARBY = [
    *[
        (
            nearby(kind, end, **CONTROL),
            BOX,
            "nearby-box-cut-flow",
            PACKET,
        )
        for kind, end in [("tcp_reset", NEAR_RESET), ("tcp_fin", NEAR_FIN)]
    ],
    (
        # An attempt has no older sessions beside it.
        nearby("tcp_reset", NEAR_RESET, phase=Phase.TLS, looks=(OTHER_WAY,)),
        BOX,
        "nearby-box-cut-flow",
        PACKET,
    ),
    *[
        # On our own link everybody is near, and the gateway may hold the endpoint's address; a box
        # that ends TCP passes on what is behind it; and the endpoint may have lost all sessions.
        (nearby(kind, end, **seen), UNKNOWN, "own-peer-or-perfect-forgery", PACKET)
        for kind, end in [("tcp_reset", NEAR_RESET), ("tcp_fin", NEAR_FIN)]
        for seen in INNOCENT_NEARBY
    ],
]
