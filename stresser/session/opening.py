"""The first messages of a session: what is said after the upgrade, and what must come back."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from stresser.model.faults import Fault, MessageRefused, PeerClosed, PeerCloseNotify, PeerFin
from stresser.model.units import Duration
from stresser.net.inbox import Inbox
from stresser.net.websocket import WebSocket
from stresser.scenario.wording import Wording
from stresser.session.wanted import Wanted


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

    @property
    def is_refused(self) -> bool:
        """Something came since the last message of ours, and it was not what is awaited."""
        return self._websocket.messages > self._heard

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
        self._heard = websocket.messages
        try:
            await websocket.hear(Inbox(self._meets(one.wanted)).take)
        except (PeerClosed, PeerCloseNotify, PeerFin) as exc:
            if not self.is_refused:
                raise
            raise _refusal(exc) from exc

    def _meets(self, wanted: Wanted) -> Callable[[str | bytes], bool]:
        return lambda message: wanted.is_met(message, self._taken)


def _refusal(exc: Fault) -> MessageRefused:
    return MessageRefused(exc.code, exc.reason) if isinstance(exc, PeerClosed) else MessageRefused()
