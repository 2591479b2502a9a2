"""The last look at a connection: what must be read before anything happens to its socket."""

import trio

from stresser.model.evidence import SiblingAlive, TcpInfo
from stresser.model.faults import FoundDead, NoPong, Planned, ProtocolViolation
from stresser.model.hops import HopWalk
from stresser.model.units import NS_PER_MS, escaped
from stresser.net.tap import Tap
from stresser.net.websocket import TEXT_KEPT, WebSocket
from stresser.session.internal_errors import InternalError
from stresser.witness.tcp_info import TICK_MS, sample_tcp_info

_LONGEST_SEEN = 256


class SocketAtEnd:
    """What must be read at once, before anything else happens to the socket."""

    __slots__ = (
        "as_old_is_open",
        "at_ns",
        "control",
        "fault",
        "heard_ns",
        "hops",
        "info",
        "sibling",
        "tap",
    )

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
        self.heard_ns = None if tap is None else _heard_ns(self.info, tap)
        """The kernel had all data by then, however late the loop read it; None: it does not say."""
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


def last_text_of(websocket: WebSocket | None) -> str | None:
    """The beginning of the last text message that came, escaped."""
    if websocket is None or websocket.last_text is None:
        return None
    return escaped(websocket.last_text, TEXT_KEPT)


def first_bytes_of(fault: BaseException) -> str | None:
    """Of what broke the protocol, escaped."""
    if not isinstance(fault, ProtocolViolation) or not fault.seen:
        return None
    return escaped(fault.seen.decode("latin-1"), _LONGEST_SEEN)


def _heard_ns(info: TcpInfo | None, tap: Tap) -> int | None:
    if info is None or info.last_data_recv_ms is None:
        return None
    # Who is kept from running between the two calls says too late a time, never too early a one.
    return tap.clock.now_ns() - (info.last_data_recv_ms - TICK_MS) * NS_PER_MS
