"""The first messages of a session: what is said after the upgrade, and what must come back."""

from collections.abc import Callable, Mapping

import trio
from msgspec import Struct

from stresser.model.faults import Fault, MessageRefused, PeerClosed, PeerCloseNotify, PeerFin
from stresser.model.units import Duration
from stresser.net.inbox import Inbox
from stresser.net.websocket import OnData, WebSocket
from stresser.scenario.wording import Wording
from stresser.session.wanted import Wanted

_DOUBT = b"have you heard"
_LATE_SHARE = 3


class OpeningLine(Struct, frozen=True, kw_only=True):
    """One of them. Shared by all sessions of a cohort."""

    message: Wording | bytes | None
    """None: nothing is said, the other side begins."""
    in_json: bool = False
    wanted: Wanted | None
    """None: no answer is awaited."""
    within: Duration

    def said(self, taken: Mapping[str, str]) -> str | bytes | None:
        """The message with its gaps filled."""
        if isinstance(self.message, Wording):
            return self.message.said(taken, in_json=self.in_json)
        return self.message


class FirstWords:
    """How far one session's first messages have come."""

    def __init__(self, websocket: WebSocket, taken: Mapping[str, str]) -> None:
        self._websocket = websocket
        self._taken = taken
        self._heard = websocket.messages
        self._has_ponged = False

    @property
    def is_refused(self) -> bool:
        """Since the last message of ours something else came, or the pong of a ping behind it."""
        return self._has_ponged or self._websocket.messages > self._heard

    async def say(self, one: OpeningLine) -> None:
        """Say it, and wait for what it wants.

        Raises:
            MessageRefused: the other side answered something else, and then ended the session.
            what `WebSocket.hear` does.
        """
        websocket, message = self._websocket, one.said(self._taken)
        if message is not None:
            websocket.message_nowait(message)
            await websocket.stream.flush()
        if one.wanted is None:
            return
        self._heard, self._has_ponged = websocket.messages, False
        try:
            await self._hear(Inbox(self._meets(one.wanted)).take, one.within)
        except (PeerClosed, PeerCloseNotify, PeerFin) as exc:
            if not self.is_refused:
                raise
            raise _refusal(exc) from exc

    async def _hear(self, is_enough: OnData, within: Duration) -> None:
        with trio.move_on_after(within.seconds / _LATE_SHARE):
            await self._websocket.hear(is_enough)
            return
        # It is late: who answers this has had the message, for it came behind on one stream.
        self._websocket.ping_nowait(_DOUBT)
        await self._websocket.hear(is_enough, self._on_pong)

    def _on_pong(self, payload: bytes) -> None:
        self._has_ponged = self._has_ponged or payload == _DOUBT

    def _meets(self, wanted: Wanted) -> Callable[[str | bytes], bool]:
        return lambda message: wanted.is_met(message, self._taken)


def _refusal(exc: Fault) -> MessageRefused:
    return MessageRefused(exc.code, exc.reason) if isinstance(exc, PeerClosed) else MessageRefused()
