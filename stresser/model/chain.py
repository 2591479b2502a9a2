"""What a certificate chain says about who ends TLS: the closed lists that verdicts are made of."""

from enum import StrEnum


class ChainRoot(StrEnum):
    """Whose root a chain leads to; its dates and names are another question."""

    MOZILLA = "mozilla"
    """One of Mozilla's roots (certifi)."""
    FORMER = "former"
    """A root that Mozilla once carried, and that this host still trusts."""
    DECLARED = "declared"
    """The endpoint's own `ca`."""
    HOST = "host"
    """A root that this host trusts and that is none of the above: somebody installed it."""
    OTHER = "other"
    """A root that was served with the chain and that is unknown here."""
    LEAF = "leaf"
    """The leaf is signed by itself."""
    HIDDEN = "hidden"
    """Not to be known: the certificate of an issuer was not served and is not known here."""
    NONE = "none"
    """Signatures lead to no root: one is bad, or a certificate cannot be read."""


UNDECIDED_ROOTS = frozenset({ChainRoot.OTHER, ChainRoot.LEAF, ChainRoot.HIDDEN, ChainRoot.NONE})
"""Who presents such a chain is not to be known from it: the endpoint, or a box on the path."""


class ChainClass(StrEnum):
    """The verdict on one chain for one name."""

    PUBLIC = "public"
    """It verifies by a public root."""
    DECLARED = "declared"
    """It verifies by the endpoint's own `ca`."""
    PRIVATE_TRUSTED = "private_trusted"
    """It verifies by a private root that this host trusts and the endpoint does not declare."""
    PRIVATE_UNTRUSTED = "private_untrusted"
    """It leads to a root that is unknown here, or to none that can be seen."""
    BROKEN = "broken"
    """Our handshake refuses it whoever is trusted: expired, wrong name or purpose, a constraint, a
    weak key, a bad signature, unreadable; or a public CA's intermediate is missing."""
