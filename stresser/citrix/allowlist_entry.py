"""One entry of a vendor's allowlist: a host name, a wildcard or a network. The text is hostile.

Nothing is guessed: what is not plainly one of the three is refused with the reason.
"""

import ipaddress
import re

from msgspec import Struct

from stresser.model.units import shown
from stresser.scenario.endpoint import ascii_host_name

TLS_PORT = 443
CUSTOMER_PATTERN = r"[a-zA-Z0-9]{1,12}"
"""The vendor's own: developer-docs.citrix.com, Connectivity AllowList API, `customerId`."""

_LONGEST_ENTRY = 512
_HIGHEST_PORT = 65535
_PLACEHOLDER = re.compile(
    r"<customer[ _-]?id>|\{customer[ _-]?id\}|\[customer[ _-]?id\]|(?<![A-Za-z0-9])CUSTOMER_ID\b",
    re.IGNORECASE,
)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_HOST_AND_PORT = re.compile(r"([^:]+)(?::([0-9]{1,5}))?")
_TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
_WILDCARD_LABEL = re.compile(r"[a-z0-9_*-]{1,63}")
_TLS_SCHEMES = frozenset({"https", "wss", "tls"})
_FEWEST_LABELS = 2


class Name(Struct, frozen=True):
    """A host that can be dialled."""

    host: str
    """Lower case, A-labels, no final dot."""
    port: int = TLS_PORT

    @property
    def authority(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def written(self) -> str:
        """For a person: the port only where it is not 443."""
        return self.host if self.port == TLS_PORT else self.authority


class Wildcard(Struct, frozen=True):
    """A pattern of host names, such as `*.nssvc.net`: it cannot be dialled."""

    pattern: str

    @property
    def written(self) -> str:
        """For a person."""
        return self.pattern

    @property
    def domain(self) -> str:
        """What follows the last star: `nssvc.net`."""
        return self.pattern.rpartition("*")[2].lstrip("-").partition(".")[2]


class Network(Struct, frozen=True):
    """An address or a CIDR block: without a name there is no chain to verify."""

    cidr: str

    @property
    def written(self) -> str:
        """For a person."""
        return self.cidr


Entry = Name | Wildcard | Network


def check_customer(customer: str) -> str:
    """The customer ID, checked.

    Raises:
        ValueError: with one sentence.
    """
    if not re.fullmatch(CUSTOMER_PATTERN, customer):
        raise ValueError(
            f"{shown(customer)} is not a customer ID: 1 to 12 letters and digits, as the Citrix "
            "Cloud console shows it under Identity and Access Management, API Access"
        )
    return customer


def read_entry(text: str, customer: str) -> Entry | None:
    """What an entry says, its placeholder replaced; None for a blank one.

    Args:
        text: from the file.
        customer: an ID that `check_customer` let through.

    Raises:
        ValueError: with one sentence that says why it is none of the three.
    """
    if len(text) > _LONGEST_ENTRY:
        raise ValueError(f"{shown(text)} has {len(text)} characters")
    bare = _PLACEHOLDER.sub(customer, text.strip())
    if not bare:
        return None
    network = _network(bare)
    if network is not None:
        return network
    scheme, host, port = _taken_apart(bare)
    if "*" in host:
        return _wildcard(host)
    return _name(host, port, scheme)


def _network(text: str) -> Network | None:
    try:
        return Network(str(ipaddress.ip_network(text, strict=False)))
    except ValueError:
        return None


def _taken_apart(text: str) -> tuple[str | None, str, int | None]:
    """Scheme, host and port of a bare name or a URL; the path of a URL is nothing to a firewall."""
    url = _URL.fullmatch(text)
    scheme, authority = (url[1].lower(), url[2]) if url else (None, text)
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None:
        raise ValueError(f"{shown(text)} is neither a host name nor a network")
    return scheme, match[1], None if match[2] is None else _port(match[2], text)


def _port(digits: str, text: str) -> int:
    if not 1 <= int(digits) <= _HIGHEST_PORT:
        raise ValueError(f"{shown(text)}: a port is a number from 1 to 65535")
    return int(digits)


def _wildcard(host: str) -> Wildcard:
    lowered = host.lower().removesuffix(".")
    labels = lowered.split(".")
    if "*" in labels[-1] or not all(_WILDCARD_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{shown(host)} is not a wildcard of host names")
    return Wildcard(lowered)


def _name(host: str, port: int | None, scheme: str | None) -> Name:
    name = ascii_host_name(host)
    labels = name.split(".")
    if len(labels) < _FEWEST_LABELS or not _TOP_LABEL.fullmatch(labels[-1]):
        raise ValueError(f"{shown(host)} is not the full name of a host")
    if scheme is not None and scheme not in _TLS_SCHEMES:
        raise ValueError(f"{shown(f'{scheme}://{host}')} is not TLS, and only TLS is held")
    return Name(name, TLS_PORT if port is None else port)
