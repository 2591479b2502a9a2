"""How a session names itself to a reflector, so that both ends can tell of the same session.

One line of ASCII: `v1 RUN ATTEMPT AT NONCE MAC`, or with `down=MS` before MAC, which asks for a
byte from the far end whenever nothing has come for so many milliseconds. It travels as the header
`HEADER` of the upgrade or, for `tls`, as the first line, behind `PREFIX`. MAC is HMAC-SHA256 (RFC
2104) with the token that both ends know: the token itself never travels. AT (Unix seconds) and
NONCE let the reflector refuse a line that somebody recorded and sends again.
"""

import hmac
import re
import secrets
from typing import Final

from msgspec import Struct

from stresser.model.units import NS_PER_S
from stresser.scenario.secrets import Secret

HEADER: Final = "X-Stresser-Reflect"
PREFIX: Final = b"STRESSER "
LONGEST: Final = 256
"""Bytes of a hello, prefix and newline included."""
_VERSION = "v1"
_RUN_BYTES, _NONCE_BYTES = 16, 12
_NONCE_PLACE = 4
_FORM = re.compile(
    r"v1 ([0-9a-f]{32}) (0|[1-9][0-9]{0,14}) (0|[1-9][0-9]{0,11}) ([0-9a-f]{24})"
    r"(?: down=([1-9][0-9]{2,7}))? ([0-9a-f]{64})"
)


class Hello(Struct, frozen=True, kw_only=True):
    """What a session says of itself, proved by the token."""

    run: str
    attempt: int
    unix_s: int
    nonce: str
    down_ms: int = 0
    """Send a byte whenever nothing came for so long: data down alone. 0: only echo."""


class Introducer(Struct, frozen=True, kw_only=True):
    """Introduces the sessions of one run to one endpoint's reflector."""

    run: str
    token: Secret
    anchor_unix_ns: int
    """When the run's clock began."""
    down_ms: int = 0

    def hello(self, attempt: int, t_ns: int) -> str:
        """The line of one attempt; each call makes another."""
        said = Hello(
            run=self.run,
            attempt=attempt,
            unix_s=(self.anchor_unix_ns + t_ns) // NS_PER_S,
            nonce=secrets.token_hex(_NONCE_BYTES),
            down_ms=self.down_ms,
        )
        return f"{_plain(said)} {_mac(said, self.token)}"


def nonce_of(hello: str) -> str:
    """The nonce in a line of `Introducer.hello`."""
    return hello.split(" ")[_NONCE_PLACE]


def new_run_id() -> str:
    """A random name of a run: 128 bits in hex."""
    return secrets.token_hex(_RUN_BYTES)


def proved_hello(text: str, token: Secret) -> Hello | None:
    """What a line says, where it is one and the token proves it; None for all else."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    run, attempt, unix_s, nonce, down_ms, mac = match.groups()
    said = Hello(
        run=run,
        attempt=int(attempt),
        unix_s=int(unix_s),
        nonce=nonce,
        down_ms=int(down_ms or 0),
    )
    return said if hmac.compare_digest(mac, _mac(said, token)) else None


def _plain(said: Hello) -> str:
    down = f" down={said.down_ms}" if said.down_ms else ""
    return f"{_VERSION} {said.run} {said.attempt} {said.unix_s} {said.nonce}{down}"


def _mac(said: Hello, token: Secret) -> str:
    return hmac.digest(token.reveal().encode(), _plain(said).encode(), "sha256").hex()
