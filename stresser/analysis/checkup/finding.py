"""One finding of a check, and how the names in it are written."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from stresser.model.checkup_facts import WayChecked
from stresser.model.units import escaped

_NAME = 60
_MOST_NAMES = 20


class Concern(StrEnum):
    """What a finding is about. The first six make a check fail."""

    FAILURE = "failure"
    """An endpoint was not reached."""
    INTERCEPTION = "interception"
    """A box on the path ends TLS."""
    CHAIN = "chain"
    """A chain that clients on this host would not take."""
    PORTAL = "portal"
    """Something on the path wants a login."""
    ADDRESS = "address"
    """One address of an endpoint's fails where another works."""
    HELLO = "hello"
    """Some ClientHellos do not pass where others do."""
    UNDECLARED = "undeclared"
    """A private root that this host trusts, undeclared and the same through every egress."""
    LOCAL = "local"
    """Something on this host, or beside it, stands in for the endpoint."""
    NEAR = "near"
    """TCP ends nearer than TLS is answered."""
    PROXY_CHAIN = "proxy_chain"
    """More than one proxy on the path."""
    TUNNEL = "tunnel"
    """The way leads through a VPN."""
    UNSERVED = "unserved"
    """A proxy that a PAC file names does not serve, and another does."""
    SITES = "sites"
    """Egresses may reach different sites."""


_FAILING = frozenset(
    {Concern.FAILURE, Concern.INTERCEPTION, Concern.CHAIN, Concern.PORTAL, Concern.ADDRESS,
     Concern.HELLO}
)  # fmt: skip


class Finding(Struct, frozen=True, kw_only=True):
    """Something in the way. All texts are escaped and bounded."""

    concern: Concern
    says: str
    evidence: list[str] = []
    remedy: str
    """What to do about it, or whom to ask for what."""
    endpoints: list[str] = []

    @property
    def is_failure(self) -> bool:
        """It makes the check fail."""
        return self.concern in _FAILING


def named(text: str) -> str:
    """A name as it may be shown."""
    return escaped(text, _NAME)


def listed(names: Iterable[str]) -> str:
    """`a, b, c`; of many the first twenty."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _MOST_NAMES
    return ", ".join(named(name) for name in distinct[:_MOST_NAMES]) + (
        f" and {more} more" if more > 0 else ""
    )


def hosts(ways: Iterable[WayChecked]) -> str:
    """The hosts of ways, for a request to a network team."""
    return listed(way.host or way.endpoint for way in ways)


def destinations(ways: Iterable[WayChecked]) -> str:
    """Host and port of each, for a rule in a firewall."""
    return listed(f"{way.host or way.endpoint}:{way.port}" for way in ways)
