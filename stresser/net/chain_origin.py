"""Whose root a chain leads to, in a word and in a sentence, be the chain good or bad.

Where our own handshake takes the chain by Mozilla's roots or the endpoint's own, that is the
answer. Else signatures are followed (`lineage.py`), and where they lead to no root, what is missing
is named.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from cryptography import x509

from stresser.model.chain import ChainRoot
from stresser.net.chain_facts import UNREADABLE, spki_sha256
from stresser.net.chain_words import hidden_why, host_why, namesake_why, subject_of
from stresser.net.lineage import Lineage, is_signed_by, lineages, read
from stresser.net.refusals import NO_ISSUER, SELF_SIGNED_LEAF
from stresser.net.rehearsal import Rehearsal
from stresser.net.root_stores import Roots, declared_roots, former_keys, host_roots, mozilla_roots


class Heard(NamedTuple):
    """How our handshake takes a chain: by all that is trusted here, and without this host's."""

    here: Rehearsal
    proof: Rehearsal
    """`here`, where that path was of served certificates to such a root already."""


class Origin(NamedTuple):
    """Whose root a chain leads to, with dates and names left aside."""

    root: ChainRoot
    why: str
    lineage: Lineage | None = None
    """The path that proves it; None: our handshake's own, or there is none."""
    lacks: bytes | None = None
    """The certificate whose issuer is missing."""


PUBLIC = Origin(ChainRoot.MOZILLA, "its root is one of Mozilla's")
_DECLARED = Origin(ChainRoot.DECLARED, "its root is the endpoint's own ca")
_LONE_LEAF = Origin(ChainRoot.LEAF, "the leaf is signed by itself: no CA vouches for it")
_FORMER_WHY = "its root is one that Mozilla carried in earlier years"


class Owners:
    """Those whose roots are known here.

    Raises:
        ValueError: a CA file holds no certificate.
    """

    def __init__(self, ca_files: tuple[str, ...], mozilla_file: str | None) -> None:
        self._mozilla = mozilla_roots(mozilla_file)
        self._declared = declared_roots(ca_files)
        self._host = host_roots()
        known = {ChainRoot.MOZILLA: self._mozilla, ChainRoot.DECLARED: self._declared}
        self._all = known | ({} if self._host is None else {ChainRoot.HOST: self._host})

    @property
    def has_declared(self) -> bool:
        """The endpoint declares roots of its own."""
        return len(self._declared) > 0

    def proves(self, here: Rehearsal, chain: tuple[bytes, ...]) -> bool:
        """Whether a path needed no more than was served and a root of Mozilla's or its own."""
        if not here.is_accepted:
            return False
        *below, root = here.path
        return (root in self._mozilla or root in self._declared) and set(below) <= set(chain)

    def origin(
        self, heard: Heard, chain: tuple[bytes, ...], now: datetime, *, is_trusted: bool
    ) -> Origin:
        """Whose root it is. `is_trusted`: a client on this host takes the chain."""
        if heard.proof.is_accepted:
            is_public = heard.proof.path[-1] in self._mozilla
            return PUBLIC if is_public or not self.has_declared else _DECLARED
        proved = lineages(chain, self._all, now)
        if proved.found:
            return self._of(min(proved.found, key=_weight), chain)
        if is_trusted:  # by the system's verifier, or by a signature that cannot be checked here
            return Origin(ChainRoot.HOST, host_why(None, chain))
        if not proved.is_all:
            why = "it has more certificates than are followed here: whose root it is stays open"
            return Origin(ChainRoot.NONE, why)
        return self._lost(heard.here, chain)

    def _of(self, found: Lineage, chain: tuple[bytes, ...]) -> Origin:
        owner, key = found.owner, _key_of(found.root)
        if owner is ChainRoot.HOST and key in self._mozilla.keys:
            owner = ChainRoot.MOZILLA
        if owner is ChainRoot.HOST and key in former_keys():
            return Origin(ChainRoot.FORMER, f"{_FORMER_WHY} and that this host trusts", found)
        if owner is ChainRoot.OTHER and key in former_keys():
            return Origin(ChainRoot.FORMER, f"{_FORMER_WHY}; this host does not trust it", found)
        if owner is ChainRoot.HOST and len(found.path) == 1:
            owner, why = ChainRoot.LEAF, "the leaf is signed by itself, and this host trusts it"
        else:
            why = self._why(owner, found, chain)
        return Origin(owner, why, found)

    def _why(self, owner: ChainRoot, found: Lineage, chain: tuple[bytes, ...]) -> str:
        if owner is ChainRoot.MOZILLA:
            return PUBLIC.why + (_BORROWED if found.is_borrowed else "")
        if owner is ChainRoot.DECLARED:
            return _DECLARED.why
        if owner is ChainRoot.LEAF:
            return _LONE_LEAF.why
        if owner is ChainRoot.HOST:
            return host_why(found.root, chain)
        why = f"its root {subject_of(found.root)} is known neither to this host nor to Mozilla"
        return why + (", and the endpoint's own ca is another one" if self.has_declared else "")

    def _lost(self, here: Rehearsal, chain: tuple[bytes, ...]) -> Origin:
        """Signatures lead to no root."""
        if here.code == SELF_SIGNED_LEAF:
            return _LONE_LEAF
        top = read(here.path[-1]) if here.path else None
        if here.code not in NO_ISSUER or top is None:
            return Origin(ChainRoot.NONE, "signatures lead from the leaf to no root")
        below = here.path[-1]
        namesakes = [(where, is_signed_by(top, c)) for where, c in self._namesakes(top, chain)]
        if any(signed for _, signed in namesakes):
            why = "the certificates that were served sign each other in a circle, below no root"
            return Origin(ChainRoot.NONE, why)
        for where, signed in namesakes[:1]:
            why = namesake_why(below, where, is_readable=signed is not None)
            return Origin(ChainRoot.HIDDEN, why, lacks=below)
        return Origin(ChainRoot.HIDDEN, hidden_why(chain, below), lacks=below)

    def _namesakes(
        self, top: x509.Certificate, chain: tuple[bytes, ...]
    ) -> Iterator[tuple[str, x509.Certificate]]:
        """Certificates that bear the name of the issuer that is looked for."""
        places = {"one that was served": Roots(chain)}
        places |= {_PLACES[owner]: roots for owner, roots in self._all.items()}
        for where, roots in places.items():
            for certificate in map(read, roots.named(top.issuer)):
                if certificate is not None:
                    yield where, certificate


_BORROWED = (
    ", found only through a certificate that this host happens to know: the chain is incomplete as"
    " served"
)
_PLACES = {
    ChainRoot.MOZILLA: "a root of Mozilla's",
    ChainRoot.DECLARED: "the endpoint's own ca",
    ChainRoot.HOST: "a root of this host's",
}
_RANK = {
    ChainRoot.MOZILLA: 0,
    ChainRoot.DECLARED: 1,
    ChainRoot.HOST: 2,
    ChainRoot.LEAF: 3,
    ChainRoot.OTHER: 3,
}


def _weight(lineage: Lineage) -> tuple[int, bool, bool, int]:
    """Whose root it is where signatures lead to several: the least weight.

    What is valid today comes before what has expired, so that an old cross-signature hides no one.
    The endpoint's own root comes before all but a valid public one: only who owns it can have had
    it sign.
    """
    is_old = not lineage.in_date and lineage.owner is not ChainRoot.DECLARED
    rank = _RANK[lineage.owner] + (len(_RANK) if is_old else 0)
    return rank, not lineage.in_date, lineage.is_borrowed, len(lineage.path)


def _key_of(der: bytes) -> str | None:
    certificate = read(der)
    try:
        return None if certificate is None else spki_sha256(certificate)
    except UNREADABLE:
        return None
