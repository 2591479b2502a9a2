"""A held session whose heartbeat is MQTT's: PINGREQ, and PINGRESP as its pong.

A PINGRESP tells of no ping in particular: one is out at a time, and whoever is not answered in time
is given up.
"""

from stresser.model.faults import PeerCloseNotify
from stresser.model.units import NS_PER_S
from stresser.net.mqtt import Mqtt
from stresser.net.websocket import WebSocket
from stresser.session.held import HeldSession


class MqttSession(HeldSession):
    """As any other, but for what it sends and takes for an answer."""

    __slots__ = ()

    def follow(self, broker: Mqtt) -> None:
        """Ping as often as the broker wants, where that is more often than the plan has it."""
        wanted = None if broker.welcome is None else broker.welcome.keep_alive_s
        if wanted and self.every_ns:
            self.every_ns = min(self.every_ns, wanted * NS_PER_S)
            self.next_due_ns = self.opened_ns + self.every_ns
        self._pong_due = broker.pong

    def _ask(self, websocket: WebSocket) -> None:
        websocket.ping_nowait(b"")

    def _on_pong(self, _payload: bytes) -> None:
        if self._ping_sent_ns:
            self._answered()

    async def answer_to_close(self, websocket: WebSocket) -> str:
        """The broker's answer to DISCONNECT is that it closes (3.1.1 section 3.14.4)."""
        took = await super().answer_to_close(websocket)
        return "answered" if took == PeerCloseNotify.__name__ else took
