"""Lines that prove that they come from who knows the token: what a control session is made of.

TLS does not suffice: a scenario may hold sessions through an interceptor, which could say anything
in the reflector's name. Each line is `MAC JSON`; MAC is HMAC-SHA256 (RFC 2104) over the nonce of
the session's hello, the side that speaks, the number of the line, and the JSON. A line that was
made up, left out, repeated or sent back ends the session.
"""

import hmac
from typing import Final

from stresser.model.faults import ProtocolViolation
from stresser.scenario.secrets import Secret

LONGEST_LINE: Final = 256 * 1024
"""Bytes of a line."""
_MAC_HEX: Final = 64
_TESTER, _REFLECTOR = "tester", "reflector"


class SealedLines:
    """One side of one control session: seals what it says, opens what it hears."""

    def __init__(self, token: Secret, nonce: str, *, is_tester: bool) -> None:
        self._key = token.reveal().encode()
        self._nonce = nonce
        self._own, self._other = (_TESTER, _REFLECTOR) if is_tester else (_REFLECTOR, _TESTER)
        self._said = self._heard = 0
        self._rest = b""

    def sealed(self, payload: bytes) -> bytes:
        """The next line of this side, for a payload without a newline."""
        mac = self._mac(self._own, self._said, payload)
        self._said += 1
        return mac + b" " + payload + b"\n"

    def opened(self, data: bytes) -> list[bytes]:
        """The payloads of the lines that are whole now.

        Raises:
            ProtocolViolation: a line is too long, or the token does not prove it.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ProtocolViolation("reflector", "a line is too long", self._rest)
        return [self._payload(line) for line in lines]

    def _payload(self, line: bytes) -> bytes:
        mac, payload = line[:_MAC_HEX], line[_MAC_HEX + 1 :]
        if not hmac.compare_digest(mac, self._mac(self._other, self._heard, payload)):
            raise ProtocolViolation("reflector", "the token does not prove a line", line)
        self._heard += 1
        return payload

    def _mac(self, side: str, number: int, payload: bytes) -> bytes:
        said = f"{self._nonce} {side} {number} ".encode() + payload
        return hmac.digest(self._key, said, "sha256").hex().encode()
