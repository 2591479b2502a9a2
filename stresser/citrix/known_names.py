"""What is known of Citrix Cloud's names: whose they are, which must not be inspected, which last.

The table is package data (`cli/citrix_names.toml`), each row with its source; here it is only
decoded and asked.
"""

import re
import tomllib
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec
from msgspec import Struct

from stresser.citrix.allowlist_entry import Wildcard

PLACEHOLDER = "<CUSTOMER_ID>"

_MOST_KNOWN = 12
_REGION_AT_END = re.compile(r"(?:^|-)(us|eu|ap-s|jp)")


class Region(StrEnum):
    """The vendor's own words for its regions (Connectivity AllowList API, `geo`)."""

    US = "us"
    EU = "eu"
    AP_S = "ap-s"
    JP = "jp"
    ALL = "all"


class Inspection(StrEnum):
    """What the vendor says of TLS inspection."""

    NEVER = "never"
    BYPASS = "bypass"
    UNSAID = "unsaid"


class _Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table; `source` is a key of `sources`."""

    source: str


class Domain(_Row, frozen=True, kw_only=True):
    """A domain of the vendor's, or one that its services use."""

    name: str
    what: str
    inspection: Inspection = Inspection.UNSAID
    region: Region | None = None
    """All of it belongs to this region."""
    region_in_first_label: bool = False
    """A name directly below it may say its region: `agenthub-eu`."""


class PersistentChannel(_Row, frozen=True, kw_only=True):
    """Names whose connections are kept for hours."""

    pattern: str
    what: str


class KnownName(_Row, frozen=True, kw_only=True):
    """A concrete name."""

    name: str


class KnownNames(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table."""

    sources: dict[str, str]
    """Short key to address."""
    domains: list[Domain]
    channels: list[PersistentChannel]
    names: list[KnownName]

    def domain_of(self, host: str) -> Domain | None:
        """The known domain that a host is in, or is."""
        for domain in self.domains:
            if host == domain.name or host.endswith(f".{domain.name}"):
                return domain
        return None

    def channel_of(self, host: str, customer: str) -> PersistentChannel | None:
        """What is known of a host whose connections are kept."""
        for channel in self.channels:
            if fnmatchcase(host, _with_customer(channel.pattern, customer)):
                return channel
        return None

    def region_of(self, host: str) -> Region | None:
        """A host's region where its name leaves no doubt.

        Gateway points of presence (a resolver picks one) and Azure regions (a customer of one
        region may be served from another) leave doubt.
        """
        domain = self.domain_of(host)
        if domain is None or domain.region is not None:
            return None if domain is None else domain.region
        first, _, rest = host.partition(".")
        match = _REGION_AT_END.search(first) if rest == domain.name else None
        if match is None or match.end() != len(first) or not domain.region_in_first_label:
            return None
        return Region(match[1])

    def names_for(self, wildcard: Wildcard, customer: str) -> list[str]:
        """Concrete names that a wildcard stands for; none where it is wider than a known domain."""
        if self.domain_of(wildcard.domain) is None:
            return []
        names = [_with_customer(known.name, customer) for known in self.names]
        return [name for name in names if fnmatchcase(name, wildcard.pattern)][:_MOST_KNOWN]


def decode_names(text: str) -> KnownNames:
    """Decode the table.

    Raises:
        ValueError: the package's own data are broken.
    """
    known = msgspec.convert(tomllib.loads(text), KnownNames)
    rows: list[_Row] = [*known.domains, *known.channels, *known.names]
    unknown = {row.source for row in rows} - set(known.sources)
    if unknown:
        raise ValueError(f"rows name sources that do not stand in the table: {sorted(unknown)}")
    return known


def _with_customer(pattern: str, customer: str) -> str:
    return pattern.replace(PLACEHOLDER, customer.lower())
