"""Beats that are never answered: unsolicited WebSocket pongs (RFC 6455 section 5.5.3).

What a box between sees of an unanswered ping, and of data in one direction alone.
"""

from stresser.session.held import HeldSession, HeldState


class OneWayBeats:
    """Beats for one session, in the place of its own pings. See `Heartbeats`."""

    __slots__ = ("_session",)

    def __init__(self, session: HeldSession) -> None:
        self._session = session

    def beat(self, now_ns: int) -> int | None:
        """Send the pong that is due; when the next one is."""
        session = self._session
        if session.state >= HeldState.CLOSING or session.websocket is None:
            return None
        session.websocket.pong_nowait(b"")
        return now_ns + session.every_ns

    def break_off(self, exc: Exception) -> None:
        """End the session with what `beat` raised."""
        self._session.break_off(exc)
