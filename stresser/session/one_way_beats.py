"""Beats in the place of pings: one way, or of another size. See `Heartbeats`.

An unsolicited WebSocket pong is never answered (RFC 6455 section 5.5.3): what a box between sees
of an unanswered ping, and of data in one direction alone. A message is for a reflector, which
sends it back; for `tls` it is that many bytes.
"""

from stresser.session.held import HeldSession, HeldState
from stresser.session.route import Beat


class OneWayBeats:
    """Beats for one session."""

    __slots__ = ("_data", "_is_message", "_session")

    def __init__(self, session: HeldSession, beat: Beat) -> None:
        self._session, self._data, self._is_message = session, bytes(beat.size), beat.is_message

    def beat(self, now_ns: int) -> int | None:
        """Send what is due; when the next one is."""
        session = self._session
        if session.state >= HeldState.CLOSING:
            return None
        if not session.stream.backlog:  # who does not read gets no more
            self._send(session)
        return now_ns + session.every_ns

    def _send(self, session: HeldSession) -> None:
        if session.websocket is None:
            session.stream.send_nowait(self._data)
        elif self._is_message:
            session.websocket.message_nowait(self._data)
        else:
            session.websocket.pong_nowait(self._data)

    def break_off(self, exc: Exception) -> None:
        """End the session with what `beat` raised."""
        self._session.break_off(exc)
