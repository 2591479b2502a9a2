"""Where to listen, as a command line says it: `ADDRESS:PORT`."""

import ipaddress
from typing import NamedTuple

_LARGEST_PORT = 65_535


class ListenAddress(NamedTuple):
    """An address or a name of this host, and a port; 0: any that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, written: str, default_host: str = "") -> "ListenAddress":
        """Read `127.0.0.1:9464`, `[::1]:9464`; where there is a default, `9464` and `:9464` too.

        Raises:
            ValueError: with a sentence that says how to write one.
        """
        host, _, port = written.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or default_host
        is_port = port.isascii() and port.isdecimal() and int(port[:6]) <= _LARGEST_PORT
        if not (host and is_port):
            raise ValueError(f"write ADDRESS:PORT, as in {default_host or '0.0.0.0'}:443")  # noqa: S104 - a word of an example
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Programs of this host alone can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
