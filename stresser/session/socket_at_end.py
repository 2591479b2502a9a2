"""The last look at a connection: what must be read before anything happens to its socket."""

import trio

from stresser.model.evidence import SiblingAlive
from stresser.model.faults import FoundDead, NoPong, Planned
from stresser.model.hops import HopWalk
from stresser.net.tap import Tap
from stresser.session.internal_errors import InternalError
from stresser.witness.tcp_info import sample_tcp_info


class SocketAtEnd:
    """What must be read at once, before anything else happens to the socket."""

    __slots__ = ("as_old_is_open", "at_ns", "control", "fault", "hops", "info", "sibling", "tap")

    def __init__(self, fault: Exception, tap: Tap | None, now_ns: int) -> None:
        self.tap = tap
        self.sibling: SiblingAlive | None = None
        """A session to the same server that lived on, where that was asked."""
        self.control: SiblingAlive | None = None
        """Such a session through another egress."""
        self.hops: HopWalk | None = None
        """Where it stops, where it was walked."""
        self.as_old_is_open = False
        """A session like it, no younger, stayed open through another egress."""
        self.info = None if tap is None else sample_tcp_info(tap.sock)
        self.at_ns = now_ns
        self.fault: Exception = fault
        if tap is None or isinstance(fault, (FoundDead, NoPong, Planned, InternalError)):
            return
        if isinstance(fault, trio.BrokenResourceError) and tap.fault is not None:
            self.at_ns = tap.fault.at_ns
            self.fault = tap.fault.error or fault
        else:
            # What TLS and WebSocket said was in the socket when the loop woke.
            self.at_ns = max(tap.clock.woke_ns, tap.last_received_ns)
            if tap.fault is not None and tap.fault.error is None:
                self.at_ns = tap.fault.at_ns
