"""Whose root signatures lead to: from the leaf up, through what was served and what is known here.

By signatures alone. Dates are noted; names, purposes, lengths and constraints are left aside: they
make a chain bad and change nothing about who stands behind it. All paths are followed, not the
first only, for a peer may serve several certificates of one name and key.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from msgspec import Struct

from stresser.model.chain import ChainRoot
from stresser.net.chain_facts import UNREADABLE, load, quiet
from stresser.net.root_stores import Roots

MOST_CHECKS = 24
"""Signatures that are checked for one chain: a peer chooses how many there are."""
_MOST_SERVED = 32
"""Certificates of it that may stand in a path."""
_Name: TypeAlias = tuple[tuple[str, str | bytes], ...]
_FEW = 6
"""Certificates: so many are not worth a look."""


class Lineage(Struct, frozen=True, kw_only=True):
    """One path from the leaf to a root, or to a certificate that the endpoint declares as one."""

    owner: ChainRoot
    """`OTHER`: that root is unknown here; `LEAF`: the leaf is its own."""
    path: tuple[bytes, ...]
    """DER, leaf first, the root included."""
    in_date: bool
    is_borrowed: bool
    """A certificate below the root was not served: this host happens to know it."""

    @property
    def root(self) -> bytes:
        """Where it ends."""
        return self.path[-1]


class _Climb:
    """One chain's way up, bounded."""

    def __init__(
        self, chain: Sequence[bytes], owners: Mapping[ChainRoot, Roots], now: datetime
    ) -> None:
        self.owners, self.now, self.checks = owners, now, 0
        self.served: dict[x509.Name, list[bytes]] = defaultdict(list)
        for der in dict.fromkeys(chain[:_MOST_SERVED]):
            certificate = read(der)
            if certificate is not None:
                self.served[certificate.subject].append(der)

    def from_(self, path: tuple[bytes, ...]) -> Iterator[Lineage]:
        top = read(path[-1])
        if top is None:
            return
        if top.issuer == top.subject and self._is_signed(top, top):
            yield from self._end(path)
            return
        if path[-1] in self.owners.get(ChainRoot.DECLARED, ()):
            yield self._lineage(ChainRoot.DECLARED, path)
        for der in self._named(top.issuer):
            above = read(der)
            if der not in path and above is not None and self._is_signed(top, above):
                yield from self.from_((*path, der))

    def _named(self, name: x509.Name) -> Iterator[bytes]:
        """What is known here first: it ends the search soonest."""
        known = [der for roots in self.owners.values() for der in roots.named(name)]
        yield from dict.fromkeys([*known, *self.served.get(name, ())])

    def _end(self, path: tuple[bytes, ...]) -> Iterator[Lineage]:
        owners = [owner for owner, roots in self.owners.items() if path[-1] in roots]
        unknown = ChainRoot.LEAF if len(path) == 1 else ChainRoot.OTHER
        for owner in owners or [unknown]:
            yield self._lineage(owner, path)

    def _lineage(self, owner: ChainRoot, path: tuple[bytes, ...]) -> Lineage:
        return Lineage(
            owner=owner,
            path=path,
            in_date=all(date_fault(der, self.now) is None for der in path),
            is_borrowed=not all(self._was_served(der) for der in path[:-1]),
        )

    def _is_signed(self, below: x509.Certificate, above: x509.Certificate) -> bool:
        self.checks += 1
        return self.checks <= MOST_CHECKS and bool(is_signed_by(below, above))

    def _was_served(self, der: bytes) -> bool:
        return any(der in ders for ders in self.served.values())


class Lineages(NamedTuple):
    """The paths that signatures prove."""

    found: list[Lineage]
    is_all: bool
    """False: there was more to check than a peer may make us check."""


def lineages(chain: Sequence[bytes], owners: Mapping[ChainRoot, Roots], now: datetime) -> Lineages:
    """All paths from the leaf to a root. Never raises."""
    climb = _Climb(chain, owners, now)
    found = list(climb.from_((chain[0],))) if chain else []
    return Lineages(found, is_all=climb.checks <= MOST_CHECKS and len(chain) <= _MOST_SERVED)


def joinable(chain: Sequence[bytes]) -> tuple[bytes, ...]:
    """A chain without copies and without what no path from the leaf can come to, by name.

    A handshake has the same answer for it, and reads it faster: OpenSSL needs 0.2 ms for each.
    """
    if len(chain) <= _FEW:
        return tuple(chain)
    names = {der: _names(der) for der in chain}
    issuers: dict[_Name | None, set[_Name]] = defaultdict(set)
    for subject, issuer in names.values():
        issuers[subject].add(issuer)
    reached: set[_Name | None] = {None}  # what cannot be read is OpenSSL's to refuse
    to_go = [names[chain[0]][1]]
    while to_go:
        name = to_go.pop()
        if name not in reached:
            reached.add(name)
            to_go += issuers[name]
    return tuple(d for d, (subject, _) in names.items() if d == chain[0] or subject in reached)


def _names(der: bytes) -> tuple[_Name | None, _Name]:
    """Subject and issuer; no subject: it cannot be read."""
    certificate = read(der)
    if certificate is None:
        return None, ()
    return _compared(certificate.subject), _compared(certificate.issuer)


def _compared(name: x509.Name) -> _Name:
    """As X509_NAME_cmp(3) does: without regard to case, spaces and the kind of string."""
    return tuple((one.oid.dotted_string, _folded(one.value)) for one in name)


def _folded(value: str | bytes) -> str | bytes:
    return " ".join(value.lower().split()) if isinstance(value, str) else value


def is_signed_by(below: x509.Certificate, above: x509.Certificate) -> bool | None:
    """Whether a key has signed a certificate; None: it cannot be checked."""
    try:
        with quiet():
            below.verify_directly_issued_by(above)
    except InvalidSignature:
        return False
    except UNREADABLE:
        return None
    return True


def date_fault(der: bytes, now: datetime) -> str | None:
    """`expired`, `not yet valid`; None: neither, or its dates cannot be read."""
    certificate = read(der)
    try:
        if certificate is None:
            return None
        is_over, is_ahead = (
            now > certificate.not_valid_after_utc,
            now < certificate.not_valid_before_utc,
        )
    except UNREADABLE:
        return None
    if is_over:
        return "expired"
    return "not yet valid" if is_ahead else None


def read(der: bytes) -> x509.Certificate | None:
    """A certificate; None: it cannot be read."""
    try:
        with quiet():
            certificate = load(der)
            certificate.subject, certificate.issuer  # noqa: B018 - they are read when asked for
    except UNREADABLE:
        return None
    return certificate
