"""One held session: it drains what comes, pings when asked to, and ends with one fault."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from typing import ClassVar, NamedTuple, NoReturn

import trio

from stresser.model.cohort import Cohort
from stresser.model.events import Observer
from stresser.model.faults import Fault, NoPong, PeerClosed
from stresser.model.hops import Hop
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS
from stresser.net.fair_share import FairShare, Turns
from stresser.net.plain_stream import SessionStream
from stresser.net.resolve import Address
from stresser.net.tap import Tap
from stresser.net.websocket import WebSocket, pong_of
from stresser.session.attempt import Attempt
from stresser.session.fresh_connections import FreshConnections
from stresser.session.fresh_handshake import destination_of
from stresser.session.internal_errors import without_frames
from stresser.session.quiet_sessions import QuietSessions
from stresser.session.sibling_sessions import SiblingSessions
from stresser.witness.tcp_info import raw_tcp_info

_LAST_LOOK_NS = 50 * NS_PER_MS
"""After a pong's deadline: if we were late ourselves, the pong may wait in the socket."""
_PAYLOAD_BYTES = 4
_LATE_SHARE = 3
"""A pong is late after a third of its timeout. TCP retransmits at intervals that double: from
then to the end of the timeout at least one retransmission shows whether the flow still passes."""


class HeldState(IntEnum):
    """Where a held session is. A pong leads back to `QUIET` from the three that follow it."""

    QUIET = 1
    """Nothing is asked; a ping may be due later."""
    AWAITING_PONG = 2
    PONG_LATE = 3
    """Doubted: others were asked whether they get through."""
    PONG_OVERDUE = 4
    """Given up; the loop looks at its socket once more."""
    CLOSING = 5
    """The plan ends it: a close frame is out."""
    ENDED = 6


class Echo(NamedTuple):
    """A ping and its answer, in nanoseconds of the run's clock."""

    number: int
    """As the ping's payload has it."""
    sent_ns: int
    back_ns: int
    """When the answer was read."""


# What each ping and pong needs: an enum's members are looked up by a call (Python 3.11).
_QUIET, _AWAITING_PONG, _CLOSING = HeldState.QUIET, HeldState.AWAITING_PONG, HeldState.CLOSING
_RTT, _SEND_LAG = Quantity.RTT, Quantity.SEND_LAG


class HeldSession:
    """From the opening to the end. Thousands live at once: it keeps only what it needs."""

    is_pinging: ClassVar = True
    """Pings are all that it sends."""

    __slots__ = (
        "_looks",
        "_observer",
        "_ping_due_ns",
        "_ping_sent_ns",
        "_pong_due",
        "_quiet",
        "_quiet_ns",
        "_timeout_ns",
        "_verdict",
        "answered_ns",
        "attempt",
        "chain",
        "close_timeout_s",
        "cohort",
        "connected_ns",
        "destination",
        "endpoint_proved",
        "every_ns",
        "info_at_ping",
        "intercepted",
        "local",
        "next_due_ns",
        "number",
        "on_answer",
        "opened_ns",
        "path",
        "ping_end",
        "pings",
        "pongs",
        "proxy",
        "quiet_survived_ns",
        "reads",
        "share",
        "siblings",
        "state",
        "stream",
        "websocket",
    )

    def __init__(
        self,
        number: int,
        attempt: Attempt,
        observer: Observer,
        looks: FreshConnections | None = None,
        siblings: SiblingSessions | None = None,
        turns: Turns | None = None,
    ) -> None:
        destination = destination_of(attempt)
        if attempt.stream is None or attempt.local is None or destination is None:
            raise ValueError("the attempt has not been established")
        route = attempt.route
        self.number, self.attempt = number, attempt.number
        self.cohort: Cohort = route.cohort
        self.local = attempt.local
        self.destination = destination
        self.proxy = attempt.proxy
        self.chain = None if attempt.tls is None else attempt.tls.chain
        self.endpoint_proved, self.intercepted = attempt.endpoint_proved, attempt.intercepted
        self.close_timeout_s = route.timeouts.close.seconds
        self.stream: SessionStream = attempt.stream
        self.websocket: WebSocket | None = attempt.websocket
        self.opened_ns = attempt.clock.now_ns()
        shaking = sum(attempt.phases_ns.get(phase, 0) for phase in ("tls", "upgrade", "open"))
        self.connected_ns = self.opened_ns - shaking
        """When TCP was connected: since then boxes in between know of it."""
        self.pings = self.pongs = self.reads = 0
        self.every_ns: int = route.activity.every if route.heartbeat else 0
        """0: no pings."""
        self.next_due_ns = self.opened_ns + self.every_ns
        self.answered_ns = self.opened_ns - attempt.last_phase_ns
        """When we sent what the other side last answered: both directions were alive then."""
        self.info_at_ping: bytes = b""
        """TCP_INFO as the kernel gave it when the last ping was sent, or was late: at the end
        some of it is gone."""
        self.ping_end: int | None = None
        """How many bytes had been sent with the last ping; None: not all were taken at once."""
        self.share = FairShare(Turns() if turns is None else turns, attempt.clock)
        self._looks, self._observer = looks, observer
        self.siblings = None
        if siblings is not None:
            remote, peer = destination.remote, destination.address.host
            self.siblings = siblings.of(self.cohort, remote, peer)
        self.on_answer: Callable[[], object] | None = None
        """Called in the moment in which a pong has come."""
        self.path: Sequence[Hop] = ()
        """The hops that its segments were seen to pass while it was healthy."""
        self._timeout_ns: int = route.activity.timeout
        self._ping_due_ns = self._ping_sent_ns = self._quiet_ns = 0
        self.quiet_survived_ns = 0
        """The longest silence, as measured, whose ping was answered."""
        self._pong_due = b""
        """The frame that answers the last ping."""
        self._quiet: QuietSessions | None = None
        self._verdict: Exception | None = None
        """The scheduler's: a pong is overdue, or `beat` has failed."""
        self.state = HeldState.QUIET

    def __repr__(self) -> str:
        return (
            f"<HeldSession {self.number} {'/'.join(self.cohort)} {self.state.name},"
            f" {self.pongs} of {self.pings} pings answered>"
        )

    @property
    def tap(self) -> Tap:
        """The transport with its memory of the first fault."""
        return self.stream.tap

    @property
    def dialled(self) -> Address:
        """Where the TCP connection goes: the endpoint's address, or the proxy's."""
        return self.destination.address

    @property
    def remote(self) -> str:
        """The endpoint's `address:port`; its name's where only a proxy knows the address."""
        return self.destination.remote

    async def hold(self, quiet: QuietSessions | None = None) -> Exception:
        """Drain until the end. Returns what ended it, as seen first.

        Where nothing but its pongs comes, it waits among `quiet`. What it raises instead is a bug
        of ours.
        """
        try:
            if self.websocket is None:
                await self._read()
            elif quiet is None or not self.is_pinging or not self.stream.is_direct:
                await self.websocket.drain(self._on_pong, self.share)
            else:
                self._quiet = quiet
                park = partial(quiet.wait, self)
                await self.websocket.drain(self._on_pong, self.share, park)
        except (Fault, trio.BrokenResourceError) as exc:
            return without_frames(exc)
        except trio.ClosedResourceError:
            if self._verdict is None:  # nobody else interrupts the transport
                raise
        finally:
            self.state = HeldState.ENDED
        if isinstance(self._verdict, Fault):
            return self._verdict
        raise self._verdict

    async def _read(self) -> NoReturn:
        while True:
            data = await self.stream.receive_any()
            self.reads += bool(data)
            if not (self.share.take(0) if data else self.share.take_barren(self.stream.junk)):
                await self.share.turn()
            elif self.stream.has_more:
                await trio.lowlevel.checkpoint()

    def beat(self, now_ns: int) -> int | None:
        """Send the ping that is due, or notice that a pong is overdue. See `Heartbeats`."""
        if self.state >= _CLOSING:
            return None
        if not self._ping_sent_ns:
            again = self.next_due_ns
            if now_ns >= again:
                self._ping(now_ns)
                again = min(now_ns + self._timeout_ns // _LATE_SHARE, self.next_due_ns)
            return again
        late = self._read_since_ns + self._timeout_ns // _LATE_SHARE
        if now_ns < late:
            return min(late, self._skip_to(now_ns))
        deadline = self._read_since_ns + self._timeout_ns
        if now_ns < deadline:
            self._doubt()
            return min(deadline, self._skip_to(now_ns))
        if self._verdict is None:
            # However late we are ourselves, the loop looks at its sockets once more.
            self._verdict = self._overdue(deadline)
            self.state = HeldState.PONG_OVERDUE
            return now_ns + _LAST_LOOK_NS
        self._interrupt()
        return None

    def _overdue(self, deadline_ns: int) -> Fault:
        return NoPong(self._ping_sent_ns, deadline_ns)

    def break_off(self, exc: Exception) -> None:
        """End with what `beat` raised."""
        self._verdict = exc
        self._interrupt()

    def _interrupt(self) -> None:
        self.tap.interrupt()
        if self._quiet is not None:
            self._quiet.interrupt(self)

    def _ping(self, now_ns: int) -> None:
        due_ns = self.next_due_ns
        self._ping_due_ns, self._ping_sent_ns = due_ns, now_ns
        tap = self.stream.tap
        quiet_ns = now_ns - tap.last_passed_ns
        self._quiet_ns = quiet_ns = max(0, quiet_ns)
        self.pings += 1
        self.state = _AWAITING_PONG
        if self.websocket is not None:
            self._ask(self.websocket)
            # A message and the ping behind it are one beat: both broke the same silence.
            tap.idle_before_send_ns = quiet_ns
        self.ping_end = None if self.stream.backlog else tap.bytes_sent
        self.info_at_ping = raw_tcp_info(tap.sock)
        self._observer.sample(_SEND_LAG, self.cohort, now_ns - due_ns)
        self._skip_to(now_ns)

    def _ask(self, websocket: WebSocket) -> None:
        payload = self.pings.to_bytes(_PAYLOAD_BYTES, "big")
        self._pong_due = pong_of(payload)
        websocket.ping_nowait(payload)

    @property
    def _read_since_ns(self) -> int:
        """When the ping went out, or later: while a flood was not read, its pong was not either."""
        return max(self._ping_sent_ns, self.share.read_on_ns)

    def last_echo(self) -> Echo | None:
        """The latest ping that was answered, and nothing has come since; None: there is none."""
        if not self.pongs or not self.is_pinging:
            return None
        number = self.pings - bool(self._ping_sent_ns)
        return Echo(number, self.answered_ns, self.tap.last_received_ns)

    def silence_at(self, at_ns: int, heard_ns: int | None) -> int:
        """How long nothing is known to have passed; of a ping on its way, what it was sent into.

        `heard_ns`: the kernel had all data by then.
        """
        passed_ns = self.tap.passed_by(heard_ns)
        return self._quiet_ns if self._ping_sent_ns else max(at_ns - passed_ns, 0)

    def _doubt(self) -> None:
        """A pong is late: keep the kernel's figures, and see once whether others get through."""
        self.info_at_ping = raw_tcp_info(self.tap.sock)
        is_first, self.state = self.state is HeldState.AWAITING_PONG, HeldState.PONG_LATE
        if self._looks is not None and is_first:
            self._looks.ask(self.destination)

    def _skip_to(self, now_ns: int) -> int:
        """One ping in flight: due times that pass meanwhile are accounted for by the pong."""
        if self.next_due_ns <= now_ns:
            missed = (now_ns - self.next_due_ns) // self.every_ns + 1
            self.next_due_ns += missed * self.every_ns
        return self.next_due_ns

    def receive_quietly(self) -> bytes | None:
        """Read a readable socket. None: the pong that is awaited came, and nothing else.

        Otherwise what came, for the session's own task.
        """
        stream = self.stream
        data = stream.receive_nowait()
        if data == self._pong_due and self._ping_sent_ns and not stream.has_records:
            self._answered()
            return b"" if stream.backlog else None
        return data

    def _on_pong(self, payload: bytes) -> None:
        if self._ping_sent_ns and pong_of(payload) == self._pong_due:
            self._answered()

    def _answered(self) -> None:
        self.pongs += 1
        self.answered_ns, self._ping_sent_ns = self._ping_sent_ns, 0
        if self.state < _CLOSING:
            self.state = _QUIET
        self.quiet_survived_ns = max(self.quiet_survived_ns, self._quiet_ns)
        tap = self.stream.tap
        now = tap.last_received_ns
        if self.siblings is not None:
            self.siblings.answered(self.number, self.connected_ns, self.answered_ns, now)
        if self.on_answer is not None:
            self.on_answer()
        if not tap.interrupted:
            self._verdict = None
        if self.share.read_on_ns > self.answered_ns:
            return  # it waited for us
        # A ping that was due while this one was out would have waited just as long: leaving
        # it out would omit samples exactly when the path stalls (coordinated omission).
        due = self._ping_due_ns
        while due <= now and due < self.next_due_ns:
            self._observer.sample(_RTT, self.cohort, now - due)
            due += self.every_ns

    def begin_close(self) -> None:
        """Start an orderly end: no more pings, a close frame (RFC 6455 section 7.1.2)."""
        self.state = HeldState.CLOSING
        if self.websocket is not None:
            self.websocket.close_nowait()

    def end_tls(self) -> None:
        """Say close_notify and FIN; what the other end says to that can still be read."""
        self.stream.close_notify_nowait()
        self.tap.end_sending()

    async def answer_to_close(self, websocket: WebSocket) -> str:
        """Wait for the peer's close frame: `answered`, or what it did instead."""
        try:
            await self.stream.flush()
            await websocket.drain(self._on_pong, self.share)
        except PeerClosed:
            return "answered"
        except Fault as exc:
            return str(exc) or type(exc).__name__
        except trio.BrokenResourceError as exc:
            return str(exc)
        except trio.ClosedResourceError:  # a pong was overdue in the very pass of the stop
            return "unanswered"
