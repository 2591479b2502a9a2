"""A WebSocket client over a session's stream, TLS or not; sole owner of wsproto (RFC 6455).

Only what a held session needs: the upgrade, pings, draining, the close. What the peer sends
is counted and thrown away, unless somebody asks for it; nothing of it is kept, however large it
claims to be.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, NoReturn, TypeAlias

import trio
import wsproto.frame_protocol as frames
from msgspec import Struct
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, Request
from wsproto.handshake import H11Handshake
from wsproto.utilities import ProtocolError, generate_nonce

from stresser.model.checkup_facts import HttpAnswer
from stresser.model.faults import HttpRefused, PeerClosed, ProtocolViolation
from stresser.net.acceptance import plainly_accepts
from stresser.net.fair_share import FRAMES_A_PASS, FairShare
from stresser.net.http_head import (
    TELLING,
    header_fields,
    read_head,
    reason_phrase,
    status_line,
    telling_headers,
)
from stresser.net.plain_stream import SessionStream
from stresser.scenario.secrets import Secret

_KEY_NAME, _KEY_BYTES = b"\r\nSec-WebSocket-Key: ", 24  # 16 bytes in base64
_BAD_GATEWAY = 1014
TEXT_KEPT = 256
"""Characters that are kept of the last text message."""

OnData: TypeAlias = Callable[[Any, bool], object]
"""Takes a piece of a data message, `str` or `bytes`, and whether it is its last one."""


class _Frames(frames.FrameProtocol):
    """Takes close code 1014 (bad gateway) for what it is.

    It is in IANA's registry of close codes and comes from gateways, which are what we look
    for; wsproto refuses it as reserved.
    """

    def _process_close(self, frame: frames.Frame) -> frames.Frame:
        payload = _as_bytes(frame.payload)
        if int.from_bytes(payload[:2], "big") != _BAD_GATEWAY:
            return super()._process_close(frame)
        reason = payload[2:].decode("utf-8", "backslashreplace")
        return frame._replace(payload=(_BAD_GATEWAY, reason))

    @property
    def is_idle(self) -> bool:
        """Nothing is half read, neither a frame nor a message: a new one would know as much."""
        decoder = self._frame_decoder
        half_read = decoder.header is not None or len(decoder.buffer)
        return not half_read and self._message_decoder.opcode is None

    @property
    def unread(self) -> bytes:
        """What is not taken as frames: it begins with the header that could not be read."""
        return bytes(self._frame_decoder.buffer.buffer)


# Building a frame needs no state of the connection: one for all sessions.
_BUILD = frames.FrameProtocol(client=True, extensions=[])


_PING, _PONG, _MASKED, _LONGEST_CONTROL = 0x89, 0x8A, 0x80, 125
"""First bytes of whole control frames, the mask bit, their largest payload (RFC 6455 section 5)."""


_PING_HEADS = [bytes((_PING, _MASKED | size)) for size in range(_LONGEST_CONTROL + 1)]
_PONG_HEADS = [bytes((_PONG, size)) for size in range(_LONGEST_CONTROL + 1)]
_MASK_BYTES = 4
_masks: list[bytes] = []
"""Those that are left of the kernel's randomness: it is asked for 512 at once."""


def _draw_masks() -> None:
    many = os.urandom(512 * _MASK_BYTES)
    _masks.extend(many[at : at + _MASK_BYTES] for at in range(0, len(many), _MASK_BYTES))


def _ping(payload: bytes) -> bytes:
    """A masked ping (RFC 6455 section 5.3), in a tenth of the time that wsproto takes."""
    if not _masks:
        _draw_masks()
    size, mask = len(payload), _masks.pop()
    pad = mask if size == _MASK_BYTES else (mask * (size // _MASK_BYTES + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return _PING_HEADS[size] + mask + masked.to_bytes(size, "big")


def pong_of(payload: bytes) -> bytes:
    """The frame in which a server answers a ping with this payload, of at most 125 bytes."""
    return _PONG_HEADS[len(payload)] + payload


def _is_one_pong(data: bytes) -> bool:
    """Whether this is one whole pong frame and nothing more."""
    return (
        len(data) > 1
        and data[0] == _PONG
        and data[1] == len(data) - 2
        and data[1] <= _LONGEST_CONTROL
    )


class UpgradeRequest(Struct, frozen=True, kw_only=True, dict=True):
    """What the opening handshake asks for (RFC 6455 section 4.1)."""

    host: str
    """The Host header: name, and port unless it is 443."""
    target: str
    headers: Mapping[str, str | Secret] = {}
    subprotocols: Sequence[str] = ()

    def written_with(self, key: bytes, field: bytes = b"") -> bytes:
        """The request's bytes, with a Sec-WebSocket-Key of 24 characters.

        `field`: one more header field, `Name: value`.
        """
        before, after = self._around_key
        return before + key + (b"\r\n" + field if field else b"") + after

    @cached_property
    def _around_key(self) -> tuple[bytes, bytes]:
        """What wsproto writes: it differs between sessions by the key alone."""
        written = H11Handshake(ConnectionType.CLIENT).send(self.as_event())
        before, name, rest = written.partition(_KEY_NAME)
        return before + name, rest[_KEY_BYTES:]

    def as_event(self) -> Request:
        """The same in wsproto's words."""
        extra = [(name.encode(), _header(value)) for name, value in self.headers.items()]
        return Request(
            host=self.host,
            target=self.target,
            subprotocols=list(self.subprotocols),
            extra_headers=extra,
        )


class WebSocket:
    """An open WebSocket whose incoming messages are drained."""

    __slots__ = (
        "_closed",
        "_frames",
        "_has_heard",
        "_has_unread",
        "_pong_due",
        "_text_goes_on",
        "_trailing",
        "last_text",
        "messages",
        "on_data",
        "stream",
    )

    def __init__(self, stream: SessionStream, trailing: bytes = b"") -> None:
        self.stream = stream
        self.messages = 0
        """Data messages that were received to their end."""
        self.on_data: OnData | None = None
        """Takes what data messages hold, as it comes; None: nobody does."""
        self.last_text: str | None = None
        """The beginning of the last text message; None: none has come."""
        self._text_goes_on = False
        self._closed = False
        self._frames: _Frames | None = None
        """Only while something is half read: a quiet session needs no parser (2 KiB)."""
        self._has_heard = False
        """`hear` was content: it takes no frame more."""
        self._has_unread = False
        """Frames may be left in the parser: they come before what is in the stream."""
        self._pong_due: bytes | None = None
        self._trailing = trailing

    def ping_nowait(self, payload: bytes) -> None:
        """Send a ping; its payload, at most 125 bytes, comes back in the pong."""
        self.stream.send_nowait(_ping(payload))

    def pong_nowait(self, payload: bytes) -> None:
        """Send a pong that answers nothing, as `TlsStream.send_nowait` does."""
        self.stream.send_nowait(_BUILD.pong(payload))

    def message_nowait(self, data: str | bytes) -> None:
        """Send a message, text or binary, in one frame."""
        self.stream.send_nowait(_BUILD.send_data(data))

    async def hear(self, is_enough: OnData, on_pong: Callable[[bytes], None] | None = None) -> None:
        """Read until what came is enough; what is behind it is left for `drain`. May be cancelled.

        Raises:
            what `drain` does.
        """
        self.on_data = is_enough
        try:
            while True:
                data, self._trailing = self._trailing, b""
                if not (data or self._has_unread):
                    data = await self.stream.receive_any()
                if data or self._has_unread:
                    self._take(data, on_pong or _ignore)
                    if self._has_heard:  # before anything that may be cancelled
                        return
                    await trio.lowlevel.checkpoint()  # who floods us is under a deadline, too
                if self.stream.backlog:
                    await self.stream.flush()
        finally:
            self.on_data, self._has_heard = None, False

    async def drain(
        self,
        on_pong: Callable[[bytes], None],
        share: FairShare,
        park: Callable[[], Awaitable[bytes]] | None = None,
    ) -> NoReturn:
        """Read until the end, answer pings, count messages. Beyond its share it waits its turn.

        `park` waits where nothing but a pong is expected, until something else comes: `b""`, or
        what was read of it.

        Raises:
            PeerClosed: a close frame came; it has been answered (RFC 6455 section 5.5.1).
            ProtocolViolation: bytes that are no WebSocket frames.
            PeerCloseNotify, PeerFin, PeerAlert, trio.BrokenResourceError: as `TlsStream`.
        """
        data, self._trailing = self._trailing, b""
        is_quiet = not data
        while True:
            if data or self._has_unread:
                is_quiet = self._frames is None and _is_one_pong(data)
                may_read_on = share.take(self._take(data, on_pong))
            else:
                may_read_on = share.take_barren(self.stream.junk)
            if self.stream.backlog:
                # The peer does not read our pongs: do not read on either.
                await self.stream.flush()
            if not may_read_on:
                await share.turn()
            elif self._has_unread or self.stream.has_more:
                await trio.lowlevel.checkpoint()
            if self._has_unread:
                data = b""
            elif park is None or not is_quiet or self.stream.has_more:
                data = await self.stream.receive_any()
            else:
                is_quiet = False
                data = await park()

    def _take(self, data: bytes, on_pong: Callable[[bytes], None]) -> int:
        """Take what came, as far as one pass goes. Returns the number of frames."""
        parser = self._frames
        if parser is None:
            if _is_one_pong(data):  # what a quiet session receives, and nothing else
                on_pong(data[2:])
                return 1
            parser = self._frames = _Frames(client=True, extensions=[])
        parser.receive_bytes(data)
        taken = self._take_frames(parser, data, on_pong)
        self._has_unread = taken == FRAMES_A_PASS or self._has_heard
        if not self._has_unread:
            if self._pong_due is not None:
                # Of several pings the last one may be answered alone (RFC 6455 section 5.5.3).
                self.stream.send_nowait(_BUILD.pong(self._pong_due))
                self._pong_due = None
            if parser.is_idle:
                self._frames = None
        return taken

    def _take_frames(self, parser: _Frames, data: bytes, on_pong: Callable[[bytes], None]) -> int:
        taken = 0
        try:
            for frame in islice(parser.received_frames(), FRAMES_A_PASS):
                taken += 1
                if frame.opcode is frames.Opcode.PONG:
                    on_pong(_as_bytes(frame.payload))
                elif frame.opcode is frames.Opcode.PING:
                    self._pong_due = _as_bytes(frame.payload)
                elif frame.opcode is frames.Opcode.CLOSE:
                    self._answer_close(frame.payload)
                else:
                    self.messages += frame.message_finished
                    if isinstance(frame.payload, str):
                        self._keep_text(frame.payload, is_last=frame.message_finished)
                    if self.on_data is not None and self.on_data(
                        frame.payload, frame.message_finished
                    ):
                        self._has_heard = True
                        break
        except frames.ParseFailed as exc:
            self.close_nowait(exc.code)
            # A page of a proxy amid the frames names itself; of a frame's payload nothing is left.
            raise ProtocolViolation("websocket", str(exc), parser.unread or data) from exc
        return taken

    def _keep_text(self, text: str, *, is_last: bool) -> None:
        if not self._text_goes_on:
            self.last_text = text[:TEXT_KEPT]
        elif self.last_text is not None and len(self.last_text) < TEXT_KEPT:
            self.last_text = (self.last_text + text)[:TEXT_KEPT]
        self._text_goes_on = not is_last

    def _answer_close(self, payload: object) -> NoReturn:
        code, reason = payload if isinstance(payload, tuple) else (1005, "")
        self.close_nowait(code)
        raise PeerClosed(int(code), str(reason)) from None

    def close_nowait(self, code: int = 1000) -> None:
        """Send a close frame; `drain` then ends with the peer's answer.

        Once: after it nothing more may be sent (RFC 6455 section 5.5.1).
        """
        if not self._closed:
            self._closed = True
            self.stream.tap.is_parting = True
            self.stream.send_nowait(_BUILD.close(code))


async def upgrade(
    stream: SessionStream,
    request: UpgradeRequest,
    on_answer: Callable[[HttpAnswer], None] | None = None,
    field: bytes = b"",
    make: Callable[[SessionStream, bytes], WebSocket] | None = None,
) -> tuple[WebSocket, str | None]:
    """Make a connection a WebSocket. Returns it with the subprotocol agreed on.

    `on_answer` gets what the acceptance says of who gave it; `field` is one more header field;
    `make` makes what it becomes, of the stream and what came behind the acceptance.

    Raises:
        HttpRefused: an answer other than 101.
        ProtocolViolation: an answer that is not HTTP, too long, or no valid acceptance.
        and what `TlsStream.receive_some` raises.
    """
    key = generate_nonce()
    await stream.send_all(request.written_with(key, field))
    head, rest = await read_head(stream.receive_some)
    stream.release_buffer()  # the answer may have come behind a session ticket
    subprotocol = None if plainly_accepts(head, key) else _judged(head, request, key)
    if on_answer is not None:
        telling = telling_headers(header_fields(head), TELLING)
        on_answer(HttpAnswer(status=101, reason=reason_phrase(head), headers=telling))
    return (WebSocket if make is None else make)(stream, rest), subprotocol


def _judged(head: bytes, request: UpgradeRequest, key: bytes) -> str | None:
    """What h11 and wsproto make of an answer: the subprotocol, where they accept it."""
    handshake = H11Handshake(ConnectionType.CLIENT)
    handshake.send(request.as_event())
    handshake._nonce = key  # noqa: SLF001 - it has no way to be given the key that was sent
    try:
        handshake.receive_data(head)
        answer = next(handshake.events(), None)
    except (ProtocolError, ValueError) as exc:
        raise _violation(head, exc) from exc
    if isinstance(answer, AcceptConnection):
        return answer.subprotocol
    if isinstance(answer, RejectConnection):
        telling = telling_headers(answer.headers, TELLING)
        raise HttpRefused(answer.status_code, reason_phrase(head), telling)
    raise ProtocolViolation("http", "no answer to the upgrade that HTTP allows", head)


def _header(value: str | Secret) -> bytes:
    return (value.reveal() if isinstance(value, Secret) else value).encode("latin-1")


def _violation(head: bytes, exc: Exception) -> ProtocolViolation:
    # A 101 that wsproto does not accept, or a head that h11 does not parse.
    return ProtocolViolation("http", f"{exc}; status line {status_line(head)[:80]!r}", head)


def _ignore(_pong: bytes) -> None:
    pass


def _as_bytes(payload: object) -> bytes:
    return bytes(payload) if isinstance(payload, (bytes, bytearray)) else b""
