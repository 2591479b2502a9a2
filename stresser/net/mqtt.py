"""MQTT to a broker: CONNECT, then nothing but PINGREQ and PINGRESP, and DISCONNECT at the end.

On a session's stream, or in the binary messages of a WebSocket (5.0 section 6): whoever holds the
session need not know which. What the broker publishes is counted and thrown away.
"""

from collections.abc import Callable

from msgspec import Struct

from stresser.model.faults import MqttDisconnected, MqttRefused, ProtocolViolation
from stresser.net.mqtt_packets import (
    PINGREQ,
    PINGRESP,
    V5,
    BrokerWord,
    MqttPacket,
    PacketReader,
    PacketType,
    connack_of,
    connect_packet,
    disconnect_of,
    disconnect_packet,
)
from stresser.net.plain_stream import SessionStream
from stresser.net.websocket import WebSocket
from stresser.scenario.secrets import Secret

_BINARY = 0x82


def _ignore(_pong: bytes) -> None:
    pass


class Mqtt(WebSocket):
    """A connection to a broker, read and asked as a WebSocket is: a PINGREQ is its ping."""

    __slots__ = ("_framed", "_on_pong", "_packets", "_version", "welcome")

    def __init__(
        self, stream: SessionStream, trailing: bytes = b"", *, version: int, framed: bool
    ) -> None:
        """`framed`: in binary messages of a WebSocket, whose upgrade `trailing` came behind."""
        super().__init__(stream, trailing)
        self._framed, self._version = framed, version
        self._packets = PacketReader()
        self._on_pong: Callable[[bytes], None] = _ignore
        self.welcome: BrokerWord | None = None
        """The broker's CONNACK; None: it has not come."""

    @property
    def pong(self) -> bytes:
        """What comes where nothing but the answer to a ping comes."""
        return bytes((_BINARY, len(PINGRESP))) + PINGRESP if self._framed else PINGRESP

    async def log_in(self, connect: bytes) -> BrokerWord:
        """Send CONNECT, and wait for a CONNACK that accepts.

        Raises:
            MqttRefused: it does not.
            ProtocolViolation, PeerFin, PeerCloseNotify, PeerAlert, trio.BrokenResourceError: what
                the broker did in its place.
        """
        if self._framed:
            self.on_data = self._take_piece
        self._send(connect)
        await self.stream.flush()
        while self.welcome is None:
            data, self._trailing = self._trailing, b""
            self._take(data or await self.stream.receive_any(), _ignore)
        if self.welcome.code:
            raise MqttRefused(self.welcome.code, self.welcome.reason)
        return self.welcome

    def ping_nowait(self, _payload: bytes) -> None:
        """Send PINGREQ, which carries nothing."""
        self._send(PINGREQ)

    def close_nowait(self, code: int = 1000) -> None:
        """Send DISCONNECT, once; the broker then closes the connection."""
        if not self._closed:
            self.stream.tap.is_parting = True
            self._send(disconnect_packet())
            if self._framed:
                super().close_nowait(code)
            self._closed = True

    def _send(self, packet: bytes) -> None:
        if self._framed:
            self.message_nowait(packet)
        else:
            self.stream.send_nowait(packet)

    def _take(self, data: bytes, on_pong: Callable[[bytes], None]) -> int:
        self._on_pong = on_pong
        if self._framed:
            return super()._take(data, _ignore)
        return self._take_packets(data) if data else 0

    def _take_piece(self, piece: str | bytes, _is_last: bool) -> bool:  # noqa: FBT001 - as called
        if isinstance(piece, str):
            raise ProtocolViolation("mqtt", "a text message", piece.encode())
        self._take_packets(bytes(piece))
        return False

    def _take_packets(self, data: bytes) -> int:
        taken = 0
        try:
            for packet in self._packets.feed(data):
                taken += 1
                self._take_packet(packet)
        except ValueError as exc:
            raise ProtocolViolation("mqtt", f"no packet that MQTT allows: {exc}", data) from exc
        return taken

    def _take_packet(self, packet: MqttPacket) -> None:
        if self.welcome is None:
            if packet.type is not PacketType.CONNACK:
                raise ValueError(f"{packet.type.name} before CONNACK")
            self.welcome = connack_of(packet.body, self._version)
        elif packet.type is PacketType.PINGRESP:
            self._on_pong(b"")
        elif packet.type is PacketType.DISCONNECT and self._version == V5:
            said = disconnect_of(packet.body)
            raise MqttDisconnected(said.code, said.reason)
        elif packet.type is PacketType.PUBLISH:
            self.messages += 1


class MqttLogin(Struct, frozen=True, kw_only=True):
    """How the sessions of an endpoint introduce themselves."""

    version: int
    """4: 3.1.1; 5: 5.0."""
    client_id: str
    """Before what tells the sessions apart."""
    keep_alive_s: int
    """0: the broker does not look."""
    user: Secret | None = None
    password: Secret | None = None

    def connect_packet(self, mark: str) -> bytes:
        """CONNECT of the session with this mark."""
        user, password = (
            None if one is None else one.reveal().encode() for one in (self.user, self.password)
        )
        name = f"{self.client_id}-{mark}"
        return connect_packet(self.version, name, self.keep_alive_s, user, password)

    def framed(self, stream: SessionStream, trailing: bytes) -> Mqtt:
        """Of an upgraded connection."""
        return Mqtt(stream, trailing, version=self.version, framed=True)

    def bare(self, stream: SessionStream) -> Mqtt:
        """Of one without WebSocket."""
        return Mqtt(stream, version=self.version, framed=False)
