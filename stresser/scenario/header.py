"""What a scenario may put into the upgrade request: header fields, subprotocols, ALPN ids.

RFC 9110 section 5 (fields), RFC 6455 section 4.1 (handshake), RFC 7301 section 3.1 (ALPN).
A message never shows a field's value: it may be a secret.
"""

import re
from collections.abc import Callable

from stresser.model.units import shown

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - RFC 9110 section 5.6.2, not a secret

_TOKEN = re.compile(TOKEN)
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")
_LONGEST_NAME = 128
_LONGEST_VALUE = 8192
_LONGEST_ALPN = 255
_OWNED_BY_THE_HANDSHAKE = frozenset(
    {"host", "upgrade", "connection", "content-length", "transfer-encoding", "te", "trailer"}
)


def check_header_name(name: str) -> None:
    """Raises ValueError with one sentence where the upgrade request may not have this field."""
    if len(name) > _LONGEST_NAME or not _TOKEN.fullmatch(name):
        raise ValueError(f"{shown(name)} is not a header name (RFC 9110: letters, digits, - and _)")
    if name.lower() in _OWNED_BY_THE_HANDSHAKE:
        raise ValueError("the WebSocket handshake sets this header itself; leave it out")
    if name.lower() == "sec-websocket-protocol":
        raise ValueError('write subprotocols = ["..."] instead')
    if name.lower().startswith("sec-websocket-"):
        raise ValueError("the WebSocket handshake sets this header itself; leave it out")


def check_header_value(value: str) -> None:
    """Raises ValueError with one sentence, the value left out, where it is no field value."""
    if not value:
        raise ValueError("the value is empty")
    if len(value) > _LONGEST_VALUE:
        raise ValueError(f"the value is longer than {_LONGEST_VALUE} characters")
    if "\r" in value or "\n" in value:
        raise ValueError("the value has a line break in it")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            "the value may hold printable ASCII alone and neither begin nor end with a space"
        )


def check_subprotocol(text: str) -> None:
    """Raises ValueError with one sentence where it is not a token (RFC 6455 section 4.1)."""
    if len(text) > _LONGEST_NAME or not _TOKEN.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a subprotocol (one word, no spaces, no commas)")


def check_alpn(text: str) -> None:
    """Raises ValueError with one sentence where it is not a protocol id of 1 to 255 bytes."""
    if not text.isascii() or not text.isprintable() or not 1 <= len(text) <= _LONGEST_ALPN:
        raise ValueError(f'{shown(text)} is not an ALPN id; write for example "http/1.1"')


def each_of(check: Callable[[str], None]) -> Callable[[list[str]], list[str]]:
    """Check a list by its items, none of them twice."""

    def check_all(items: list[str]) -> list[str]:
        for item in items:
            check(item)
        if len(set(items)) < len(items):
            raise ValueError("holds the same text twice")
        return items

    return check_all
