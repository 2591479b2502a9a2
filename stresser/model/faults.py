"""What can stop an attempt or a session, as exceptions: the native error, translated once.

`net` raises these (and OSError) at the I/O edge with the native error as `__cause__`;
`classify` turns them into an `Ending`. They carry what was seen and judge nothing.
"""

from stresser.model.ending import Phase
from stresser.model.proxy_login import ProxyLogin

FIRST_BYTES = 64
"""Of what broke a protocol: so much is kept, for it often names the box that sent it."""


class Fault(Exception):
    """Base of all; OSError from the socket stands beside it."""


class PeerFin(Fault):
    """TCP end of stream with no close_notify before it (RFC 8446 section 6.1: truncation).

    Without TLS there is none: whether that end was meant, it cannot say.
    """


class PeerCloseNotify(Fault):
    """TLS close_notify."""


class PeerAlert(Fault):
    """A fatal TLS alert from the other side."""

    def __init__(self, number: int | None, name: str) -> None:
        super().__init__(f"TLS alert {'?' if number is None else number} ({name})")
        self.number = number
        self.name = name


class PeerClosed(Fault):
    """A WebSocket close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"WebSocket close {code}")
        self.code = code
        self.reason = reason


class ProtocolViolation(Fault):
    """Bytes that the layer does not allow. `layer`: tls, http, websocket or mqtt.

    `seen`: what came, from its beginning, as far as it is at hand.
    """

    def __init__(self, layer: str, detail: str, seen: bytes = b"") -> None:
        super().__init__(f"{layer}: {detail}")
        self.layer = layer
        self.detail = detail
        self.seen = bytes(seen[:FIRST_BYTES])


class HttpRefused(Fault):
    """An HTTP answer other than 101 to the upgrade. `headers`: those that tell who answered."""

    def __init__(self, status: int, reason: str, headers: dict[str, str]) -> None:
        super().__init__(f"HTTP {status} {reason}")
        self.status = status
        self.reason = reason
        self.headers = headers


class MessageRefused(Fault):
    """A message was not answered as the scenario wants, by who is there. The answer is evidence.

    `code`, `reason`: of the close frame that came behind it.
    """

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        how = "" if code is None else f", but by WebSocket close {code}"
        super().__init__(f"the message was not answered as wanted{how}")
        self.code = code
        self.reason = reason


class MqttRefused(Fault):
    """A CONNACK that does not accept. `reason`: the code in words, and the broker's own."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"MQTT CONNACK {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class MqttDisconnected(Fault):
    """A DISCONNECT from the broker (MQTT 5.0 section 3.14)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"MQTT DISCONNECT {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class ProxyRefused(Fault):
    """The proxy answered, and will not let us through.

    `status`: of HTTP, or a SOCKS reply (RFC 1928 section 6); `failure` tells which.
    `headers`: those that tell who answered, and what it asks for. `login`: what became of that.
    """

    def __init__(
        self,
        failure: str,
        status: int,
        reason: str,
        headers: dict[str, str] | None = None,
        login: ProxyLogin | None = None,
    ) -> None:
        super().__init__(f"proxy: {failure} {status} {reason}")
        self.failure = failure
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.login = login


class ProxyAlert(PeerAlert):
    """A fatal alert of the TLS connection with a proxy: not of the endpoint's inside it."""


class CertificateRejected(Fault):
    """The chain does not verify, and the scenario does not go on without that."""

    def __init__(self, problem: str, verify_code: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.verify_code = verify_code


class SecretWithheld(CertificateRejected):
    """The chain does not verify and the request would carry a secret: it was not sent."""


class CannotSend(OSError):
    """bind(2), setsockopt(2) or connect(2) failed at once: no packet has left this host."""


class NameNotResolved(Fault):
    """getaddrinfo said no. `code`: its EAI_ number, None when it answered with no address."""

    def __init__(self, code: int | None, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class DeadlinePassed(Fault):
    """Our own deadline in a handshake phase."""

    def __init__(self, phase: Phase, limit_ns: int) -> None:
        super().__init__(f"no answer in phase {phase} within {limit_ns / 1e9:g} s")
        self.phase = phase
        self.limit_ns = limit_ns


class NoPong(Fault):
    """A ping was not answered in time."""

    def __init__(self, sent_ns: int, deadline_ns: int) -> None:
        super().__init__(f"no pong within {(deadline_ns - sent_ns) / 1e9:g} s")
        self.sent_ns = sent_ns
        self.deadline_ns = deadline_ns


class Planned(Fault):
    """The run ends: not a fault of anybody."""


class FoundDead(Fault):
    """A session that nothing had ended proved to be dead when it was asked or closed."""

    def __init__(self, words: str, at_ns: int, silence_ns: int) -> None:
        super().__init__(words)
        self.at_ns = at_ns
        """When that was proved, on the run's clock."""
        self.silence_ns = silence_ns
        """How long nothing had passed when it was asked or closed."""
