"""What was seen to stop an attempt or a session: a closed list (DESIGN.md section 4).

In a module of its own, because an ending's evidence has one, too: how the session ended at the far
end. Everyone else has it from `model.ending`.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What was seen to stop it."""

    TCP_RESET = "tcp_reset"
    """A RST segment (RFC 9293 section 3.10.7): ECONNRESET or EPIPE."""
    TCP_FIN = "tcp_fin"
    """A FIN with no close_notify before it: a TLS truncation (RFC 8446 section 6.1). Without TLS,
    which nothing can truncate: a FIN with no WebSocket close before it."""
    TLS_CLOSE_NOTIFY = "tls_close_notify"
    """An orderly TLS end with no WebSocket close before it."""
    TLS_ALERT = "tls_alert"
    """A fatal TLS alert from the other side (RFC 8446 section 6.2); `alert` has the number."""
    WS_CLOSE = "ws_close"
    """A WebSocket close frame (RFC 6455 section 5.5.1); `code` and `reason`."""
    PROTOCOL_ERROR = "protocol_error"
    """Bytes that TLS, HTTP, WebSocket or MQTT do not allow."""
    HTTP_REFUSAL = "http_refusal"
    """An HTTP answer other than 101 to the upgrade; `status`."""
    MESSAGE_REFUSAL = "message_refusal"
    """A message was not answered as the scenario wants, while the other end lives: it said
    something else, or answered a ping sent behind the message. What it said last is the evidence's
    `last_text`; `code`, `reason` where a close frame followed."""
    MQTT_REFUSAL = "mqtt_refusal"
    """The broker's CONNACK does not accept; `code` and `reason`."""
    MQTT_DISCONNECT = "mqtt_disconnect"
    """The broker's DISCONNECT (MQTT 5.0 section 3.14); `code` and `reason`."""
    SILENCE = "silence"
    """Our data stays unacknowledged: a black hole."""
    UNRESPONSIVE = "unresponsive"
    """TCP acknowledges our ping, no pong comes."""
    UNREACHABLE = "unreachable"
    """ICMP or our own routing says there is no way."""
    KERNEL_TIMEOUT = "kernel_timeout"
    """ETIMEDOUT: the kernel gave up (retries, keepalive or TCP_USER_TIMEOUT, tcp(7))."""
    REFUSED = "refused"
    """ECONNREFUSED: a RST in answer to our SYN."""
    RESOLVE_ERROR = "resolve_error"
    CERTIFICATE = "certificate"
    """The chain does not verify and the scenario required that it does."""
    PROXY_ERROR = "proxy_error"
    TIMEOUT = "timeout"
    """Our own deadline in a handshake phase."""
    HOST_SLEPT = "host_slept"
    TOOL = "tool"
    """stresser's own limit: file descriptors, ports, memory, overload."""
    FOUND_DEAD = "found_dead"
    """Its planned end proved that it had died before: a drop, bracketed."""
    PLANNED = "planned"
    UNKNOWN = "unknown"
