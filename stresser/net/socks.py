"""SOCKS 5: asks a proxy for a connection (RFC 1928), with user name and password (RFC 1929).

Written here because the libraries do not fit: python-socks dials by itself, which hides the errno
of a failed dial, and its protocol layer is private; what is left is a few bytes each way.
"""

import ipaddress
from typing import Protocol

from stresser.model.faults import ProtocolViolation, ProxyRefused
from stresser.scenario.secrets import Secret

_LAYER = "socks"
_VERSION, _CONNECT, _RESERVED = 5, 1, 0
_IPV4, _NAME, _IPV6 = 1, 3, 4
_NO_AUTHENTICATION, _USER_PASSWORD, _NONE_ACCEPTABLE = 0, 2, 0xFF
_AUTHENTICATION_VERSION = 1
_SUCCEEDED = 0
_LONGEST_NAME = 255
_PORT_BYTES = 2
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}

REPLIES = {
    1: ("socks_server_failure", "general SOCKS server failure"),
    2: ("socks_connection_not_allowed", "connection not allowed by ruleset"),
    3: ("socks_network_unreachable", "network unreachable"),
    4: ("socks_host_unreachable", "host unreachable"),
    5: ("socks_connection_refused", "connection refused"),
    6: ("socks_ttl_expired", "TTL expired"),
    7: ("socks_command_not_supported", "command not supported"),
    8: ("socks_address_not_supported", "address type not supported"),
}
"""RFC 1928 section 6, under OONI's names (df-007)."""


class ExactChannel(Protocol):
    """The connection with the proxy, read by the byte: what follows is the endpoint's."""

    async def send_all(self, data: bytes) -> None:
        """Send everything. A dead transport is left to the reader."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes, never none."""


async def connect_through_socks(
    channel: ExactChannel,
    host: str,
    port: int,
    credentials: tuple[Secret, Secret] | None = None,
) -> None:
    """Ask for a connection to a name or address.

    Raises:
        ProxyRefused: the proxy said no, to our way of logging in or to the connection.
        ProtocolViolation: an answer that is not SOCKS 5.
        and what `channel.receive_some` raises.
    """
    await _log_in(channel, credentials)
    await channel.send_all(_request(host, port))
    version, reply = await _exactly(channel, 2)
    if version != _VERSION:
        raise _violation(bytes((version, reply)))
    if reply != _SUCCEEDED:
        # Some servers send nothing behind the code: it is not waited for.
        failure, reason = REPLIES.get(reply, ("socks_error", "a reply that is not assigned"))
        raise ProxyRefused(failure, reply, reason)
    await _pass_over_bound_address(channel)


async def _log_in(channel: ExactChannel, credentials: tuple[Secret, Secret] | None) -> None:
    offered = [_NO_AUTHENTICATION] + ([] if credentials is None else [_USER_PASSWORD])
    await channel.send_all(bytes((_VERSION, len(offered), *offered)))
    version, method = await _exactly(channel, 2)
    if version != _VERSION:
        raise _violation(bytes((version, method)))
    if method == _NONE_ACCEPTABLE:
        wanted = "a user name and password" if credentials is None else "other than we offer"
        reason = f"no acceptable authentication method (it wants {wanted})"
        raise ProxyRefused("socks_authentication_required", method, reason)
    if method not in offered:
        raise ProtocolViolation(_LAYER, f"it chose authentication method {method}, not offered")
    if method == _USER_PASSWORD and credentials is not None:
        await _say_password(channel, *credentials)


async def _say_password(channel: ExactChannel, user: Secret, password: Secret) -> None:
    name, word = user.reveal().encode(), password.reveal().encode()
    head = bytes((_AUTHENTICATION_VERSION, len(name)))
    await channel.send_all(head + name + bytes((len(word),)) + word)
    # Servers differ in the version that they answer with; curl does not look at it, either.
    _version, status = await _exactly(channel, 2)
    if status != _SUCCEEDED:
        reason = "user name or password refused"
        raise ProxyRefused("socks_authentication_failed", status, reason)


def _request(host: str, port: int) -> bytes:
    return bytes((_VERSION, _CONNECT, _RESERVED)) + _address(host) + port.to_bytes(2, "big")


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")[:_LONGEST_NAME]
        return bytes((_NAME, len(name))) + name
    return bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed  # noqa: PLR2004 - IP version


async def _pass_over_bound_address(channel: ExactChannel) -> None:
    """It is the proxy's end of its own connection: no news about the endpoint."""
    _reserved, kind = await _exactly(channel, 2)
    if kind == _NAME:
        (length,) = await _exactly(channel, 1)
    elif kind in _ADDRESS_BYTES:
        length = _ADDRESS_BYTES[kind]
    else:
        raise ProtocolViolation(_LAYER, f"an address of type {kind}, which there is not")
    await _exactly(channel, length + _PORT_BYTES)


async def _exactly(channel: ExactChannel, count: int) -> bytes:
    received = b""
    while len(received) < count:
        received += await channel.receive_some(count - len(received))
    return received


def _violation(received: bytes) -> ProtocolViolation:
    return ProtocolViolation(
        _LAYER, f"answer is not SOCKS 5: it begins with {received!r}", received
    )
