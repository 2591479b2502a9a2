"""Rows of who is named where ClientHellos that die at routers were sent, and of where no one is."""

from stresser.model.ending import Grade, Initiator, Phase
from stresser.model.hops import HopReading, StoppedBy
from tests.classify.cases import case, walk

BOX, COMPARED = Initiator.MIDDLEBOX, Grade.COMPARISON
HELLOS = [
    *[
        (case(kind, phase=Phase.TLS, hops=walk(hello=how)), BOX, "hello-stops-at-a-hop", COMPARED)
        for kind, how in (
            ("tcp_reset", StoppedBy.RESET),
            ("tcp_fin", StoppedBy.FIN),
            ("timeout", StoppedBy.SILENCE),
        )
    ],
]
INNOCENT_HELLOS = [
    *[
        case("tcp_reset", phase=Phase.TLS, hops=walk(hello=StoppedBy.RESET, **changes))
        for changes in ({"last": None}, {"reading": HopReading.UNDECIDED}, {"many_paths": True})
    ],
    case("tcp_reset", hops=walk()),
]
