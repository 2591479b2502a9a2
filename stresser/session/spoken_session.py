"""A held session that says messages of the application in its heartbeat, and hears their answers.

Where an answer is late, a ping follows: its pong came behind the message on one stream, so whoever
sends it has had the message. Then it is the application that does not answer, and not the path.
"""

from stresser.model.faults import Fault, MessageRefused
from stresser.net.inbox import Inbox
from stresser.net.mqtt import Mqtt
from stresser.net.websocket import WebSocket
from stresser.session.attempt import Attempt
from stresser.session.held import HeldSession, HeldState
from stresser.session.mqtt_session import MqttSession
from stresser.session.run_context import RunContext
from stresser.session.spoken_beat import SpokenBeat

_DOUBT = b"are you there"


class SpokenSession(HeldSession):
    """As any other, but for what it sends and takes for an answer. It waits in its own task."""

    __slots__ = ("_has_ponged", "_spoken")
    is_pinging = False

    def speak(self, spoken: SpokenBeat) -> None:
        """Say this from now on: to be called before it is held."""
        self._spoken = spoken
        self._has_ponged = False
        if self.websocket is not None and spoken.is_answer is not None:
            self.websocket.on_data = Inbox(self._on_message).take

    def _ask(self, websocket: WebSocket) -> None:
        websocket.message_nowait(self._spoken.said(self.pings))
        self._has_ponged = False
        if self._spoken.is_answer is None:
            super()._ask(websocket)

    def _doubt(self) -> None:
        is_first = self.state is HeldState.AWAITING_PONG
        super()._doubt()
        if is_first and self.websocket is not None and self._spoken.is_answer is not None:
            self.websocket.ping_nowait(_DOUBT)
            self.tap.idle_before_send_ns = self._quiet_ns  # it asks once more into that silence

    def _on_pong(self, payload: bytes) -> None:
        self._has_ponged = self._has_ponged or payload == _DOUBT
        super()._on_pong(payload)

    def _on_message(self, message: str | bytes) -> bool:
        is_answer = self._spoken.is_answer
        if self._ping_sent_ns and is_answer is not None and is_answer(message, self.pings):
            self._answered()
        return False

    def _overdue(self, deadline_ns: int) -> Fault:
        return MessageRefused() if self._has_ponged else super()._overdue(deadline_ns)


def held_session(number: int, attempt: Attempt, around: RunContext) -> HeldSession:
    """What an established attempt becomes."""
    rest = around.observer, around.looks, around.siblings, around.turns
    spoken = attempt.route.spoken
    if isinstance(attempt.websocket, Mqtt):
        pinging = MqttSession(number, attempt, *rest)
        pinging.follow(attempt.websocket)
        return pinging
    if spoken is None or attempt.websocket is None:
        return HeldSession(number, attempt, *rest)
    session = SpokenSession(number, attempt, *rest)
    session.speak(spoken)
    return session
