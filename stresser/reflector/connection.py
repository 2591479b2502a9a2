"""One connection of the reflector: TLS, then an echo, and for a guest the record of both ends.

After the TLS handshake the first bytes decide: `GET ` is an upgrade, the hello's prefix is a
tester's `tls` session, anything else is echoed.
"""

import logging
import math
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

import msgspec
import trio
from trio_websocket import (
    CloseReason,
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)

from stresser.model.ending import Kind
from stresser.model.events import ReflectionEnded, ReflectionHeld, ReflectionOpened
from stresser.model.far_account import CONTROL_ATTEMPT
from stresser.model.faults import Fault
from stresser.model.sized_messages import sized_answer
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.net.fair_share import FairShare
from stresser.net.reflector_hello import HEADER, LONGEST, PREFIX, Hello
from stresser.net.resolve import format_sockaddr
from stresser.reflector.admission import (
    HANDSHAKE_S,
    LONGEST_MESSAGE,
    STRANGER_SEND_S,
    STRANGER_SILENCE_S,
    network_of,
)
from stresser.reflector.control_session import ControlSession
from stresser.reflector.reception import Reception
from stresser.reflector.seen_stream import SeenEnd, SeenStream
from stresser.witness.tcp_info import sample_tcp_info

_GET: Final = b"GET "
_CHUNK: Final = 4096
_NO_CLOSE_FRAME: Final = 1006  # RFC 6455 section 7.1.5: what a side is told that saw none
_TOO_LONG: Final = (1009, f"Exceeded maximum message size: {LONGEST_MESSAGE} bytes")
"""How our own engine closes over such a message."""
_PARTING_S: Final = 2.0
_DOWN: Final = b"\0"
"""What a guest gets that asked to hear of us while it is silent."""
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)
_log = logging.getLogger(__name__)

# Its reader logs each peer that goes; here that is what is recorded.
logging.getLogger("trio-websocket").setLevel(logging.CRITICAL)


class _Handshake:
    """In the place of wsproto's own, once it is over: nothing comes of it any more."""

    @staticmethod
    def events() -> tuple[()]:
        """As wsproto's."""
        return ()


_OVER: Final[Any] = _Handshake()


class Connection:
    """From the accept to the end."""

    def __init__(
        self,
        reception: Reception,
        context: ssl.SSLContext,
        sock: trio.SocketStream,
        peer: tuple[str, int],
    ) -> None:
        """`peer`: its address and port."""
        self._reception = reception
        self._clock = reception.clock
        self._local = format_sockaddr(sock.socket.getsockname())
        self._peer, self.address = format_sockaddr(peer), network_of(peer[0])
        self._sock = sock
        self._accepted_ns = self._clock.now_ns()
        self._tls = trio.SSLStream(sock, context, server_side=True)
        kernel: Any = sock.socket  # trio's socket answers getsockopt as the standard one does
        self._stream = SeenStream(self._tls, self._clock, lambda: sample_tcp_info(kernel))
        self._stream.share = FairShare(reception.turns, self._clock)
        self._hello: Hello | None = None
        self._number = 0
        self._closed_here: str | None = None
        self._code: int | None = None

    @property
    def is_guest(self) -> bool:
        """The token proved its hello."""
        return self._hello is not None

    async def live(self) -> None:
        """To the end, whoever brings it about. Raises nothing but a cancel."""
        try:
            if await self._shake_hands():
                await self._converse()
        except* _GONE:
            pass
        except* (Fault, msgspec.MsgspecError):
            self._closed_here = "a control session spoke out of turn"
            self._reception.hellos_refused[self._closed_here] += 1
        except* Exception:  # noqa: BLE001 - one session's bug in a library must not end the others
            _log.warning("a reflected session ended by an error of its own", exc_info=True)
        finally:
            self._stream.look()
            if self._hello is not None:
                self._reception.accounts.ends(self._hello.run, self._hello.attempt)
            ended_ns = self._stream.ended_ns or self._clock.now_ns()
            if self._reception.stopping_ns is not None and self._stream.end is None:
                # Thousands are closed one after the other: it began to close them all then.
                self._closed_here, ended_ns = "the reflector stopped", self._reception.stopping_ns
            with trio.move_on_after(_PARTING_S, shield=True):
                await self._part()
            # A circle of trio's, and in it OpenSSL's 48 KiB, which the collector does not count.
            cast("Any", self._tls)._handshook = None  # noqa: SLF001 - no other way
            if self._hello is not None and not self._is_control:
                self._record_end(self._hello, ended_ns)

    async def _shake_hands(self) -> bool:
        with trio.move_on_after(HANDSHAKE_S):
            await self._reception.handshakes.mine()
            await self._tls.do_handshake()
            return True
        return False

    async def _part(self) -> None:
        """close_notify and FIN where we end it ourselves; else the socket alone."""
        stream = self._sock if self._closed_here is None else self._tls
        with suppress(*_GONE):
            await stream.aclose()

    async def _converse(self) -> None:
        first = await self._first_bytes()
        if first is None:
            return
        self._stream.unread(first)
        if first.startswith(_GET):
            await self._serve_websocket()
            return
        if first.startswith(PREFIX):
            await self._greet()
        if self._is_control:
            await self._tell(self._stream.receive_some, self._stream.send_all)
        else:
            await self._echo_bytes()

    async def _first_bytes(self) -> bytes | None:
        """Enough to tell what is spoken; None where nothing comes."""
        with trio.move_on_after(STRANGER_SILENCE_S):
            first = b""
            while len(first) < len(PREFIX) and (_GET.startswith(first) or PREFIX.startswith(first)):
                data = await self._stream.receive_some(_CHUNK)
                if not data:
                    return None
                first += data
            return first
        self._closed_here = "nothing was sent"
        return None

    async def _greet(self) -> None:
        """Read a `tls` session's first line; what follows it is echoed."""
        with trio.move_on_after(HANDSHAKE_S):
            line = b""
            while b"\n" not in line and len(line) < LONGEST:
                data = await self._stream.receive_some(LONGEST)
                if not data:
                    break
                line += data
            said, _, rest = line.partition(b"\n")
            self._stream.unread(rest)
            self._welcome(said.removeprefix(PREFIX), "tls")

    @property
    def _is_control(self) -> bool:
        return self._hello is not None and self._hello.attempt == CONTROL_ATTEMPT

    async def _tell(
        self,
        receive: Callable[[], Awaitable[bytes]],
        send: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Tell the tester what is seen of its other sessions."""
        reception, hello = self._reception, self._hello
        lines = None if hello is None else reception.lines_of(hello)
        if hello is not None and lines is not None:
            told = reception.accounts, hello.run, lines, self._clock
            await ControlSession(*told, receive, send).run()

    def _welcome(self, text: bytes, scheme: str) -> None:
        hello = self._reception.welcome(text.decode("latin-1"))
        if hello is None:
            return
        self._hello, self._number = hello, self._reception.guests
        self._reception.admission.prove(self.address)
        self._stream.share = None
        if self._is_control:
            return
        now = self._clock.now_ns()
        opened = ReflectionOpened(
            t_ns=now,
            utc=self._clock.utc(now),
            number=self._number,
            run=hello.run,
            attempt=hello.attempt,
            scheme=scheme,
            local=self._local,
            peer=self._peer,
            accepted_ns=self._accepted_ns,
        )
        self._reception.recorder.event(opened)
        self._reception.accounts.opened(opened, partial(self._as_it_is, hello))

    async def _echo_bytes(self) -> None:
        """Send back what comes, until the peer leaves or a stranger's time is up."""
        while True:
            with self._listening() as waiting:
                data = await self._stream.receive_some(_CHUNK)
            if waiting.cancelled_caught:
                data = self._unasked
            if not data:
                break
            with self._patience(STRANGER_SEND_S) as waiting:
                await self._stream.send_all(data)
            if waiting.cancelled_caught:
                break

    async def _serve_websocket(self) -> None:
        async with trio.open_nursery() as nursery:
            connection = None
            with trio.move_on_after(HANDSHAKE_S) as patience:
                # Where a request is rejected, or its peer leaves before it is whole, the engine
                # neither returns nor raises.
                self._stream.when_over = patience.cancel
                wrapped = wrap_server_stream(
                    nursery, self._stream, max_message_size=LONGEST_MESSAGE
                )
                connection = await self._accept(await wrapped)
            if connection is not None and self._is_control:
                await self._tell_by_messages(connection)
            elif connection is not None:
                await self._echo_messages(connection)
            nursery.cancel_scope.cancel()

    async def _tell_by_messages(self, connection: WebSocketConnection) -> None:
        async def receive() -> bytes:
            message = await connection.get_message()
            return message.encode() if isinstance(message, str) else bytes(message)

        try:
            await self._tell(receive, connection.send_message)
        except* ConnectionClosed:
            pass

    async def _accept(self, request: WebSocketRequest) -> WebSocketConnection:
        said = dict(request.headers).get(HEADER.lower().encode(), b"")
        if said:
            self._welcome(said, "wss")
        chosen = request.proposed_subprotocols[0] if request.proposed_subprotocols else None
        connection = await request.accept(subprotocol=chosen)
        # The engine would keep the request, its parser and its answer as long as the session lives.
        connection._wsproto.handshake = _OVER  # noqa: SLF001 - 3 KiB a session, and no other way
        return connection

    async def _echo_messages(self, connection: WebSocketConnection) -> None:
        try:
            while True:
                with self._listening() as waiting:
                    message = await connection.get_message()
                if waiting.cancelled_caught:
                    if not self._unasked:
                        break
                    message = self._unasked
                elif self._hello is not None:  # a stranger gets back what it sent, and no more
                    message = sized_answer(message)
                with self._patience(STRANGER_SEND_S) as waiting:
                    await connection.send_message(message)
                if waiting.cancelled_caught:
                    break
        except ConnectionClosed as closed:
            self._engine_said(closed.reason)

    def _engine_said(self, reason: CloseReason | None) -> None:
        """It says the same of its own closes as of the tester's."""
        if reason is None:
            return
        if (reason.code, reason.reason) == _TOO_LONG:
            self._closed_here = f"a message was longer than {LONGEST_MESSAGE} bytes"
        elif reason.code != _NO_CLOSE_FRAME:
            self._code = reason.code

    def _listening(self) -> trio.CancelScope:
        """How long the other side may be silent: then it is closed, or sent `_unasked`."""
        if self._hello is not None and self._hello.down_ms:
            return trio.move_on_after(self._hello.down_ms * NS_PER_MS / NS_PER_S)
        return self._patience(STRANGER_SILENCE_S)

    @property
    def _unasked(self) -> bytes:
        """What is sent to a silent guest that asked for it; empty: nothing, its time is up."""
        return _DOWN if self._hello is not None else b""

    def _patience(self, seconds: float) -> trio.CancelScope:
        """A guest may be silent, and its path slow, for as long as it likes."""
        return trio.move_on_after(math.inf if self.is_guest else seconds)

    def _record_end(self, hello: Hello, ended_ns: int) -> None:
        """It stands at the moment of the end: saying goodbye may take seconds."""
        end = self._end()
        ended = ReflectionEnded(
            **self._passed(hello, ended_ns),
            kind=end.kind,
            code=self._code,
            raw=end.raw,
            info=self._stream.info,
        )
        self._reception.recorder.event(ended)
        self._reception.accounts.ended(ended)

    def _as_it_is(self, hello: Hello) -> ReflectionHeld:
        now = self._clock.now_ns()
        passed, answered = self._passed(hello, now), self._stream.answered
        return ReflectionHeld(**passed, info=self._stream.ask_kernel(), ping=answered)

    def _passed(self, hello: Hello, t_ns: int) -> dict[str, Any]:
        stream = self._stream
        return {
            "t_ns": t_ns,
            "utc": self._clock.utc(t_ns),
            "number": self._number,
            "run": hello.run,
            "attempt": hello.attempt,
            "bytes_received": stream.bytes_received,
            "bytes_sent": stream.bytes_sent,
            "last_in_ns": stream.last_in_ns,
            "last_out_ns": stream.last_out_ns,
        }

    def _end(self) -> SeenEnd:
        if self._closed_here is not None:
            return SeenEnd(Kind.PLANNED, self._closed_here)
        if self._code is not None:
            return SeenEnd(Kind.WS_CLOSE)
        return self._stream.end or SeenEnd(Kind.PLANNED, "the reflector gave it up")
