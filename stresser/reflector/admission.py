"""How much strangers may take: connections in all and from one address, and time.

Who proves the token is a guest: held as long as it likes. Anyone else gets an ordinary echo
server with tight limits.
"""

from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Final

HANDSHAKE_S: Final = 10.0
"""From the accept to the end of the TLS handshake, and again for the upgrade."""
STRANGER_SILENCE_S: Final = 300.0
"""A stranger that sends nothing for so long is closed."""
STRANGER_SEND_S: Final = 30.0
"""A stranger that does not take its echo for so long is closed."""
LONGEST_MESSAGE: Final = 64 * 1024
"""Bytes of a message that is echoed; longer ones end the session (close code 1009)."""
_HOST_BITS: Final = 64


def network_of(host: str) -> str:
    """Whose count a peer's address is in: itself, of IPv6 its /64.

    A single host may take any address of that (RFC 4291 section 2.5.4, RFC 8981).
    """
    address = ip_address(host)
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"


class Admission:
    """Counts connections. Guests leave the count of their address: many sit behind one NAT."""

    def __init__(
        self, most: int = 20_000, most_strangers: int = 64, most_unproved: int = 1024
    ) -> None:
        """`most` in all; `most_strangers` from one address; `most_unproved` from all addresses."""
        self._most = most
        self._most_strangers = most_strangers
        self._most_unproved = most_unproved
        self._strangers: Counter[str] = Counter()
        self._unproved = 0
        self._open = 0
        self.refused = 0
        """Connections that were closed at once."""

    def enter(self, address: str) -> bool:
        """Whether one more connection from there is served."""
        if (
            self._open >= self._most
            or self._unproved >= self._most_unproved
            or self._strangers[address] >= self._most_strangers
        ):
            self.refused += 1
            return False
        self._open += 1
        self._unproved += 1
        self._strangers[address] += 1
        return True

    def prove(self, address: str) -> None:
        """One that entered has proved the token: it counts among its address' strangers no more."""
        self._unproved -= 1
        self._strangers[address] -= 1
        if not self._strangers[address]:
            del self._strangers[address]

    def leave(self, address: str, *, proved: bool) -> None:
        """One that entered is gone."""
        self._open -= 1
        if not proved:
            self.prove(address)
